// What people are told of refused claims: of the address and the port that they ask about.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { FRAME_REFUSALS } from '../../src/bindings/frame-refusal.js'
import { REFUSALS } from '../../src/bindings/refusal.js'
import { BY_CONFIGURATION } from '../../src/cli/explain/words.js'
import { askExplanation } from '../../src/cli/queries.js'
import type { ExplanationReport } from '../../src/cli/explain/report.js'
import type { Address } from '../../src/cli/options.js'
import { scene } from '../snoop/scene.js'

const VM1 = 'bc:24:11:00:00:01'
const VM2 = 'bc:24:11:00:00:02'
const NLB = '03:bf:0a:00:00:0a'

async function asking(t: TestContext) {
  const parts = await scene(t)
  parts.ports.plug(11, 'tap1', 100)
  await parts.start()
  const explain = async (address: Address): Promise<ExplanationReport> => {
    const answer = await askExplanation(parts.options.control, address, undefined)
    assert.ok(answer.running)
    return answer
  }
  return { ...parts, explain }
}

test('what the program in the kernel refused is told of the address', async (t) => {
  const { source, explain } = await asking(t)
  source.refuse({ reason: 'mac-multicast', ifindex: 11, vlan: 0, mac: NLB, ip: '10.0.0.10' })
  source.refuse({ reason: 'arp-truncated', ifindex: 11, vlan: 0, mac: VM1, ip: '' })
  source.refuse({ reason: 'arp-truncated', ifindex: 99, vlan: 0, mac: VM1, ip: '' })
  const [ofIp] = (await explain({ ip: '10.0.0.10' })).refusals
  assert.deepEqual(
    [ofIp?.vni, ofIp?.mac, ofIp?.port, ofIp?.reason, ofIp?.count],
    [100, NLB, 'tap1', 'mac-multicast', 1],
  )
  assert.deepEqual((await explain({ ip: '10.0.0.1' })).refusals, [])
  source.see(11, 'bc:24:11:00:00:02', '10.0.0.1')
  const ofPort = (await explain({ ip: '10.0.0.1' })).refusals
  assert.deepEqual(
    ofPort.map(({ mac, reason }) => [mac, reason]),
    [[VM1, 'arp-truncated']],
    'a frame of which no claim was read is told of the addresses on its port',
  )
  const ofMac = (await explain({ mac: VM1 })).refusals
  assert.deepEqual(
    ofMac.map(({ ip, port, reason }) => [ip, port, reason]),
    [['', 'tap1', 'arp-truncated']],
  )
})

/** What no key of the configuration can change. */
const NOT_CONFIGURED = new Set([
  ...['no-port', 'no-vni', 'bad-mac', 'bad-ip', 'own-mac', 'own-ip', 'gateway', 'na-not-override', 'defended'],
  ...['port-blocked', 'port-locked', 'no-learning', 'vlan-protocol'],
  ...Object.keys(FRAME_REFUSALS).filter((name) => name !== 'rate-limited'),
])

test('every refusal that the configuration governs names its key, and the key is documented', () => {
  const page = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8')
  const documented = new Set([...page.matchAll(/^\| `(snoop\.[\w.]+)` \|/gm)].map(([, key]) => key))
  for (const name of Object.keys({ ...REFUSALS, ...FRAME_REFUSALS }).filter((it) => !NOT_CONFIGURED.has(it))) {
    const advice = (BY_CONFIGURATION as Record<string, string>)[name]
    assert.ok(advice !== undefined, name)
    const keys = [...advice.matchAll(/snoop(?:\.[a-zA-Z0-9]+)+/g)].map(([key]) => key)
    assert.ok(keys.length > 0, name)
    const known = (key: string): boolean => [...documented].some((it) => it === key || it?.startsWith(`${key}.`))
    for (const key of keys) assert.ok(known(key), `${name}: ${key}`)
  }
})

test('a port that was renamed is told under its present name, and what it does is charged as before', async (t) => {
  const { ports, relay, source, explain } = await asking(t)
  ports.plug(12, 'tap2', 100)
  source.see(11, VM1, '10.0.0.1')
  source.see(12, VM2, '10.0.0.1')
  source.refuse({ reason: 'mac-multicast', ifindex: 11, vlan: 0, mac: NLB, ip: '10.0.0.10' })
  await relay.until(() => relay.overlay.size === 1)
  const port = ports.ports.get(11) ?? assert.fail()
  ports.rename(port, 'web')
  ports.rename(ports.ports.get(12) ?? assert.fail(), 'tap1')
  const { bindings, events } = await explain({ ip: '10.0.0.1' })
  assert.deepEqual(
    bindings.map(({ binding, detail }) => [binding.port, detail.claim?.port]),
    [['web', 'tap1']],
  )
  assert.deepEqual(
    events
      .filter(({ event }) => event === 'learned' || event === 'contested')
      .map((it) => [it.event, it.port, it.detail]),
    [
      ['learned', 'web', 'arp-request'],
      ['contested', 'web', `${VM2} tap1`],
    ],
  )
  assert.deepEqual((await explain({ ip: '10.0.0.10' })).refusals[0]?.port, 'web')
  await relay.until(() => relay.overlay.get(`100 ${VM1} 10.0.0.1`)?.port === 'web')
})
