// What each VXLAN packet teaches, and how often, tried with BPF_PROG_TEST_RUN.
import assert from 'node:assert/strict'
import { after, afterEach, before, suite, test } from 'node:test'
import fc from 'fast-check'
import type { VxlanClaim, WatchVxlan } from '../../../src/control/vxlan-codec.js'
import { createLogger } from '../../../src/os/log.js'
import type { Evidence } from '../../../src/snoop/bpf/evidence.js'
import { BpfSnooper } from '../../../src/snoop/bpf/snooper.js'
import { VxlanSnooper } from '../../../src/snoop/bpf/vxlan-snooper.js'
import { enterNewNetns } from '../packet.js'
import {
  arp,
  dad,
  ETH_P_8021AD,
  ETH_P_ARP,
  ETH_P_IP,
  ethernet,
  na,
  ns,
  PEER_IP,
  PEER_MAC,
  ra,
  VM_IP,
  VM_IP6,
  VM_LINK_LOCAL,
  VM_MAC,
  ZERO_MAC,
} from './frames.js'
import { OUR_VTEP, OUR_VTEP6, udp, VNI, VNI_FLAG, type Vxlan, vxlan, VXLAN_PORT, VTEP, VTEP6 } from './vxlan-packets.js'
import { readVxlan } from './vxlan-reader.js'

enterNewNetns()

const TCX_NEXT = -1
const HOUR = 3600_000
const OTHER_PORT = 8472
const ASKER = '02:00:00:00:0a:01'
const log = createLogger('test', 'warn')
const UNLIMITED = { perSecond: 0, burst: 0 }
const OVER_IPV6: Vxlan = { source: VTEP6, destination: OUR_VTEP6 }

const WATCH: WatchVxlan = {
  interfaces: ['lo'],
  udpPorts: [VXLAN_PORT, OTHER_PORT],
  vnis: [VNI],
  sources: [
    { ip: '203.0.113.0', length: 24 },
    { ip: '::', length: 0 },
  ],
  destinations: [OUR_VTEP, OUR_VTEP6],
  repeatIntervalMs: 0,
  rate: UNLIMITED,
  totalRate: UNLIMITED,
  asker: undefined,
}

const opened: VxlanSnooper[] = []
afterEach(() => {
  for (const snooper of opened.splice(0)) snooper.close()
})

function open(changes: Partial<WatchVxlan> = {}): VxlanSnooper {
  const snooper = VxlanSnooper.open({ log })
  opened.push(snooper)
  snooper.configure({ ...WATCH, ...changes })
  return snooper
}

function drain(snooper: VxlanSnooper): VxlanClaim[] {
  const claims: VxlanClaim[] = []
  while (snooper.drain((claim) => claims.push(claim)) > 0);
  return claims
}

const withoutTime = ({ kind, vni, vtep, mac, etherSource, ip, router }: VxlanClaim): Omit<VxlanClaim, 'at'> => ({
  ...{ kind, vni, vtep, mac, etherSource, ip, router },
})

/** The outcome of one packet; '' if it is not counted. */
function outcome(snooper: VxlanSnooper, packet: Buffer): string {
  const { retval, outcomes } = snooper.testRun(packet)
  assert.equal(retval, TCX_NEXT, 'the packet goes on')
  return Object.entries(outcomes)
    .map(([name, count]) => (count === 1 ? name : `${name} ${count}`))
    .join()
}

const REQUEST = {
  kind: 'arp-request',
  vni: VNI,
  vtep: VTEP,
  mac: VM_MAC,
  etherSource: VM_MAC,
  ip: VM_IP,
  router: false,
}

suite('packets that are reported', () => {
  const cases: [name: string, packet: Buffer, claim: Record<string, unknown>][] = [
    ['ARP request over IPv4', vxlan(arp()), {}],
    ['ARP request over IPv6', vxlan(arp(), OVER_IPV6), { vtep: VTEP6 }],
    ['ARP reply', vxlan(arp({ operation: 2, etherDestination: PEER_MAC })), { kind: 'arp-reply' }],
    ['ARP probe', vxlan(arp({ senderIp: '0.0.0.0' })), { kind: 'arp-probe', ip: PEER_IP }],
    ['ARP of another station', vxlan(arp({ etherSource: PEER_MAC })), { etherSource: PEER_MAC }],
    ['NA', vxlan(na()), { kind: 'na', ip: VM_IP6 }],
    ['NA over IPv6', vxlan(na(), OVER_IPV6), { kind: 'na', ip: VM_IP6, vtep: VTEP6 }],
    ['NS', vxlan(ns()), { kind: 'ns', ip: VM_IP6 }],
    ['RA', vxlan(ra()), { kind: 'ra', ip: VM_LINK_LOCAL, router: true }],
    ['duplicate address detection', vxlan(dad()), { kind: 'dad-ns', ip: VM_IP6 }],
    ['another configured port', vxlan(arp(), { port: OTHER_PORT }), {}],
    ['one VLAN tag around it', vxlan(arp(), { tags: [{ vlan: 100 }] }), {}],
    [
      'two VLAN tags around it',
      vxlan(na(), { ...OVER_IPV6, tags: [{ protocol: ETH_P_8021AD, vlan: 7 }, { vlan: 100 }] }),
      { kind: 'na', ip: VM_IP6, vtep: VTEP6 },
    ],
    ['IPv4 options', vxlan(arp(), { ipOptions: Buffer.alloc(40, 1) }), {}],
    [
      'one IPv4 option behind a tag',
      vxlan(na(), { ipOptions: Buffer.alloc(4, 1), tags: [{ vlan: 1 }] }),
      { kind: 'na', ip: VM_IP6 },
    ],
    ['a first fragment that has the frame', vxlan(arp(), { fragment: 0x2000, udpLength: 1400 }), {}],
    ['"do not fragment"', vxlan(arp(), { fragment: 0x4000 }), {}],
    ['padded to the minimum of Ethernet inside', vxlan(Buffer.concat([arp(), Buffer.alloc(18)])), {}],
    ['padded outside', vxlan(arp(), { padding: Buffer.alloc(20) }), {}],
  ]
  for (const [name, packet, claim] of cases)
    test(name, () => {
      const snooper = open()
      assert.equal(outcome(snooper, packet), 'passed')
      assert.deepEqual(drain(snooper).map(withoutTime), [{ ...REQUEST, ...claim }])
    })

  test('the highest VNI', () => {
    const snooper = open({ vnis: [0xffffff] })
    assert.equal(outcome(snooper, vxlan(arp(), { vni: 0xffffff })), 'passed')
    assert.deepEqual(
      drain(snooper).map(({ vni }) => vni),
      [0xffffff],
    )
  })
})

suite('packets that are not', () => {
  const frame = arp()
  const cases: [outcome: string, name: string, packet: Buffer][] = [
    ['', 'data', vxlan(ethernet(ETH_P_IP, Buffer.alloc(46)))],
    ['', 'data over IPv6', vxlan(ethernet(ETH_P_IP, Buffer.alloc(46)), OVER_IPV6)],
    ['', 'data in a VLAN of the underlay', vxlan(ethernet(ETH_P_IP, Buffer.alloc(46)), { tags: [{ vlan: 9 }] })],
    ['', 'another UDP port', vxlan(frame, { port: 4790 })],
    ['', 'UDP port 0', vxlan(frame, { port: 0 })],
    ['', 'another protocol', vxlan(frame, { protocol: 6 })],
    ['', 'IPv6 extension header', vxlan(frame, { ...OVER_IPV6, protocol: 0 })],
    ['', 'a later fragment', vxlan(frame, { fragment: 0x2001 })],
    ['', 'the last fragment', vxlan(frame, { fragment: 185 })],
    ['', 'ARP of the underlay itself', frame],
    ['', 'IP version', vxlan(frame, { version: 5 })],
    ['', 'IPv6 of another version', vxlan(frame, { ...OVER_IPV6, version: 4 })],
    ['', 'IPv4 header shorter than possible', vxlan(frame, { headerLength: 4 })],
    ['', 'three tags', vxlan(frame, { tags: [{ vlan: 1 }, { vlan: 2 }, { vlan: 3 }] })],
    ['', 'the end within a tag', vxlan(frame, { tags: [{ vlan: 1 }] }).subarray(0, 16)],
    ['', 'the end within UDP', vxlan(frame).subarray(0, 38)],
    ['outer-malformed', 'IP longer than the packet', vxlan(frame, { ipLength: 79 })],
    ['outer-malformed', 'UDP longer than IP', vxlan(frame, { udpLength: 59 })],
    ['outer-malformed', 'UDP without room for VXLAN', vxlan(frame, { udpLength: 15 })],
    ['outer-malformed', 'the end within VXLAN', vxlan(frame).subarray(0, 48)],
    ['header-other', 'without the I flag', vxlan(frame, { flags: 0 })],
    ['header-other', 'VXLAN-GPE: the P flag', vxlan(frame, { flags: VNI_FLAG | 0x0400_0003 })],
    ['header-other', 'a group policy', vxlan(frame, { flags: 0x8800_0001 })],
    ['header-other', 'a reserved bit before the VNI', vxlan(frame, { flags: VNI_FLAG | 1 })],
    ['header-other', 'a reserved bit behind the VNI', vxlan(frame, { reserved: 1 })],
    ['vni-other', 'another VNI', vxlan(frame, { vni: VNI + 1 })],
    ['vni-other', 'another VNI, the frame tagged', vxlan(arp({ tags: [{ vlan: 1 }] }), { vni: VNI + 1 })],
    ['destination-other', 'another destination', vxlan(frame, { destination: '203.0.113.2' })],
    ['destination-other', 'another destination over IPv6', vxlan(frame, { ...OVER_IPV6, destination: VTEP6 })],
    [
      'source-other',
      'the mapped form of our address does not make IPv6 IPv4',
      vxlan(frame, { source: `::ffff:${VTEP}`, destination: OUR_VTEP6 }),
    ],
    ['source-other', 'a source that is not allowed', vxlan(frame, { source: '203.0.112.255' })],
    ['source-other', 'a multicast source', vxlan(frame, { ...OVER_IPV6, source: 'ff02::1' })],
    ['source-other', 'the unspecified source', vxlan(frame, { ...OVER_IPV6, source: '::' })],
    ['inner-truncated', 'no room for an Ethernet header', vxlan(frame.subarray(0, 13))],
    ['inner-tagged', '802.1Q inside', vxlan(arp({ tags: [{ vlan: 5 }] }))],
    ['inner-tagged', '802.1ad inside', vxlan(arp({ tags: [{ protocol: ETH_P_8021AD, vlan: 5 }] }), OVER_IPV6)],
    ['arp-truncated', 'ARP that ends too early', vxlan(frame.subarray(0, 41))],
    ['arp-truncated', 'ARP that goes on behind UDP', vxlan(frame, { udpLength: 8 + 8 + 41 })],
    ['arp-other-operation', 'RARP', vxlan(arp({ operation: 3 }))],
    ['mac-zero', 'a MAC that no host has', vxlan(arp({ senderMac: ZERO_MAC }))],
    ['ip-loopback', 'an IP that no host has', vxlan(arp({ senderIp: '127.0.0.1' }))],
    ['ether-source-invalid', 'a source that no frame has', vxlan(arp({ etherSource: ZERO_MAC }))],
    ['nd-hop-limit', 'ND that may have passed a router', vxlan(na({ hopLimit: 254 }))],
    ['nd-checksum', 'ND with a wrong checksum', vxlan(na({ checksumError: 1 }))],
    ['nd-truncated', 'ND that goes on behind UDP', vxlan(na(), { udpLength: 8 + 8 + na().length - 1 })],
    ['ipv6-malformed', 'IPv6 without a next header', vxlan(na().subarray(0, 18))],
  ]
  for (const [expected, name, packet] of cases)
    test(`${expected || 'left alone'}: ${name}`, () => {
      const snooper = open()
      assert.equal(outcome(snooper, packet), expected)
      assert.deepEqual(drain(snooper), [])
    })

  test('before anything is wanted nothing is', () => {
    const snooper = VxlanSnooper.open({ log })
    opened.push(snooper)
    for (const packet of [vxlan(arp()), vxlan(na(), OVER_IPV6)]) assert.equal(outcome(snooper, packet), '')
  })

  test('IPv6 sources of any kind do not let IPv4 pass', () => {
    const snooper = open({ sources: [{ ip: '::', length: 0 }] })
    assert.equal(outcome(snooper, vxlan(arp())), 'source-other')
    assert.equal(outcome(snooper, vxlan(arp(), OVER_IPV6)), 'passed')
  })
})

suite('repetitions', () => {
  const reply = (etherDestination: string) => vxlan(arp({ operation: 2, etherDestination }))

  test('the same claim of a VTEP in a VNI is passed once', () => {
    const snooper = open({ repeatIntervalMs: HOUR, vnis: [VNI, VNI + 1] })
    const packets = [vxlan(arp()), vxlan(arp(), { source: '203.0.113.8' }), vxlan(arp(), { vni: VNI + 1 }), vxlan(na())]
    for (const expected of ['passed', 'repeated'])
      for (const packet of packets) assert.equal(outcome(snooper, packet), expected)
  })

  test('an answer to the asker is never one, over IPv4 and IPv6', () => {
    const snooper = open({ repeatIntervalMs: HOUR, asker: ASKER })
    for (const expected of ['passed', 'repeated']) assert.equal(outcome(snooper, reply(PEER_MAC)), expected)
    for (const packet of [reply(ASKER), vxlan(na({ etherDestination: ASKER }), OVER_IPV6)])
      for (let time = 0; time < 3; time++) assert.equal(outcome(snooper, packet), 'passed')
  })

  test('a question to the asker is one, and so is an answer to nobody if there is no asker', () => {
    const asking = open({ repeatIntervalMs: HOUR, asker: ASKER })
    for (const expected of ['passed', 'repeated'])
      assert.equal(outcome(asking, vxlan(arp({ etherDestination: ASKER }))), expected)
    const silent = open({ repeatIntervalMs: HOUR })
    for (const expected of ['passed', 'repeated']) assert.equal(outcome(silent, reply(ZERO_MAC)), expected)
  })
})

suite('changes of what is wanted', () => {
  const cases: [name: string, without: Partial<WatchVxlan>, refused: string][] = [
    ['a VNI', { vnis: [] }, 'vni-other'],
    ['a destination', { destinations: [OUR_VTEP6] }, 'destination-other'],
    ['a source', { sources: [] }, 'source-other'],
    ['a UDP port', { udpPorts: [OTHER_PORT] }, ''],
  ]
  for (const [name, without, refused] of cases)
    test(`${name} that is taken away and comes back`, () => {
      const snooper = open({ repeatIntervalMs: HOUR, ...without })
      assert.equal(outcome(snooper, vxlan(arp())), refused)
      const all = { ...WATCH, repeatIntervalMs: HOUR }
      snooper.configure(all)
      assert.equal(outcome(snooper, vxlan(arp())), 'passed', 'what was refused does not count as seen')
      snooper.configure({ ...all, ...without })
      assert.equal(outcome(snooper, vxlan(arp())), refused)
    })

  test('what was said before its VNI was taken away is news when that is back; elsewhere it is not', () => {
    const all = { ...WATCH, vnis: [VNI, VNI + 1], repeatIntervalMs: HOUR }
    const snooper = open(all)
    const [here, there] = [vxlan(arp()), vxlan(arp(), { vni: VNI + 1 })]
    for (const packet of [here, there]) assert.equal(outcome(snooper, packet), 'passed')
    snooper.configure({ ...all, vnis: [VNI + 1] })
    snooper.configure(all)
    assert.deepEqual([outcome(snooper, here), outcome(snooper, there)], ['passed', 'repeated'])
  })

  test('the same request changes nothing', () => {
    const snooper = open({ repeatIntervalMs: HOUR })
    assert.equal(outcome(snooper, vxlan(arp())), 'passed')
    snooper.configure({ ...WATCH, repeatIntervalMs: HOUR })
    assert.equal(outcome(snooper, vxlan(arp())), 'repeated')
  })
})

suite('rates', () => {
  const claims = (count: number, options: Vxlan = {}) =>
    Array.from({ length: count }, (_, host) => vxlan(arp({ senderIp: `10.0.0.${host + 1}` }), options))
  const count = (snooper: VxlanSnooper, packets: readonly Buffer[]): Record<string, number> => {
    const sums: Record<string, number> = {}
    for (const packet of packets) {
      const name = outcome(snooper, packet)
      sums[name] = (sums[name] ?? 0) + 1
    }
    return sums
  }
  const few = { perSecond: 1e-3, burst: 3 }

  test('of one VTEP: others are not affected', () => {
    const snooper = open({ rate: few })
    for (const options of [{}, { source: '203.0.113.8' }, OVER_IPV6])
      assert.deepEqual(count(snooper, claims(10, options)), { passed: 3, 'rate-limited': 7 })
  })

  test('of all together, and what one VTEP has too much does not count for all', () => {
    const snooper = open({ rate: few, totalRate: { perSecond: 1e-3, burst: 5 } })
    assert.deepEqual(count(snooper, claims(10)), { passed: 3, 'rate-limited': 7 })
    assert.deepEqual(count(snooper, claims(10, OVER_IPV6)), { passed: 2, 'total-rate-limited': 8 })
  })

  test('an answer to the asker is not above the rate', () => {
    const snooper = open({ rate: few, asker: ASKER })
    const answers = Array.from({ length: 5 }, () => vxlan(arp({ operation: 2, etherDestination: ASKER })))
    assert.deepEqual(count(snooper, answers), { passed: 3, 'rate-limited': 2 })
  })

  test('more VTEPs than are remembered, as if they were forged, do no harm', () => {
    const snooper = open({ rate: { perSecond: 1000, burst: 1 }, totalRate: { perSecond: 1e-3, burst: 100 } })
    for (let source = 0; source < 20_000; source++) {
      const vtep = `2001:db8:1::${source.toString(16)}`
      snooper.testRun(vxlan(arp(), { ...OVER_IPV6, source: vtep }))
    }
    const { passed, 'total-rate-limited': limited } = snooper.counters()
    assert.deepEqual([passed, limited], [100, 19_900])
  })
})

/** The kernel's test run takes no packet that ends within the header of IPv6. */
const SHORTEST = 14 + 40

suite('any bytes', () => {
  let snooper: VxlanSnooper
  let port: BpfSnooper
  before(() => {
    snooper = VxlanSnooper.open({ log })
    snooper.configure(WATCH)
    port = BpfSnooper.open({ repeatIntervalMs: 0, learnNs: true, log })
  })
  after(() => {
    snooper.close()
    port.close()
  })

  /** What the program of ports reads from the frame, if a plain reader finds one in a packet that is wanted. */
  function expected(packet: Buffer): Omit<VxlanClaim, 'at'>[] {
    const found = readVxlan(packet, WATCH)
    if (found === undefined) return []
    // what is shorter is no ARP nor ND
    if (found.frame.length < SHORTEST && found.frame.readUInt16BE(12) !== ETH_P_ARP) return []
    const evidence: Evidence[] = []
    port.testRun(found.frame)
    while (port.drain((it) => evidence.push(it)) > 0);
    return evidence.map(({ kind, mac, etherSource, ip, router }) => ({
      ...{ kind, mac, etherSource, ip, router },
      ...{ vni: found.vni, vtep: found.vtep },
    }))
  }

  const seeds = [
    vxlan(arp()),
    vxlan(na(), { tags: [{ vlan: 3 }] }),
    vxlan(ra(), OVER_IPV6),
    vxlan(dad(), { ipOptions: Buffer.alloc(8, 1) }),
    vxlan(ns(), { ...OVER_IPV6, tags: [{ vlan: 1 }, { vlan: 2 }] }),
    vxlan(arp(), { fragment: 0x2000, udpLength: 900 }),
    udp(Buffer.alloc(60, 0xff)),
  ]
  const mutation = fc.record({
    seed: fc.nat(seeds.length - 1),
    /** Mostly in the headers. */
    changes: fc.array(fc.tuple(fc.nat(130), fc.nat(255)), { maxLength: 3 }),
    cut: fc.option(fc.integer({ min: SHORTEST, max: 200 })),
    more: fc.uint8Array({ maxLength: 20 }),
  })

  test('changed packets teach what a plain reader reads from them, no more and no less', () => {
    fc.assert(
      fc.property(mutation, ({ seed, changes, cut, more }) => {
        const packet = Buffer.concat([seeds[seed] ?? Buffer.alloc(14), more])
        for (const [at, value] of changes) if (at < packet.length) packet[at] = value
        const bytes = cut === null ? packet : packet.subarray(0, cut)
        assert.equal(snooper.testRun(bytes).retval, TCX_NEXT)
        assert.deepEqual(drain(snooper).map(withoutTime), expected(bytes))
      }),
      { numRuns: 5000 },
    )
  })

  test('random packets go on', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: SHORTEST, maxLength: 300 }),
        fc.constantFrom(0x0800, 0x86dd, 0x8100),
        (bytes, type) => {
          const packet = Buffer.from(bytes)
          packet.writeUInt16BE(type, 12)
          assert.equal(snooper.testRun(packet).retval, TCX_NEXT)
          assert.deepEqual(drain(snooper).map(withoutTime), expected(packet))
        },
      ),
      { numRuns: 2000 },
    )
  })
})
