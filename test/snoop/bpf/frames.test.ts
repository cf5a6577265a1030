// What each frame teaches, tried with BPF_PROG_TEST_RUN.
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import fc from 'fast-check'
import { formatIp } from '../../../src/base/address.js'
import { createLogger } from '../../../src/os/log.js'
import { BpfSnooper, type OutcomeName } from '../../../src/snoop/bpf/snooper.js'
import type { Evidence } from '../../../src/snoop/bpf/evidence.js'
import {
  BROADCAST_MAC,
  ETH_P_8021AD,
  ETH_P_8021Q,
  ETH_P_ARP,
  ETH_P_IP,
  ETH_P_IPV6,
  NA_OVERRIDE,
  NA_ROUTER,
  NA_SOLICITED,
  PEER_IP,
  PEER_IP6,
  PEER_MAC,
  VM_IP,
  VM_IP6,
  VM_LINK_LOCAL,
  VM_MAC,
  ZERO_MAC,
  arp,
  dad,
  ethernet,
  icmpv6,
  icmpv6Checksum,
  na,
  ns,
  ra,
  slla,
  tlla,
} from './frames.js'

const TCX_NEXT = -1
const PROXY_MAC = '02:00:00:00:00:09'
const MULTICAST_MAC = '01:00:5e:00:00:01'
const ALL_NODES = { destination: 'ff02::1', etherDestination: '33:33:00:00:00:01' }

let snooper: BpfSnooper
before(() => {
  snooper = BpfSnooper.open({ repeatIntervalMs: 0, learnNs: true, log: createLogger('test', 'warn') })
})
after(() => {
  snooper.close()
})

function drain(): Evidence[] {
  const all: Evidence[] = []
  while (snooper.drain((evidence) => all.push(evidence)) > 0);
  return all
}

const UNTAGGED = { ifindex: 1, vlan: 0, vlanProtocol: 0, mac: VM_MAC, etherSource: VM_MAC }
const NO_FLAGS = { router: false, solicited: false, override: false }
const REQUEST: Omit<Evidence, 'at'> = { kind: 'arp-request', ...UNTAGGED, ip: VM_IP, ...NO_FLAGS }
const ANSWER: Omit<Evidence, 'at'> = {
  kind: 'na',
  ...UNTAGGED,
  ip: VM_IP6,
  router: false,
  solicited: true,
  override: true,
}

const SOLICITATION = { ...ANSWER, kind: 'ns' as const, solicited: false, override: false }
const ROUTER = { ...SOLICITATION, kind: 'ra' as const, ip: VM_LINK_LOCAL, router: true }
const ARP_PROBE = { ...REQUEST, kind: 'arp-probe' as const, ip: PEER_IP }
const DAD = { ...SOLICITATION, kind: 'dad-ns' as const }

suite('frames that are reported', () => {
  const cases: [name: string, frame: Buffer, evidence: Omit<Evidence, 'at'>][] = [
    ['ARP request', arp(), REQUEST],
    [
      'ARP reply',
      arp({ operation: 2, targetMac: PEER_MAC, etherDestination: PEER_MAC }),
      { ...REQUEST, kind: 'arp-reply' },
    ],
    ['ARP announcement', arp({ targetIp: VM_IP }), REQUEST],
    ['padded to the minimum of Ethernet', Buffer.concat([arp(), Buffer.alloc(18)]), REQUEST],
    [
      'ARP sent by another station for the sender',
      arp({ etherSource: PROXY_MAC }),
      { ...REQUEST, etherSource: PROXY_MAC },
    ],
    ['sender in 0.0.0.0/8 but not 0.0.0.0', arp({ senderIp: '0.0.0.1' }), { ...REQUEST, ip: '0.0.0.1' }],
    ['sender below the multicast range', arp({ senderIp: '223.255.255.255' }), { ...REQUEST, ip: '223.255.255.255' }],
    ['sender above the multicast range', arp({ senderIp: '240.0.0.0' }), { ...REQUEST, ip: '240.0.0.0' }],
    [
      'sender just below the broadcast address',
      arp({ senderIp: '255.255.255.254' }),
      { ...REQUEST, ip: '255.255.255.254' },
    ],
    ['802.1Q tag', arp({ tags: [{ vlan: 100 }] }), { ...REQUEST, vlan: 100, vlanProtocol: ETH_P_8021Q }],
    [
      '802.1Q tag with the highest VLAN and a priority',
      arp({ tags: [{ vlan: 4094, priority: 7 }] }),
      { ...REQUEST, vlan: 4094, vlanProtocol: ETH_P_8021Q },
    ],
    [
      '802.1ad tag',
      arp({ tags: [{ protocol: ETH_P_8021AD, vlan: 100 }] }),
      { ...REQUEST, vlan: 100, vlanProtocol: ETH_P_8021AD },
    ],
    ['tag that only carries a priority', arp({ tags: [{ vlan: 0, priority: 5 }] }), REQUEST],
    ['NA answering a solicitation', na(), ANSWER],
    ['NA to all nodes, unsolicited', na({ ...ALL_NODES, flags: NA_OVERRIDE }), { ...ANSWER, solicited: false }],
    [
      'NA of a router that does not override (RFC 9131)',
      na({ destination: 'ff02::2', flags: NA_ROUTER }),
      { ...ANSWER, router: true, solicited: false, override: false },
    ],
    ['NA in a VLAN', na({ tags: [{ vlan: 7 }] }), { ...ANSWER, vlan: 7, vlanProtocol: ETH_P_8021Q }],
    ['NA for a link-local address', na({ target: 'fe80::1' }), { ...ANSWER, ip: 'fe80::1' }],
    ['NA for another station', na({ options: [tlla(PROXY_MAC)] }), { ...ANSWER, mac: PROXY_MAC }],
    ['solicited NA without the option', na({ options: [] }), ANSWER],
    ['option after an unknown one', na({ options: [nonce(16), tlla(VM_MAC)] }), ANSWER],
    ['the same option twice', na({ options: [tlla(VM_MAC), tlla(VM_MAC)] }), ANSWER],
    ['bytes after the end of the NA', Buffer.concat([na(), Buffer.alloc(7, 0xff)]), ANSWER],
    ['as many options as are looked at', na({ options: [nonce(504), tlla(VM_MAC)] }), ANSWER],
    ['NA with the option of an NS before its own', na({ options: [slla(PROXY_MAC), tlla(VM_MAC)] }), ANSWER],
    ['NS', ns(), SOLICITATION],
    ['NS to the host itself', ns({ destination: PEER_IP6, etherDestination: PEER_MAC }), SOLICITATION],
    ['NS in a VLAN', ns({ tags: [{ vlan: 7 }] }), { ...SOLICITATION, vlan: 7, vlanProtocol: ETH_P_8021Q }],
    ['NS from a link-local address', ns({ source: VM_LINK_LOCAL }), { ...SOLICITATION, ip: VM_LINK_LOCAL }],
    [
      'NS sent by another station for the source',
      ns({ etherSource: PROXY_MAC }),
      { ...SOLICITATION, etherSource: PROXY_MAC },
    ],
    [
      'NS with the option after others',
      ns({ options: [nonce(16), tlla(PROXY_MAC), slla(VM_MAC), slla(VM_MAC)] }),
      SOLICITATION,
    ],
    ['NS for ::1, a target that is none', ns({ target: '::1' }), SOLICITATION],
    ['RA', ra(), ROUTER],
    ['RA from the last link-local address', ra({ source: 'febf::1' }), { ...ROUTER, ip: 'febf::1' }],
    ['RA to a host', ra({ destination: PEER_IP6, etherDestination: PEER_MAC }), ROUTER],
    ['RA in a VLAN', ra({ tags: [{ vlan: 7 }] }), { ...ROUTER, vlan: 7, vlanProtocol: ETH_P_8021Q }],
    ['RA without options', ra({ options: [] }), ROUTER],
    ['RA without the option for the MAC', ra({ options: [nonce(32)] }), ROUTER],
    ['RA with another option than its own', ra({ options: [tlla(PROXY_MAC)] }), ROUTER],
    ['RA for another station', ra({ options: [nonce(64), slla(PROXY_MAC), nonce(32)] }), { ...ROUTER, mac: PROXY_MAC }],
    ['RA with bytes after its end', Buffer.concat([ra({ options: [] }), Buffer.alloc(9, 0xff)]), ROUTER],
    ['ARP probe', arp({ senderIp: '0.0.0.0' }), ARP_PROBE],
    ['ARP probe with a target MAC', arp({ senderIp: '0.0.0.0', targetMac: PEER_MAC }), ARP_PROBE],
    [
      'ARP probe in a VLAN',
      arp({ senderIp: '0.0.0.0', tags: [{ vlan: 100 }] }),
      { ...ARP_PROBE, vlan: 100, vlanProtocol: ETH_P_8021Q },
    ],
    ['duplicate address detection', dad(), DAD],
    ['duplicate address detection with a nonce (RFC 7527)', dad({ options: [nonce(8)] }), DAD],
    [
      'duplicate address detection for all bits of the solicited-node address',
      dad({ target: 'fe80::ffab:cdef:1234' }),
      { ...DAD, ip: 'fe80::ffab:cdef:1234' },
    ],
  ]
  for (const [name, frame, expected] of cases)
    test(name, () => {
      const run = snooper.testRun(frame)
      assert.deepEqual(run.outcomes, { passed: 1 })
      assert.equal(run.retval, TCX_NEXT)
      assert.deepEqual(drain().map(withoutTime), [expected])
    })
})

suite('frames that are not reported', () => {
  const ICMPV6_HEADER = 54
  const cases: [name: string, frame: Buffer, outcome: OutcomeName][] = [
    ['ARP without its last byte', arp().subarray(0, -1), 'arp-truncated'],
    ['ARP without anything', arp().subarray(0, 14), 'arp-truncated'],
    ['ARP with a tag, without its last byte', arp({ tags: [{ vlan: 1 }] }).subarray(0, -1), 'arp-truncated'],
    ['ARP of other hardware', arp({ hardware: 6 }), 'arp-not-ethernet-ipv4'],
    ['ARP of another protocol', arp({ protocol: ETH_P_IPV6 }), 'arp-not-ethernet-ipv4'],
    ['ARP with long hardware addresses', arp({ lengths: [8, 4] }), 'arp-not-ethernet-ipv4'],
    ['ARP with long protocol addresses', arp({ lengths: [6, 16] }), 'arp-not-ethernet-ipv4'],
    ['ARP operation 0', arp({ operation: 0 }), 'arp-other-operation'],
    ['RARP request', arp({ operation: 3 }), 'arp-other-operation'],
    ['InARP reply', arp({ operation: 9 }), 'arp-other-operation'],
    ['ARP probe for 0.0.0.0', arp({ senderIp: '0.0.0.0', targetIp: '0.0.0.0' }), 'ip-unspecified'],
    ['ARP probe for a loopback address', arp({ senderIp: '0.0.0.0', targetIp: '127.0.0.1' }), 'ip-loopback'],
    ['ARP probe for a multicast address', arp({ senderIp: '0.0.0.0', targetIp: '224.0.0.1' }), 'ip-multicast'],
    ['ARP probe for the broadcast address', arp({ senderIp: '0.0.0.0', targetIp: '255.255.255.255' }), 'ip-broadcast'],
    ['ARP probe of the zero MAC', arp({ senderIp: '0.0.0.0', senderMac: ZERO_MAC }), 'mac-zero'],
    ['ARP probe of a multicast MAC', arp({ senderIp: '0.0.0.0', senderMac: MULTICAST_MAC }), 'mac-multicast'],
    ['ARP probe from the zero MAC', arp({ senderIp: '0.0.0.0', etherSource: ZERO_MAC }), 'ether-source-invalid'],
    ['ARP reply of 0.0.0.0', arp({ operation: 2, senderIp: '0.0.0.0' }), 'ip-unspecified'],
    ['ARP of a loopback address', arp({ senderIp: '127.0.0.1' }), 'ip-loopback'],
    ['ARP of the first multicast address', arp({ senderIp: '224.0.0.0' }), 'ip-multicast'],
    ['ARP of the last multicast address', arp({ senderIp: '239.255.255.255' }), 'ip-multicast'],
    ['ARP of the broadcast address', arp({ senderIp: '255.255.255.255' }), 'ip-broadcast'],
    ['ARP of the zero MAC', arp({ senderMac: ZERO_MAC }), 'mac-zero'],
    ['ARP of a multicast MAC', arp({ senderMac: MULTICAST_MAC }), 'mac-multicast'],
    ['ARP of the broadcast MAC', arp({ senderMac: BROADCAST_MAC }), 'mac-multicast'],
    ['ARP from the zero MAC', arp({ etherSource: ZERO_MAC }), 'ether-source-invalid'],
    ['ARP from a multicast MAC', arp({ etherSource: MULTICAST_MAC }), 'ether-source-invalid'],
    ['two 802.1Q tags', arp({ tags: [{ vlan: 1 }, { vlan: 2 }] }), 'double-tagged'],
    ['802.1ad and 802.1Q tag', na({ tags: [{ protocol: ETH_P_8021AD, vlan: 1 }, { vlan: 2 }] }), 'double-tagged'],
    ['two tags of no VLAN', arp({ tags: [{ vlan: 0 }, { vlan: 0 }] }), 'double-tagged'],
    ['end within the tag', arp({ tags: [{ vlan: 1 }] }).subarray(0, 17), 'vlan-truncated'],
    ['IPv6 without a next header', na({ tags: [{ vlan: 1 }] }).subarray(0, 24), 'ipv6-malformed'],
    ['ICMPv6 without a type', na().subarray(0, ICMPV6_HEADER), 'ipv6-malformed'],
    ['IPv6 of another version', na({ version: 4 }), 'ipv6-malformed'],
    ['hop-by-hop options', na({ nextHeader: 0 }), 'ipv6-extension'],
    ['routing header', na({ nextHeader: 43 }), 'ipv6-extension'],
    ['fragment', na({ nextHeader: 44 }), 'ipv6-extension'],
    ['authentication header', na({ nextHeader: 51 }), 'ipv6-extension'],
    ['destination options', na({ nextHeader: 60 }), 'ipv6-extension'],
    ['echo request', icmpv6(Buffer.alloc(4), { type: 128 }), 'icmpv6-other'],
    ['router solicitation', icmpv6(Buffer.alloc(4), { type: 133 }), 'icmpv6-other'],
    ['redirect', icmpv6(Buffer.alloc(36), { type: 137 }), 'icmpv6-other'],
    ...solicitations('NS', ns),
    ...solicitations('duplicate address detection', dad),
    ['NS of the zero MAC', ns({ options: [slla(ZERO_MAC)] }), 'mac-zero'],
    ['NS of a multicast MAC', ns({ options: [slla(MULTICAST_MAC)] }), 'mac-multicast'],
    ['NS from the zero MAC', ns({ etherSource: ZERO_MAC }), 'ether-source-invalid'],
    ['NS without the option', ns({ options: [] }), 'ns-no-mac'],
    ['NS with the option of an NA', ns({ options: [tlla(VM_MAC)] }), 'ns-no-mac'],
    ['NS from ::1', ns({ source: '::1' }), 'ip-loopback'],
    ['NS from a multicast address', ns({ source: 'ff02::1' }), 'ip-multicast'],
    ['NS for a multicast address', ns({ target: 'ff02::1:2' }), 'ip-multicast'],
    ['duplicate address detection that names a MAC', dad({ options: [slla(VM_MAC)] }), 'dad-ns-with-mac'],
    ['duplicate address detection of the target', dad({ destination: VM_IP6 }), 'dad-ns-destination'],
    ['duplicate address detection to all nodes', dad({ ...ALL_NODES }), 'dad-ns-destination'],
    ['duplicate address detection to others', dad({ destination: 'ff02::1:ff00:2' }), 'dad-ns-destination'],
    ['duplicate address detection of another scope', dad({ destination: 'ff05::1:ff00:1' }), 'dad-ns-destination'],
    ['duplicate address detection to a lookalike', dad({ destination: 'ff02::1:0:1:ff00:1' }), 'dad-ns-destination'],
    ['duplicate address detection to a shorter one', dad({ destination: 'ff02::ff00:1' }), 'dad-ns-destination'],
    ['duplicate address detection for ::', dad({ target: '::' }), 'ip-unspecified'],
    ['duplicate address detection for ::1', dad({ target: '::1' }), 'ip-loopback'],
    ['duplicate address detection for a multicast address', dad({ target: 'ff02::1:2' }), 'ip-multicast'],
    ['duplicate address detection from the zero MAC', dad({ etherSource: ZERO_MAC }), 'mac-zero'],
    ['duplicate address detection from a multicast MAC', dad({ etherSource: MULTICAST_MAC }), 'mac-multicast'],
    ['RA from a global address', ra({ source: VM_IP6 }), 'ra-not-link-local'],
    ['RA from just below the link-local addresses', ra({ source: 'fe7f::1' }), 'ra-not-link-local'],
    ['RA from just above the link-local addresses', ra({ source: 'fec0::1' }), 'ra-not-link-local'],
    ['RA from ::', ra({ source: '::' }), 'ra-not-link-local'],
    ['RA from ::1', ra({ source: '::1' }), 'ra-not-link-local'],
    ['RA from a multicast address', ra({ source: 'ff02::1' }), 'ra-not-link-local'],
    ['RA cut within the header', ra({ options: [] }).subarray(0, -1), 'nd-truncated'],
    ['RA cut within the option', ra().subarray(0, -1), 'nd-truncated'],
    ['RA that says it is shorter than one', ra({ payloadLength: 8 }), 'nd-truncated'],
    ['RA that says it is longer than the frame', ra({ payloadLength: 32 }), 'nd-truncated'],
    ['RA of another version', ra({ version: 4 }), 'ipv6-malformed'],
    ['RA that crossed a router', ra({ hopLimit: 64 }), 'nd-hop-limit'],
    ['RA with code 1', ra({ code: 1 }), 'nd-code'],
    ['RA with an option of length 0', ra({ options: [Buffer.from('0100020000000001', 'hex')] }), 'nd-options'],
    ['RA with half an option', ra({ options: [slla(VM_MAC).subarray(0, 4)] }), 'nd-options'],
    ['RA with an option longer than itself', ra({ options: [Buffer.from('0302000000000000', 'hex')] }), 'nd-options'],
    ['RA with more options than are looked at', ra({ options: [nonce(520)] }), 'nd-options'],
    ['RA with a wrong checksum', ra({ checksumError: 1 }), 'nd-checksum'],
    ['RA with a wrong checksum, without options', ra({ options: [], checksumError: 0x100 }), 'nd-checksum'],
    ['RA of the zero MAC', ra({ options: [slla(ZERO_MAC)] }), 'mac-zero'],
    ['RA of a multicast MAC', ra({ options: [slla(MULTICAST_MAC)] }), 'mac-multicast'],
    ['RA from the zero MAC', ra({ etherSource: ZERO_MAC }), 'ether-source-invalid'],
    ['RA from a multicast MAC, which is its own', ra({ options: [], etherSource: MULTICAST_MAC }), 'mac-multicast'],
    ['NA cut within the target', na().subarray(0, ICMPV6_HEADER + 23), 'nd-truncated'],
    ['NA cut within the option', na().subarray(0, -1), 'nd-truncated'],
    ['NA that says it is shorter than one', na({ options: [], payloadLength: 16 }), 'nd-truncated'],
    ['NA that says it is longer than the frame', na({ payloadLength: 40 }), 'nd-truncated'],
    ['NA with payload length 0', na({ payloadLength: 0 }), 'nd-truncated'],
    ['NA that crossed a router', na({ hopLimit: 254 }), 'nd-hop-limit'],
    ['NA with code 1', na({ code: 1 }), 'nd-code'],
    ['option of length 0', na({ options: [Buffer.from('0200020000000001', 'hex')] }), 'nd-options'],
    ['option longer than the NA', na({ options: [Buffer.from('0202020000000001', 'hex')] }), 'nd-options'],
    [
      'unknown option longer than the NA',
      na({ options: [tlla(VM_MAC), Buffer.from('0e02000000000000', 'hex')] }),
      'nd-options',
    ],
    ['half an option', na({ options: [tlla(VM_MAC).subarray(0, 4)] }), 'nd-options'],
    [
      'link-layer address of 14 bytes',
      na({ options: [Buffer.concat([Buffer.from([2, 2]), Buffer.alloc(14, 2)])] }),
      'nd-options',
    ],
    ['more options than are looked at', na({ options: [nonce(512), tlla(VM_MAC)] }), 'nd-options'],
    ['wrong checksum', na({ checksumError: 1 }), 'nd-checksum'],
    [
      'wrong checksum of long options',
      na({ options: [nonce(256), tlla(VM_MAC)], checksumError: 0x8000 }),
      'nd-checksum',
    ],
    ['solicited NA to all nodes', na({ ...ALL_NODES, flags: NA_SOLICITED }), 'na-solicited-multicast'],
    ['unsolicited NA without the option', na({ flags: NA_OVERRIDE, options: [] }), 'na-no-mac'],
    ['NA to all nodes without the option', na({ ...ALL_NODES, flags: NA_OVERRIDE, options: [] }), 'na-no-mac'],
    ['NA for ::', na({ target: '::' }), 'ip-unspecified'],
    ['NA for ::1', na({ target: '::1' }), 'ip-loopback'],
    ['NA for a multicast address', na({ target: 'ff02::1' }), 'ip-multicast'],
    ['NA of the zero MAC', na({ options: [tlla(ZERO_MAC)] }), 'mac-zero'],
    ['NA of a multicast MAC', na({ options: [tlla(MULTICAST_MAC)] }), 'mac-multicast'],
    ['NA from the zero MAC', na({ etherSource: ZERO_MAC }), 'ether-source-invalid'],
    [
      'solicited NA without the option from a multicast MAC',
      na({ options: [], etherSource: MULTICAST_MAC }),
      'mac-multicast',
    ],
  ]
  for (const [name, frame, outcome] of cases)
    test(`${name}: ${outcome}`, () => {
      const run = snooper.testRun(frame)
      assert.deepEqual(run.outcomes, { [outcome]: 1 })
      assert.equal(run.retval, TCX_NEXT)
      assert.deepEqual(drain(), [])
    })
})

suite('frames that are left alone', () => {
  const cases: [name: string, frame: Buffer][] = [
    ['IPv4', ethernet(ETH_P_IP, Buffer.alloc(46))],
    ['IPv4 in a VLAN', ethernet(ETH_P_IP, Buffer.alloc(46), { tags: [{ vlan: 5 }] })],
    ['TCP over IPv6', icmpv6(Buffer.alloc(20), { nextHeader: 6 })],
    ['802.3 with a length', ethernet(46, Buffer.alloc(46))],
    ['ARP in an unknown ethertype', ethernet(0x9100, arp().subarray(12))],
  ]
  for (const [name, frame] of cases)
    test(name, () => {
      const run = snooper.testRun(frame)
      assert.deepEqual({ retval: run.retval, outcomes: run.outcomes }, { retval: TCX_NEXT, outcomes: {} })
      assert.deepEqual(drain(), [])
    })
})

suite('any frame', () => {
  const learnable = fc.constantFrom(
    arp(),
    arp({ operation: 2, tags: [{ vlan: 100 }] }),
    na(),
    na({ options: [nonce(24), tlla(VM_MAC)] }),
    na({ options: [], tags: [{ protocol: ETH_P_8021AD, vlan: 9 }] }),
    arp({ senderIp: '0.0.0.0' }),
    ns(),
    ns({ options: [nonce(24), slla(VM_MAC)], tags: [{ vlan: 100 }] }),
    dad(),
    ra(),
    ra({ options: [], tags: [{ vlan: 100 }] }),
  )
  const change = fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) })
  const mutated = fc
    .tuple(learnable, fc.array(change, { maxLength: 4 }), fc.nat({ max: 4 }), fc.uint8Array({ maxLength: 8 }))
    .map(([frame, changes, cut, more]) => {
      const copy = Buffer.from(frame)
      for (const { at, value } of changes) copy.writeUInt8(value, at % copy.length)
      return Buffer.concat([copy.subarray(0, copy.length - cut), more])
    })
    .filter(isTakenByTestRun)
  const types = [ETH_P_ARP, ETH_P_IPV6, ETH_P_8021Q, ETH_P_8021AD, ETH_P_IP]
  const random = fc
    .tuple(fc.uint8Array({ minLength: 14, maxLength: 1500 }), fc.constantFrom(...types))
    .map(([bytes, type]) => {
      const frame = Buffer.from(bytes)
      frame.writeUInt16BE(type, 12)
      return frame
    })
    .filter(isTakenByTestRun)

  for (const [name, frames] of [
    ['changed, cut or lengthened', mutated],
    ['changed, with a checksum that is right', mutated.map(withRightChecksum)],
    ['random', random],
  ] as const)
    test(`${name}: goes on unchanged, has at most one outcome, and teaches only what is right`, () => {
      fc.assert(
        fc.property(frames, (frame) => {
          const run = snooper.testRun(frame)
          assert.equal(run.retval, TCX_NEXT)
          const outcomes = Object.entries(run.outcomes)
          assert.ok(outcomes.length <= 1 && outcomes.every(([, count]) => count === 1), JSON.stringify(run.outcomes))
          const evidence = drain()
          assert.equal(evidence.length, run.outcomes.passed ?? 0)
          for (const one of evidence) assertRight(frame, one)
        }),
        { numRuns: 5000 },
      )
    })
})

/** BPF_PROG_TEST_RUN refuses a frame that has no room for the header its ethertype announces. */
function isTakenByTestRun(frame: Buffer): boolean {
  const type = frame.readUInt16BE(12)
  return frame.length >= 14 + (type === ETH_P_IPV6 ? 40 : type === ETH_P_IP ? 20 : 0)
}

/** Makes the checksum of an untagged ND message right again, if it is still one. */
function withRightChecksum(frame: Buffer): Buffer {
  if (frame.readUInt16BE(12) !== ETH_P_IPV6) return frame
  const length = frame.readUInt16BE(18)
  if (length < 4 || frame.length < 54 + length) return frame
  frame.writeUInt16BE(0, 56)
  frame.writeUInt16BE(icmpv6Checksum(frame.subarray(22, 54), frame.subarray(54, 54 + length)), 56)
  return frame
}

function withoutTime(evidence: Evidence): Omit<Evidence, 'at'> {
  const { at, ...rest } = evidence
  assert.ok(at > 0 && at <= Number(process.hrtime.bigint()) / 1e6, `${at} is not a time of CLOCK_MONOTONIC`)
  return rest
}

/** What RFC 4861, 7.1.1 forbids all of them. */
function solicitations(what: string, build: typeof ns): [name: string, frame: Buffer, outcome: OutcomeName][] {
  return [
    [`${what}, cut within the target`, build({ options: [] }).subarray(0, -1), 'nd-truncated'],
    [`${what}, cut within an option`, build({ options: [nonce(8)] }).subarray(0, -1), 'nd-truncated'],
    [`${what}, says it is shorter than one`, build({ payloadLength: 16 }), 'nd-truncated'],
    [`${what}, says it is longer than the frame`, build({ payloadLength: 40 }), 'nd-truncated'],
    [`${what}, of another version`, build({ version: 4 }), 'ipv6-malformed'],
    [`${what}, crossed a router`, build({ hopLimit: 254 }), 'nd-hop-limit'],
    [`${what}, with code 1`, build({ code: 1 }), 'nd-code'],
    [`${what}, with an option of length 0`, build({ options: [Buffer.from('0e00000000000000', 'hex')] }), 'nd-options'],
    [`${what}, with half an option`, build({ options: [nonce(8).subarray(4)] }), 'nd-options'],
    [
      `${what}, with a link-layer address of 14 bytes`,
      build({ options: [Buffer.concat([Buffer.from([1, 2]), Buffer.alloc(14, 2)])] }),
      'nd-options',
    ],
    [`${what}, with a wrong checksum`, build({ checksumError: 1 }), 'nd-checksum'],
  ]
}

/** An option nobody knows, of so many bytes (a multiple of 8). */
function nonce(bytes: number): Buffer {
  const option = Buffer.alloc(bytes, 0xa5)
  // The option's length has one byte, so a long one is several.
  for (let at = 0; at < bytes; at += 8) option.set([14, 1], at)
  return option
}

/** The rules of RFC 826 and RFC 4861, 7.1.2, checked anew. */
function assertRight(frame: Buffer, evidence: Evidence): void {
  const hex = (address: string) => address.replaceAll(':', '')
  for (const mac of [evidence.mac, evidence.etherSource]) {
    assert.notEqual(mac, ZERO_MAC)
    assert.equal(parseInt(mac.slice(0, 2), 16) & 1, 0, `multicast ${mac}`)
  }
  assert.equal(hex(evidence.etherSource), frame.toString('hex', 6, 12))
  const offset =
    evidence.vlanProtocol === 0 && frame.readUInt16BE(12) !== ETH_P_8021Q && frame.readUInt16BE(12) !== ETH_P_8021AD
      ? 14
      : 18
  const packet = frame.subarray(offset)
  if (!evidence.kind.startsWith('arp-')) assertRightDiscovery(packet, evidence)
  else {
    const probe = evidence.kind === 'arp-probe'
    assert.equal(packet.toString('hex', 0, 6), '000108000604')
    assert.equal(packet.readUInt16BE(6), evidence.kind === 'arp-reply' ? 2 : 1)
    assert.equal(hex(evidence.mac), packet.toString('hex', 8, 14))
    if (probe) assert.equal(packet.readUInt32BE(14), 0)
    assert.equal(evidence.ip, (probe ? packet.subarray(24, 28) : packet.subarray(14, 18)).join('.'))
    assert.doesNotMatch(evidence.ip, /^(0\.0\.0\.0|127\..*|22[4-9]\..*|23\d\..*|255\.255\.255\.255)$/)
  }
}

function assertRightDiscovery(packet: Buffer, evidence: Evidence): void {
  const length = packet.readUInt16BE(4)
  const message = packet.subarray(40, 40 + length)
  assert.equal(message.length, length)
  const type = { na: 136, ns: 135, 'dad-ns': 135, ra: 134 }[evidence.kind as string]
  assert.deepEqual(
    [packet.readUInt8(6), packet.readUInt8(7), message.readUInt8(0), message.readUInt8(1)],
    [58, 255, type, 0],
  )
  assert.equal(icmpv6Checksum(packet.subarray(8, 40), message), 0)
  assert.equal(evidence.solicited && packet.readUInt8(24) === 0xff, false)
  assert.doesNotMatch(evidence.ip, /^(::|::1|ff..:.*)$/)
  const source = formatIp(packet.subarray(8, 24))
  const claimsTarget = evidence.kind === 'na' || evidence.kind === 'dad-ns'
  assert.equal(evidence.ip, claimsTarget ? formatIp(message.subarray(8, 24)) : source)
  assert.equal(evidence.kind === 'dad-ns', type === 135 && source === '::')
  if (evidence.kind === 'ra') assert.match(source, /^fe[89ab].:/)
  if (evidence.kind !== 'ra') assert.notEqual(message.readUInt8(8), 0xff)
  if (evidence.kind === 'dad-ns') assert.equal(evidence.mac, evidence.etherSource)
}
