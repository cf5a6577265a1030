import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Deframer, frame, FramingError, MAX_MESSAGE } from '../../src/control/framing.js'

test('messages come out whole however the stream is cut', () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 })
  const cuts = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 })
  fc.assert(
    fc.property(messages, cuts, (sent, sizes) => {
      const stream = Buffer.concat(sent.map(frame))
      const deframer = new Deframer()
      const received: Buffer[] = []
      let offset = 0
      for (let turn = 0; offset < stream.length; turn++) {
        const size = sizes[turn % sizes.length] ?? 1
        deframer.feed(stream.subarray(offset, offset + size), (message) => received.push(Buffer.from(message)))
        offset += size
      }
      assert.deepEqual(
        received,
        sent.map((bytes) => Buffer.from(bytes)),
      )
    }),
  )
})

test('a length beyond the limit is refused before anything is kept for it', () => {
  const huge = Buffer.alloc(4)
  huge.writeUInt32BE(MAX_MESSAGE + 1)
  const deframer = new Deframer()
  assert.throws(() => {
    deframer.feed(huge, () => assert.fail())
  }, FramingError)
})

test('the biggest message may come byte by byte', () => {
  const deframer = new Deframer()
  const framed = frame(Buffer.alloc(MAX_MESSAGE, 7))
  let length = 0
  for (const byte of framed) deframer.feed(Buffer.from([byte]), (message) => (length = message.length))
  assert.equal(length, MAX_MESSAGE)
})
