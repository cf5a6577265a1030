// Records the conversations in test/fixtures/ anew: `node dist/test/lab/record.js [streams|exchange]`, as root.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { converse } from './conversation.js'
import { exchange } from './exchange.js'
import { RELEASES, ROOT, type Release } from './frr.js'

/** The raw bytes of each connection of bgpd to zebra. */
async function recordStreams(frr: Release): Promise<void> {
  const directory = join(ROOT, 'test/fixtures/zapi', frr)
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  const { atZebra } = await converse(frr, { relay: false })
  for (const [index, { toServer, toClient }] of atZebra.entries()) {
    writeFileSync(join(directory, `${index + 1}-to-zebra.bin`), toServer)
    writeFileSync(join(directory, `${index + 1}-to-bgpd.bin`), toClient)
  }
  console.log(`${frr}: ${atZebra.length} connections`)
}

/** What a relay with a snooper made of an eventful life. */
async function recordExchange(frr: Release): Promise<void> {
  const directory = join(ROOT, 'test/fixtures/exchange')
  mkdirSync(directory, { recursive: true })
  const journal = await exchange(frr)
  writeFileSync(join(directory, `${frr}.bin`), journal)
  console.log(`${frr}: ${journal.length} bytes of exchange`)
}

const what = process.argv[2]
for (const frr of RELEASES) {
  if (what !== 'exchange') await recordStreams(frr)
  if (what !== 'streams') await recordExchange(frr)
}
