// Records the conversations in test/fixtures/ anew: `node dist/test/lab/record.js [streams|exchange|fpm]`, as root.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { converse } from './conversation.js'
import { exchange } from './exchange.js'
import { fpmLife } from './fpm-life.js'
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

/** The raw bytes of zebra's FPM connections. */
async function recordFpm(frr: Release): Promise<void> {
  const directory = join(ROOT, 'test/fixtures/fpm', frr)
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  for (const module of ['dplane_fpm_nl', 'fpm'] as const) await fpmLife(frr, module, join(directory, module))
  console.log(`${frr}: FPM`)
}

const what = process.argv[2]
for (const frr of RELEASES) {
  if (what === undefined || what === 'streams') await recordStreams(frr)
  if (what === undefined || what === 'exchange') await recordExchange(frr)
  if (what === undefined || what === 'fpm') await recordFpm(frr)
}
