import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { NetlinkDecodeError } from '../../src/netlink/error.js'
import { decodeResult, netlinkMessages } from '../../src/netlink/message.js'
import { decodeRouteMessage } from '../../src/rtnetlink/message.js'
import * as write from './writer.js'

const SAMPLES = [
  write.link(5, 'tap1', { master: 2, kind: 'veth' }),
  write.bridge(2, 'br0', true),
  write.vlanLink(7, 'br0.10', { lower: 2, vlan: 10 }),
  write.vxlan(3, 'vx100', 100, 2),
  write.portVlans(5, [
    write.vlanInfo(1, write.PVID),
    write.vlanInfo(10, write.RANGE_BEGIN),
    write.vlanInfo(20, write.RANGE_END),
    write.tunnelInfo(10, 5010),
  ]),
  write.vlanChange(5, { first: 10, last: 20, vni: 5010 }),
  write.address(2, { ip: '0a 02 01 01', peer: '0a 02 01 02' }),
  write.message(2, [write.hex('eaffffff'), write.message(18, [Buffer.alloc(20)]), write.attr(1, write.text('no'))], {
    flags: 0x200,
  }),
]

/** Decodes what can be decoded; any error but NetlinkDecodeError fails the test. */
function survives(datagram: Buffer): void {
  try {
    for (const message of netlinkMessages(datagram))
      for (const decode of [decodeRouteMessage, decodeResult]) {
        try {
          decode(message)
        } catch (error) {
          if (!(error instanceof NetlinkDecodeError)) throw error
          assert.ok(error.offset >= 0 && error.offset <= datagram.length, error.message)
        }
      }
  } catch (error) {
    if (!(error instanceof NetlinkDecodeError)) throw error
  }
}

test('random bytes behind a true header only ever throw the decode error', () => {
  const type = fc.constantFrom(2, 3, 16, 17, 20, 21, 112, 113)
  const family = fc.constantFrom(0, 2, 7, 10)
  fc.assert(
    fc.property(type, family, fc.nat(0xffff), fc.uint8Array({ maxLength: 200 }), (type, family, flags, body) => {
      survives(write.message(type, [write.u8(family), Buffer.from(body)], { flags }))
    }),
    { numRuns: 2000 },
  )
})

test('random bytes only ever throw the decode error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      survives(Buffer.from(bytes))
    }),
    { numRuns: 1000 },
  )
})

test('good messages with changed bytes only ever throw the decode error', () => {
  const change = fc.record({ at: fc.nat(), byte: fc.nat(255) })
  fc.assert(
    fc.property(fc.constantFrom(...SAMPLES), fc.array(change, { minLength: 1, maxLength: 6 }), (sample, changes) => {
      const bytes = Buffer.from(sample)
      for (const { at, byte } of changes) bytes[at % bytes.length] = byte
      survives(bytes)
    }),
    { numRuns: 5000 },
  )
})

test('good messages cut anywhere only ever throw the decode error', () => {
  for (const sample of SAMPLES) {
    for (let length = 0; length < sample.length; length++) {
      survives(sample.subarray(0, length))
      // the header admits the cut, what is inside does not
      const shortened = Buffer.from(sample.subarray(0, length))
      if (length >= 16) shortened.writeUInt32LE(length)
      survives(shortened)
    }
  }
})

test('the samples themselves decode', () => {
  for (const sample of SAMPLES.slice(0, -1))
    for (const message of netlinkMessages(sample)) assert.ok(decodeRouteMessage(message))
})
