import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeSocketUser, encodeSocketQuestion } from '../../src/sock-diag/inet-diag.js'
import { netlinkMessages } from '../../src/netlink/message.js'
import { NetlinkDecodeError } from '../../src/netlink/error.js'

test('the question names both ends of the connection', () => {
  const question = encodeSocketQuestion({ ip: '127.0.0.1', port: 0x1234 }, { ip: '127.0.0.2', port: 2620 })
  const expected = [
    // nlmsg_len 72, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, no sequence number, no port id
    '48000000 1400 0100 00000000 00000000',
    // AF_INET, TCP, no extensions, any state
    '02 06 0000 ffffffff',
    // ports and addresses, any device, no cookie
    '1234 0a3c 7f000001000000000000000000000000 7f000002000000000000000000000000 00000000 ffffffffffffffff',
  ]
  assert.equal(question?.toString('hex'), expected.join('').replaceAll(' ', ''))
  const six = encodeSocketQuestion({ ip: '::1', port: 1 }, { ip: '::1', port: 2 })
  assert.equal(six?.readUInt8(16), 10)
  assert.equal(encodeSocketQuestion({ ip: '::1', port: 1 }, { ip: '127.0.0.1', port: 2 }), undefined)
  assert.equal(encodeSocketQuestion({ ip: '?', port: 1 }, { ip: '?', port: 2 }), undefined)
})

test('the answer names the user; an error does not', () => {
  const decode = (type: number, payload: Buffer): number | undefined => {
    const header = Buffer.alloc(16)
    header.writeUInt32LE(16 + payload.length, 0)
    header.writeUInt16LE(type, 4)
    const [message] = netlinkMessages(Buffer.concat([header, payload]))
    assert.ok(message)
    return decodeSocketUser(message)
  }
  const answer = Buffer.alloc(72)
  assert.equal(decode(20, answer), undefined, 'nobody has it')
  answer.writeUInt32LE(59179, 64)
  answer.writeUInt32LE(4711, 68)
  assert.equal(decode(20, answer), 59179)
  assert.equal(decode(2, Buffer.alloc(20)), undefined)
  assert.throws(() => decode(20, answer.subarray(0, 71)), NetlinkDecodeError)
})
