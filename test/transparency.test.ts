// With nothing to add, the relay is not there: every byte of every connection, in both directions.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { converse } from '../lab/conversation.js'
import { RELEASES } from '../lab/frr.js'
import type { Recording } from '../lab/recorder.js'

const streams = ({ toServer, toClient }: Recording): string[] =>
  [toServer, toClient].map((bytes) => bytes.toString('hex'))

for (const frr of RELEASES) {
  test(`FRR ${frr}: without a snooper the bytes on both sides of the relay are the same`, async () => {
    const { atBgpd, atZebra } = await converse(frr, { relay: true })
    assert.equal(atBgpd.length, frr === '8.4' ? 2 : 3)
    // connections made at the same moment may reach zebra in another order
    assert.deepEqual(atBgpd.map(streams).sort(), atZebra.map(streams).sort())
  })
}
