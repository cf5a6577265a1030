import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { parseIp, parseMac } from '../../../src/base/address.js'
import { DEFAULT_POLICY } from '../../../src/bindings/policy.js'
import { step } from '../../../src/bindings/step.js'
import { Table } from '../../../src/bindings/table.js'
import { ADDRESSES, LISTS, WORDS } from '../../../src/cli/completion/model.js'
import { type Live, select } from '../../../src/cli/completion/live.js'
import { liveValues, whereIn } from '../../../src/cli/completion/values.js'
import type { snoop as proto } from '../../../src/gen/snoop.js'
import { listenSnoopControl } from '../../../src/snoop/control.js'
import { evidence, TAP1, VM1, VM2 } from '../../bindings/build.js'
import { macipctl } from '../../../lab/in-process.js'
import { FakeRelay } from '../../snoop/fake-relay.js'
import { subject } from '../../snoop/subject.js'
import { silent, spawnMacipctl, tempDir } from '../../support.js'
import { places } from './shells.js'

const FAR = '192.0.2.2'
const bytes = (text: string): Buffer => parseIp(text) ?? parseMac(text) ?? assert.fail(text)

/** A snooper with one binding and two ports, and a relay that has seen a local and a remote MAC. */
async function daemons(
  t: TestContext,
): Promise<{ words: string[]; values: (what: Live, prefix?: string) => Promise<string[]> }> {
  const dir = tempDir(t)
  const [snoop, socket] = [join(dir, 'snoop.sock'), join(dir, 'relay.sock')]
  const table = new Table()
  step(table, evidence({ anchor: { ...TAP1, port: 'tap1' } }), DEFAULT_POLICY, 0)
  const status = (): proto.SnoopStatus.$Properties => ({
    ports: [{ name: 'tap1' }, { name: 'tap2' }, { name: 'a\x1b[2J' }],
  })
  const server = await listenSnoopControl(snoop, subject({ table }), status, silent)
  t.after(() => server.close())
  const relay = await FakeRelay.listen(t, socket)
  relay.views = [
    { vni: { vni: 1000, vtep: bytes('192.0.2.1') } },
    { mac: { key: { vni: 100, mac: bytes('02:00:00:00:00:09') }, esi: Buffer.alloc(10) } },
    { remote: { key: { vni: 200, mac: bytes(VM2), ip: bytes('2001:db8::2') }, vtep: bytes(FAR) } },
  ]
  const words = ['macipctl', 'explain', '--relay', socket, `--snoop=${snoop}`, '']
  return { words, values: (what, prefix = '') => liveValues(what, prefix, words, 20_000) }
}

test('what the daemons say, each once and in order', async (t) => {
  const { values } = await daemons(t)
  const expected: Record<Live, string[]> = {
    address: ['02:00:00:00:00:09', '10.0.0.1', VM1],
    remote: ['192.0.2.2', '2001:db8::2', VM2],
    known: ['02:00:00:00:00:09', '10.0.0.1', '2001:db8::2', VM1, VM2],
    vtep: [FAR],
    mac: ['02:00:00:00:00:09', VM1, VM2],
    ip: ['10.0.0.1', '2001:db8::2'],
    vni: ['100', '200', '1000'],
    port: ['tap1', 'tap2'],
  }
  for (const [what, list] of Object.entries(expected) as [Live, string[]][])
    assert.deepEqual(await values(what), list, what)
  assert.deepEqual(await values('known', 'BC:24'), [VM1, VM2])
  assert.deepEqual(await values('vni', '10'), ['100', '1000'])
})

test('one daemon is enough', async (t) => {
  const { words } = await daemons(t)
  const at = (flag: string): string[] => ['macipctl', ...words.slice(2, 5), `${flag}=/nowhere`]
  assert.deepEqual(await liveValues('ip', '', at('--snoop'), 20_000), ['2001:db8::2'])
  assert.deepEqual(await liveValues('ip', '', at('--relay'), 20_000), ['10.0.0.1'])
})

test('without an answer there is nothing, in a moment and without a word', async (t) => {
  const dir = tempDir(t)
  const nowhere = ['--', 'macipctl', 'explain', '--relay', join(dir, 'no'), '--snoop', join(dir, 'none')]
  const nothing = { code: 0, stdout: '', stderr: '' }
  assert.deepEqual(await spawnMacipctl('completion', 'values', 'known', '', ...nowhere), nothing)
  const socket = join(dir, 'silent')
  const silentServer = createServer().listen(socket)
  await once(silentServer, 'listening')
  t.after(() => silentServer.close())
  const hung = ['--', 'macipctl', 'explain', '--relay', socket, '--snoop', socket]
  assert.deepEqual(await macipctl('completion', 'values', 'known', '', ...hung), nothing)
  assert.deepEqual(
    await macipctl('completion', 'values', 'vni', '', '--', 'macipctl', '--config', join(dir, 'no')),
    nothing,
  )
})

test('there is a limit to what is offered', () => {
  const bindings = Array.from({ length: 5000 }, (_, index) => ({
    vni: 1,
    mac: VM1,
    ip: `10.0.${index >> 8}.${index & 255}`,
    port: '',
  }))
  const said = { bindings, views: { vnis: [], macs: [], remote: [], synced: [], vteps: [] }, ports: [] }
  assert.equal(select('ip', said, '').length, 1000)
  assert.deepEqual(select('ip', said, '10.0.19.13'), [
    '10.0.19.13',
    '10.0.19.130',
    '10.0.19.131',
    '10.0.19.132',
    '10.0.19.133',
    '10.0.19.134',
    '10.0.19.135',
  ])
})

test('where the daemons are is read from a line that is not complete', () => {
  assert.deepEqual(whereIn(['macipctl', 'show', '-N', 'blue', '--relay=/a=b', '--config', '/c', '--snoop']), {
    pathspace: 'blue',
    relay: '/a=b',
    config: '/c',
  })
  assert.deepEqual(whereIn(['--constructor', 'x', '--relay', '']), {})
})

test('what is known of options and commands is about such that there are', () => {
  const options = new Set(
    places.flatMap(({ path, options }) => options.flatMap(({ flags }) => flags.map((flag) => `${path} ${flag}`))),
  )
  for (const name of [...Object.keys(LISTS), ...Object.keys(WORDS)]) assert.ok(options.has(name), name)
  const paths = new Set(places.map(({ path }) => path))
  for (const name of Object.keys(ADDRESSES)) assert.ok(paths.has(name), name)
})

test('each value that is offered for a list is one that the command takes', async () => {
  for (const [name, words] of Object.entries(LISTS)) {
    const { stderr } = await macipctl(
      ...name.split(' ').slice(1),
      words.join(','),
      '--relay',
      '/nowhere',
      '--config',
      '/nowhere',
    )
    assert.doesNotMatch(stderr, /invalid|Known are|has the command/, name)
  }
})
