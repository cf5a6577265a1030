import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { compare, type Comparison, type Disagreement, type Evidence, lasting } from '../../src/cli/check/compare.js'
import { renderCheck } from '../../src/cli/check/text.js'
import { bindingReport } from '../../src/cli/report.js'
import { spawnMacipctl, tempDir } from '../support.js'

const M1 = 'bc:24:11:00:00:01'
const M2 = 'bc:24:11:00:00:02'
const HERE = '192.0.2.1'
const FAR = '192.0.2.2'
const FURTHER = '192.0.2.3'
const SAID = 1_000

type Mac = Evidence['macs'][number]
type Route = Evidence['routes'][number]

const local = (mac: string, seq = 0): Evidence['views']['macs'][number] => ({
  ...{ vni: 100, mac, ip: null, seq, flags: [], esi: null },
})
const remote = (mac: string, vtep = FAR, seq = 0, ip: string | null = null): Evidence['views']['remote'][number] => ({
  ...{ vni: 100, mac, ip, vtep, seq, flags: [] },
})
const programmed = (mac: string, vtep: string | null = FAR, more: Partial<Mac> = {}): Mac => ({
  ...{ vni: 100, mac, vtep, nexthopId: null, ifindex: 5, vlan: null, sticky: false, router: false },
  ...{ freshness: 'live', at: SAID },
  ...more,
})
const routed = (ip: string, gateway: string, more: Partial<Route> = {}): Route => ({
  ...{ ip, table: 1001, vrf: null, protocol: 'bgp', type: 'unicast', metric: 20, nexthopId: null, resolved: true },
  paths: [{ gateway, ifindex: 9, weight: 1, onlink: true, vni: 1000 }],
  ...{ freshness: 'live', at: SAID },
  ...more,
})
const bound = (
  mac: string,
  ip: string,
  state = 'active',
  reason = 'announced',
  vni = 100,
): Evidence['bindings'][number] => ({
  ...bindingReport({ mac: Buffer.from(mac.replaceAll(':', ''), 'hex'), ip: Buffer.from([10, 0, 0, 1]) }),
  ...{ vni, ip, port: 'tap1', state, reason },
})

type Said = Partial<Evidence['views']> & Partial<Pick<Evidence, 'bindings' | 'routes'>> & { fpm?: Mac[] }
const compared = ({ macs = [], remote = [], bindings = [], routes = [], fpm = [] }: Said): Comparison =>
  compare({
    views: { vnis: [{ vni: 100, vtep: HERE }], macs, remote, synced: [], vteps: [] },
    bindings,
    macs: fpm,
    routes,
  })

const kinds = ({ disagreements }: Comparison): string[] => disagreements.map(({ kind, mac }) => `${kind} ${mac}`)
const nothing = compared({}).notComparable

test('both say the same, even if a MAC is told with its IPs alone', () => {
  const result = compared({
    remote: [remote(M1), remote(M2, FAR, 3, '10.0.0.2')],
    fpm: [programmed(M1), programmed(M2)],
  })
  assert.deepEqual(result, { disagreements: [], agree: { macs: 2, hostRoutes: 0 }, notComparable: nothing })
})

test('programmed as remote, and local without a higher sequence number', () => {
  for (const [macs, remotes, seqs] of [
    [[local(M1)], [], [0, null]],
    [[local(M1, 3)], [remote(M1, FAR, 3)], [3, 3]],
    [[local(M1, 3)], [remote(M1, FAR, 4)], [3, 4]],
  ] as const) {
    const bindings = [bound(M1, '10.0.0.1', 'remote', 'mac-remote'), bound(M2, '10.0.0.2')]
    const { disagreements } = compared({ macs: [...macs], remote: [...remotes], fpm: [programmed(M1)], bindings })
    assert.deepEqual(disagreements, [
      {
        kind: 'local-and-remote',
        zapi: { seq: seqs[0], remoteSeq: seqs[1] },
        vni: 100,
        mac: M1,
        fpm: { vtep: FAR, since: SAID, freshness: 'live' },
        bindings: [{ ip: '10.0.0.1', port: 'tap1', state: 'remote', reason: 'mac-remote' }],
      },
    ])
  }
})

test('a MAC that has come here with a higher sequence number is no disagreement', () => {
  for (const remotes of [[], [remote(M1, FAR, 3)]]) {
    const result = compared({ macs: [local(M1, 4)], remote: remotes, fpm: [programmed(M1)] })
    assert.deepEqual([kinds(result), result.notComparable.superseded], [[], 1])
  }
})

test('behind two VTEPs', () => {
  const result = compared({ remote: [remote(M1, FURTHER, 2)], fpm: [programmed(M1, FAR, { freshness: 'replayed' })] })
  const [first] = result.disagreements
  assert.deepEqual(kinds(result), [`vtep ${M1}`])
  assert.deepEqual(first?.kind === 'vtep' && first.zapi, { vteps: [FURTHER], remoteSeq: 2 })
})

test('a host route away from here, for an IP that is announced from here', () => {
  const bindings = [bound(M1, '10.0.0.1'), bound(M1, '10.0.0.3')]
  const result = compared({ bindings, routes: [routed('10.0.0.1', FAR), routed('10.0.0.2', FAR)] })
  assert.deepEqual(kinds(result), [`host-route ${M1}`])
  const [first] = result.disagreements
  assert.deepEqual(first?.kind === 'host-route' && [first.ip, first.route], [
    '10.0.0.1',
    { table: 1001, vrf: null, vni: 1000 },
  ])
  assert.equal(result.agree.hostRoutes, 1)
})

const NO_ROUTE: [why: string, route: Route, bindings: Evidence['bindings']][] = [
  ['it leads here', routed('10.0.0.1', HERE), [bound(M1, '10.0.0.1')]],
  ['the IP is not announced', routed('10.0.0.1', FAR), [bound(M1, '10.0.0.1', 'contested')]],
  [
    'it does not lead through a tunnel',
    routed('10.0.0.1', FAR, { paths: [{ gateway: FAR, ifindex: 2, weight: 1, onlink: false, vni: null }] }),
    [bound(M1, '10.0.0.1')],
  ],
  ['what it names is not known', routed('10.0.0.1', FAR, { paths: [], resolved: false }), [bound(M1, '10.0.0.1')]],
  ['it is stale', routed('10.0.0.1', FAR, { freshness: 'stale' }), [bound(M1, '10.0.0.1')]],
  [
    'there is no telling whose it is',
    routed('10.0.0.1', FAR),
    [bound(M1, '10.0.0.1'), bound(M2, '10.0.0.1', 'active', 'announced', 200)],
  ],
]
for (const [why, route, bindings] of NO_ROUTE) {
  test(`a host route is no disagreement if ${why}`, () => {
    assert.deepEqual(kinds(compared({ routes: [route], bindings })), [])
  })
}

test('what FPM has never said proves nothing', () => {
  const result = compared({ remote: [remote(M1), remote(M1, FAR, 0, '10.0.0.1'), remote(M2)] })
  assert.deepEqual(result.disagreements, [])
  assert.deepEqual(result.notComparable, { ...nothing, neverSaid: 2 })
})

test('what is stale proves nothing', () => {
  const result = compared({ macs: [local(M1)], fpm: [programmed(M1, FAR, { freshness: 'stale' })] })
  assert.deepEqual(result.disagreements, [])
  assert.deepEqual(result.notComparable, { ...nothing, stale: 1 })
})

test('routers, unknown VNIs, Ethernet segments, and what nobody else speaks of are not compared', () => {
  const fpm = [
    programmed(M1, FAR, { router: true }),
    programmed(M1, FAR, { vni: null }),
    programmed(M1, null, { nexthopId: 7 }),
    programmed(M2),
  ]
  const result = compared({ macs: [local(M1)], fpm })
  assert.deepEqual(result.disagreements, [])
  assert.deepEqual(result.notComparable, { ...nothing, unclear: 2, onlyFpm: 1 })
})

test('only what is still so after a while is a disagreement', () => {
  const at = (mac: string, vtep = FAR): Disagreement[] =>
    compared({ macs: [local(mac)], fpm: [programmed(mac, vtep)] }).disagreements
  assert.deepEqual(lasting(at(M1), at(M1)), at(M1))
  assert.deepEqual(lasting(at(M1), at(M2)), [])
  assert.deepEqual(lasting(at(M1), at(M1, FURTHER)), [])
  assert.deepEqual(lasting(at(M1), []), [])
})

const plain = (_: string, text: string): string => text

test('each disagreement says who says what, and what to do', () => {
  const now = SAID + 5000
  const result = compared({
    macs: [local(M1, 1)],
    remote: [remote(M1, FAR, 1), remote(M2, FURTHER)],
    fpm: [programmed(M1), programmed(M2)],
    bindings: [bound(M1, '10.0.0.1')],
    routes: [routed('10.0.0.1', FAR)],
  })
  const text = renderCheck({ ...result, missing: [] }, now, plain).replaceAll(/said \d\d:\d\d:\d\d/g, 'said 00:00:01')
  assert.equal(
    text,
    `3 disagreements

! VNI 100 ${M1}: local and remote at once
    zebra (ZAPI)               local, sequence number 1
    bgpd (ZAPI)                remote, sequence number 1
    FPM (live, said 00:00:01)  behind ${FAR}
    macipd                     10.0.0.1 on tap1: active, announced to bgpd
  → a loop, a spoofed MAC, or a move in progress: macipctl explain ${M1}; bridge fdb show | grep ${M1}; vtysh -c "show evpn mac vni 100 mac ${M1}"

! VNI 100 ${M1}: 10.0.0.1 is announced from here, and routed to another VTEP
    FPM (live, said 00:00:01)  10.0.0.1 via ${FAR} in table 1001, VNI 1000
    macipd                     10.0.0.1 on tap1: active, announced to bgpd
  → two hosts have one address, or it is moving: macipctl explain 10.0.0.1; vtysh -c "show bgp l2vpn evpn route" — or the table is another tenant's, and both are right

! VNI 100 ${M2}: behind two VTEPs
    bgpd (ZAPI)                behind ${FURTHER}, sequence number 0
    FPM (live, said 00:00:01)  behind ${FAR}
    macipd                     has no binding of this MAC: there is nothing to announce
  → zebra has not followed bgpd, or is about to: macipctl fpm dump ${M2}; vtysh -c "show evpn mac vni 100 mac ${M2}"

Compared: 0 remote MACs said the same of by both, 0 announced IPs that no host route leads away from
`,
  )
})

test('what could not be compared is counted, with the reason', () => {
  const result = compared({ remote: [remote(M1)], fpm: [programmed(M2, FAR, { freshness: 'stale' })] })
  const text = renderCheck({ ...result, missing: [] }, SAID, plain)
  assert.match(text, /^OK: ZAPI and FPM agree\n/)
  assert.match(
    text,
    /\n {2}1 that FPM has not spoken of: .*\n {2}1 that FPM spoke of before the connection there is\n$/,
  )
})

test('nothing answers', async (t) => {
  const dir = tempDir(t)
  const { code, stderr } = await spawnMacipctl('check', '--relay', join(dir, 'r'), '--snoop', join(dir, 's'))
  assert.equal(code, 7)
  assert.match(stderr, /^macipctl: neither the relay .* nor the snooper .* answers\n$/)
})
