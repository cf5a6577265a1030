// Records the conversations in test/fixtures/zapi/ anew: `node dist/test/lab/record.js`, as root.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { converse } from './conversation.js'
import { RELEASES, ROOT } from './frr.js'

for (const frr of RELEASES) {
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
