// What each frame teaches, tried with BPF_PROG_TEST_RUN.
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import fc from 'fast-check'
import { createLogger } from '../../src/daemon/log.js'
import { BpfSnooper, type OutcomeName } from '../../src/snoop/bpf.js'
import type { Evidence } from '../../src/snoop/evidence.js'
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
  PEER_MAC,
  VM_IP,
  VM_IP6,
  VM_MAC,
  ZERO_MAC,
  arp,
  ethernet,
  icmpv6,
  icmpv6Checksum,
  na,
  tlla,
} from './frames.js'

const TCX_NEXT = -1
const PROXY_MAC = '02:00:00:00:00:09'
const MULTICAST_MAC = '01:00:5e:00:00:01'
const ALL_NODES = { destination: 'ff02::1', etherDestination: '33:33:00:00:00:01' }

let snooper: BpfSnooper
before(() => {
  snooper = BpfSnooper.open({ repeatIntervalMs: 0, log: createLogger('test', 'warn') })
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

suite('frames that teach', () => {
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
    ['first of two options', na({ options: [tlla(VM_MAC), tlla(PROXY_MAC)] }), ANSWER],
    ['bytes after the end of the NA', Buffer.concat([na(), Buffer.alloc(7, 0xff)]), ANSWER],
    ['as many options as are looked at', na({ options: [nonce(504), tlla(VM_MAC)] }), ANSWER],
  ]
  for (const [name, frame, expected] of cases)
    test(name, () => {
      const run = snooper.testRun(frame)
      assert.deepEqual(run.outcomes, { passed: 1 })
      assert.equal(run.retval, TCX_NEXT)
      assert.deepEqual(drain().map(withoutTime), [expected])
    })
})

suite('frames that teach nothing', () => {
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
    ['ARP probe', arp({ senderIp: '0.0.0.0' }), 'arp-probe'],
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
    ['neighbour solicitation', na({ type: 135, options: [] }), 'icmpv6-other'],
    ['router advertisement', icmpv6(Buffer.alloc(12), { type: 134 }), 'icmpv6-other'],
    ['NA cut within the target', na().subarray(0, ICMPV6_HEADER + 23), 'na-truncated'],
    ['NA cut within the option', na().subarray(0, -1), 'na-truncated'],
    ['NA that says it is shorter than one', na({ options: [], payloadLength: 16 }), 'na-truncated'],
    ['NA that says it is longer than the frame', na({ payloadLength: 40 }), 'na-truncated'],
    ['NA with payload length 0', na({ payloadLength: 0 }), 'na-truncated'],
    ['NA that crossed a router', na({ hopLimit: 254 }), 'na-hop-limit'],
    ['NA with code 1', na({ code: 1 }), 'na-code'],
    ['option of length 0', na({ options: [Buffer.from('0200020000000001', 'hex')] }), 'na-options'],
    ['option longer than the NA', na({ options: [Buffer.from('0202020000000001', 'hex')] }), 'na-options'],
    [
      'unknown option longer than the NA',
      na({ options: [tlla(VM_MAC), Buffer.from('0e02000000000000', 'hex')] }),
      'na-options',
    ],
    ['half an option', na({ options: [tlla(VM_MAC).subarray(0, 4)] }), 'na-options'],
    [
      'link-layer address of 14 bytes',
      na({ options: [Buffer.concat([Buffer.from([2, 2]), Buffer.alloc(14, 2)])] }),
      'na-options',
    ],
    ['more options than are looked at', na({ options: [nonce(512), tlla(VM_MAC)] }), 'na-options'],
    ['wrong checksum', na({ checksumError: 1 }), 'na-checksum'],
    [
      'wrong checksum of long options',
      na({ options: [nonce(256), tlla(VM_MAC)], checksumError: 0x8000 }),
      'na-checksum',
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

/** Makes the checksum of an untagged NA right again, if it is still one. */
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
  if (evidence.kind === 'na') assertRightAdvertisement(packet, evidence)
  else {
    assert.equal(packet.toString('hex', 0, 6), '000108000604')
    assert.equal(packet.readUInt16BE(6), evidence.kind === 'arp-request' ? 1 : 2)
    assert.equal(hex(evidence.mac), packet.toString('hex', 8, 14))
    assert.equal(evidence.ip, packet.subarray(14, 18).join('.'))
    assert.doesNotMatch(evidence.ip, /^(0\.0\.0\.0|127\..*|22[4-9]\..*|23\d\..*|255\.255\.255\.255)$/)
  }
}

function assertRightAdvertisement(packet: Buffer, evidence: Evidence): void {
  const length = packet.readUInt16BE(4)
  const message = packet.subarray(40, 40 + length)
  assert.equal(message.length, length)
  assert.deepEqual(
    [packet.readUInt8(6), packet.readUInt8(7), message.readUInt8(0), message.readUInt8(1)],
    [58, 255, 136, 0],
  )
  assert.equal(icmpv6Checksum(packet.subarray(8, 40), message), 0)
  assert.equal(evidence.solicited && packet.readUInt8(24) === 0xff, false)
  assert.notEqual(message.readUInt8(8), 0xff)
  assert.doesNotMatch(evidence.ip, /^(::|::1)$/)
}
