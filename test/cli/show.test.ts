import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { parseIp, parseMac } from '../../src/base/address.js'
import { overlay as proto } from '../../src/gen/overlay.js'
import { spawnMacipctl, tempDir } from '../support.js'
import { macipctl, type Result } from '../../lab/in-process.js'
import { FakeRelay } from '../snoop/fake-relay.js'

const M1 = 'bc:24:11:00:00:01'
const M2 = 'bc:24:11:00:00:02'
const M3 = 'bc:24:11:00:00:03'
const FAR = '192.0.2.2'
const FURTHER = '192.0.2.3'

const bytes = (text: string): Buffer => parseIp(text) ?? parseMac(text) ?? Buffer.alloc(0)
const key = (mac: string, ip = '', vni = 100): proto.Key.$Properties => ({ vni, mac: bytes(mac), ip: bytes(ip) })
const vni = (vni: number, vtep = '192.0.2.1'): proto.ViewChange.$Properties => ({ vni: { vni, vtep: bytes(vtep) } })
const mac = (mac: string, ip = '', more: proto.MacView.$Properties = {}): proto.ViewChange.$Properties => {
  return { mac: { key: key(mac, ip), esi: Buffer.alloc(10), ...more } }
}
const remote = (mac: string, ip = '', vtep = FAR, vni = 100, seq = 0): proto.ViewChange.$Properties => {
  return { remote: { key: key(mac, ip, vni), vtep: bytes(vtep), seq } }
}
const vtep = (vtep: string, floodControl = 0, vni = 100): proto.ViewChange.$Properties => {
  return { vtep: { vni, vtep: bytes(vtep), floodControl } }
}

type Scene = { path: string; relay: FakeRelay; show: (...args: string[]) => Promise<Result> }

async function scene(t: TestContext): Promise<Scene> {
  const path = join(tempDir(t), 'relay.sock')
  const relay = await FakeRelay.listen(t, path)
  relay.views = [vni(100), mac(M1), remote(M2), remote(M2, '10.0.0.2'), vtep(FAR)]
  relay.status = { version: '0.1.0', injecting: true, sessions: [{ id: 1, kind: 'main', inSync: true }], vnis: 1 }
  return { path, relay, show: (...args) => macipctl('show', ...args, '--relay', path) }
}

/** The lines of a table, each run of spaces as one. */
function lines({ code, stdout, stderr }: Result): string[] {
  assert.deepEqual([code, stderr], [0, ''])
  return stdout.split('\n').map((line) => line.replaceAll(/ +/g, ' ').trim())
}

test('show vni: what is known in each', async (t) => {
  const { path, relay } = await scene(t)
  relay.views.push(vni(50, '2001:db8::1'), remote(M3, '', FAR, 300))
  assert.deepEqual(lines(await spawnMacipctl('show', 'vni', '--relay', path)), [
    'VNI LIVE LOCAL VTEP MACS MAC-IPS REMOTE MACS REMOTE MAC-IPS VTEPS NOTE',
    '50 yes 2001:db8::1 0 0 0 0 0 no remote VTEP',
    '100 yes 192.0.2.1 1 0 1 1 1',
    '300 no 0 0 1 0 0 zebra has not announced the VNI',
    '',
  ])
})

test('show macs: zebra’s and those that macipd announces', async (t) => {
  const { relay, show } = await scene(t)
  const esi = Buffer.from('03441111111111000001', 'hex')
  relay.views.push(mac(M3, '', { seq: 2, flags: 0x81, esi }), mac(M3, '2001:db8::3', { seq: 2, flags: 4, esi }))
  relay.hold({ vni: 100, mac: M1, ip: '10.0.0.10' })
  relay.hold({ vni: 100, mac: M1, ip: '10.0.0.9' }, { router: true })
  const text = '03:44:11:11:11:11:11:00:00:01'
  assert.deepEqual(lines(await show('macs')), [
    'VNI MAC IP SEQ FLAGS ESI BY NOTE',
    `100 ${M1} 0 zebra`,
    `100 ${M1} 10.0.0.9 7 router macipd`,
    `100 ${M1} 10.0.0.10 7 macipd`,
    `100 ${M3} 2 sticky 0x80 ${text} zebra`,
    `100 ${M3} 2001:db8::3 2 router ${text} zebra`,
    '',
  ])
})

test('show macs: what bgpd has of a host that zebra announces as a proxy, too', async (t) => {
  const { relay, show } = await scene(t)
  const esi = Buffer.from('03441111111111000001', 'hex')
  for (const ip of ['', '10.0.0.9', '10.0.0.10']) relay.views.push(mac(M3, ip, { flags: ip === '' ? 0 : 0x20, esi }))
  relay.hold({ vni: 100, mac: M3, ip: '10.0.0.9' })
  const text = '03:44:11:11:11:11:11:00:00:01'
  assert.deepEqual(lines(await show('macs')).slice(2, -1), [
    `100 ${M3} 0 ${text} zebra`,
    `100 ${M3} 10.0.0.9 7 ${text} macipd`,
    `100 ${M3} 10.0.0.10 0 proxy-advert ${text} zebra`,
  ])
})

test('what is local and remote at once, or at two MACs, is pointed out on both sides', async (t) => {
  const { relay, show } = await scene(t)
  relay.views.push(mac(M2, '', { seq: 4 }), mac(M1, '10.0.0.2'), mac(M3, '10.0.0.2'), remote(M3, '', FURTHER, 100, 1))
  assert.deepEqual(lines(await show('macs')).slice(1, -1), [
    `100 ${M1} 0 zebra`,
    `100 ${M1} 10.0.0.2 0 zebra also remote: ${M2} behind ${FAR}, seq 0; also at ${M3}`,
    `100 ${M2} 4 zebra also remote: behind ${FAR}, seq 0`,
    `100 ${M3} 10.0.0.2 0 zebra also remote: ${M2} behind ${FAR}, seq 0; also at ${M1}`,
  ])
  assert.deepEqual(lines(await show('remote')).slice(1, -1), [
    `100 ${M2} ${FAR} 0 also local: seq 4`,
    `100 ${M2} 10.0.0.2 ${FAR} 0 also local: ${M1} seq 0; also local: ${M3} seq 0`,
    `100 ${M3} ${FURTHER} 1 its VTEP is not flooded to`,
  ])
})

test('show vteps: how they are flooded to, what is behind them', async (t) => {
  const { relay, show } = await scene(t)
  relay.views.push(vtep('2001:db8::2', 1), vtep('192.0.2.1', 2), vtep(FAR, 9, 200), remote(M3, '', FURTHER))
  assert.deepEqual(lines(await show('vteps')), [
    'VNI VTEP FLOOD MACS MAC-IPS NOTE',
    '100 192.0.2.1 pim-sm 0 0 this is the local VTEP: two nodes have one address?',
    '100 192.0.2.2 head-end-repl 1 1',
    '100 192.0.2.3 none 1 0 1 route behind it, but it is not flooded to',
    '100 2001:db8::2 disabled 0 0',
    '200 192.0.2.2 unknown-9 0 0 zebra has not announced the VNI',
    '',
  ])
})

test('show sessions: what each is for, and what is odd', async (t) => {
  const { relay, show } = await scene(t)
  const traffic = { bytesToZebra: 1200, framesToZebra: 12, bytesToBgpd: 5_000_000, framesToBgpd: 70, injected: 3 }
  const main = { id: 1, kind: 'main', client: 'bgp instance 0 session 0', since: Date.now() - 60_000, inSync: true }
  relay.status.sessions = [
    { ...main, ...traffic, dropped: 1 },
    { id: 2, kind: 'vnc', client: 'vnc', note: 'not the main session' },
  ]
  assert.deepEqual(lines(await show('sessions')), [
    'ID SESSION CLIENT SINCE TO ZEBRA FRAMES TO BGPD FRAMES INJECTED DROPPED NOTE',
    '1 main bgp instance 0 session 0 1 min ago 1.2 kB 12 5.0 MB 70 3 1',
    '2 vnc vnc 0 B 0 0 B 0 0 0 frame boundaries are not known; not the main session',
    '',
  ])
  const { sessions } = JSON.parse((await show('sessions', '--json')).stdout) as { sessions: Record<string, unknown>[] }
  assert.deepEqual([sessions[0]?.['framesToZebra'], sessions[1]?.['note']], [12, 'not the main session'])
})

const FILTERS: [args: string[], places: string[]][] = [
  [['macs', M1], [`${M1} -`]],
  [['macs', '10.0.0.2'], []],
  [['remote', '10.0.0.2'], [`${M2} 10.0.0.2`]],
  [
    ['remote', M2.toUpperCase()],
    [`${M2} -`, `${M2} 10.0.0.2`],
  ],
  [['remote', FURTHER], [`${M3} -`]],
  [['remote', '--vni', '200'], [`${M3} -`]],
  [['remote', M2, '--vni', '200'], []],
]
for (const [args, places] of FILTERS) {
  test(`show ${args.join(' ')}`, async (t) => {
    const { relay, show } = await scene(t)
    relay.views.push(remote(M3, '', FURTHER, 200))
    const { code, stdout, stderr } = await show(...args, '--json')
    assert.deepEqual([code, stderr], [0, ''])
    const rows = Object.values(JSON.parse(stdout) as Record<string, { mac: string; ip: string | null }[]>).flat()
    assert.deepEqual(
      rows.map(({ mac, ip }) => `${mac} ${ip ?? '-'}`),
      places,
    )
  })
}

test('show --json has the documented names', async (t) => {
  const { relay, show } = await scene(t)
  relay.hold({ vni: 100, mac: M1, ip: '10.0.0.1' })
  const names = async (what: string): Promise<string[]> => {
    const { stdout } = await show(what, '--json')
    const [[list, [first]]] = Object.entries(JSON.parse(stdout) as Record<string, [object]>) as [[string, [object]]]
    return [list, ...Object.keys(first).sort()]
  }
  const vniNames = 'live macIps macs notes remoteMacIps remoteMacs vni vtep vteps'
  assert.deepEqual(await names('vni'), ['vnis', ...vniNames.split(' ')])
  assert.deepEqual(await names('macs'), ['macs', ...'by esi flags ip mac notes seq vni'.split(' ')])
  assert.deepEqual(await names('remote'), ['remote', ...'flags ip mac notes seq vni vtep'.split(' ')])
  assert.deepEqual(await names('vteps'), ['vteps', ...'flood macIps macs notes vni vtep'.split(' ')])
})

test('an empty table says what is wrong', async (t) => {
  const { relay, show } = await scene(t)
  relay.views = []
  relay.status = { version: '0.1.0', listen: '/run/macipd/zserv.api' }
  for (const what of ['vni', 'macs', 'remote', 'vteps', 'sessions']) {
    const { code, stdout, stderr } = await show(what)
    assert.deepEqual([code, stdout.trimEnd().split('\n').length], [0, 1])
    assert.match(
      stderr,
      /^macipctl: bgpd is not connected to the relay; FRR must start bgpd with -z \S+: macipctl hook install --restart-bgpd\n$/,
    )
  }
})

test('no relay: one line, exit code 7', async (t) => {
  const path = join(tempDir(t), 'none.sock')
  for (const what of ['vni', 'sessions']) {
    const { code, stdout, stderr } = await macipctl('show', what, '--relay', path)
    assert.deepEqual([code, stdout], [7, ''])
    assert.equal(stderr, `macipctl: the relay does not answer at ${path}: there is no such socket\n`)
  }
})

const WRONG: [args: string[], message: RegExp][] = [
  [['show'], /a command is needed: vni, macs, remote, vteps, sessions or fpm/],
  [['show', 'mac'], /unknown command 'mac'/],
  [['show', 'vni', '10.0.0.1'], /too many arguments/],
  [['show', 'macs', 'tap1'], /Expected an IP address or a MAC address/],
  [['show', 'remote', '--vni', '0'], /Expected a number from 1 to 16777215/],
]
for (const [args, message] of WRONG) {
  test(`macipctl ${args.join(' ')}: one line, exit code 2`, async () => {
    const { code, stdout, stderr } = await macipctl(...args)
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, message)
    assert.match(stderr, /^macipctl: .*\n$/)
  })
}
