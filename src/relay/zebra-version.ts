// Asks zebra for its FRR version.
import { dirname, join } from 'node:path'
import { Vty } from '../vty/vty.js'

const TIMEOUT_MS = 1000

/**
 * The release, such as `10.3`, of the zebra whose ZAPI socket is at `zebraPath`; undefined if it does not say.
 */
export async function zebraVersion(zebraPath: string): Promise<string | undefined> {
  try {
    using vty = await Vty.open(join(dirname(zebraPath), 'zebra.vty'), TIMEOUT_MS)
    return releaseOf(await vty.askForText('show version'))
  } catch {
    // the version is optional: without it the handshake alone determines the release
    return undefined
  }
}

/** `FRRouting 10.3 (node) on Linux(6.1)`, `FRRouting 8.4.4 (node)`. */
export const releaseOf = (answer: string): string | undefined => /^FRRouting (\d+\.\d+)/m.exec(answer)?.[1]
