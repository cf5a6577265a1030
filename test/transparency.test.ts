// With nothing to add, the relay is not there: every byte of every connection, in both directions.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { converse } from '../lab/conversation.js'
import { RELEASES } from '../lab/frr.js'
import type { Recording } from '../lab/recorder.js'

const streams = ({ toServer, toClient }: Recording): [string, string] => [
  toServer.toString('hex'),
  toClient.toString('hex'),
]

/** Connections made at the same moment may reach zebra in another order. */
const sorted = (recordings: readonly Recording[]): [string, string][] => recordings.map(streams).sort()

for (const frr of RELEASES) {
  test(`FRR ${frr}: without a snooper the bytes on both sides of the relay are the same`, async () => {
    const { atBgpd, atZebra } = await converse(frr, { relay: true })
    assert.equal(atBgpd.length, frr === '8.4' ? 2 : 3)
    assert.equal(atBgpd.length, atZebra.length)
    const zebras = sorted(atZebra)
    for (const [index, [toZebra, toBgpd]] of sorted(atBgpd).entries()) {
      const [received, sent] = zebras[index] ?? ['', '']
      assert.equal(toZebra, received)
      // a bgpd that ends no longer reads zebra's last answers
      assert.equal(toBgpd, sent.slice(0, toBgpd.length))
    }
  })
}
