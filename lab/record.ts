// Records the conversations in test/fixtures/ anew, as root: `node dist/lab/record.js [WHAT [RELEASE]]`.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { converse } from './conversation.js'
import { exchange } from './exchange.js'
import { fpmLife, recordingsOf } from './fpm-life.js'
import { type FpmModule, RELEASES, ROOT, type Release } from './frr.js'
import { bgpSession } from './record-bgp.js'
import { shown } from './shown.js'

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
async function recordFpm(frr: Release, modules: readonly FpmModule[]): Promise<void> {
  const directory = join(ROOT, 'test/fixtures/fpm', frr)
  mkdirSync(directory, { recursive: true })
  for (const module of modules) {
    const recordings = recordingsOf(module)
    for (const name of readdirSync(directory)) if (name.startsWith(recordings)) rmSync(join(directory, name))
    await fpmLife(frr, module, join(directory, recordings))
    console.log(`${frr}: FPM, ${module}`)
  }
}

/** What zebra and bgpd show on their vty sockets. */
async function recordShown(frr: Release): Promise<void> {
  const directory = join(ROOT, 'test/fixtures/vty')
  mkdirSync(directory, { recursive: true })
  const text = await shown(frr)
  writeFileSync(join(directory, `${frr}.txt`), text)
  console.log(`${frr}: ${text.length} characters of vty`)
}

/** The raw bytes that bgpd sends to a neighbour. */
async function recordBgp(frr: Release): Promise<void> {
  const directory = join(ROOT, 'test/fixtures/bgp')
  mkdirSync(directory, { recursive: true })
  const bytes = await bgpSession(frr)
  writeFileSync(join(directory, `${frr}.bin`), bytes)
  console.log(`${frr}: ${bytes.length} bytes of BGP`)
}

const RECORDERS: Readonly<Record<string, (frr: Release) => Promise<void>>> = {
  streams: recordStreams,
  exchange: recordExchange,
  fpm: (frr) => recordFpm(frr, ['dplane_fpm_nl', 'fpm']),
  vty: recordShown,
  bgp: recordBgp,
}
/** Only when asked for: Debian's FRR has no protobuf. */
const EXTRA: typeof RECORDERS = { protobuf: (frr) => recordFpm(frr, ['fpm:protobuf']) }

const [what, release] = process.argv.slice(2)
const recorders = what === undefined ? Object.values(RECORDERS) : [{ ...RECORDERS, ...EXTRA }[what]]
const releases = release === undefined ? RELEASES : RELEASES.filter((it) => it === release)
if (recorders.includes(undefined) || releases.length === 0) {
  const names = Object.keys({ ...RECORDERS, ...EXTRA }).join('|')
  console.error(`usage: node dist/lab/record.js [${names} [${RELEASES.join('|')}]]`)
  process.exit(2)
}
for (const frr of releases) for (const record of recorders) await record?.(frr)
