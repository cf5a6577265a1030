// Asks relay and snooper for what the metrics tell.
import { version } from '../../base/version.js'
import { FatalError } from '../../base/exit.js'
import { checkOnce } from '../check/look.js'
import { askRelay, askSnooper } from '../queries.js'
import type { Measured } from './metrics.js'

/** A process that hangs must not make a scrape, which has 10 s by default, come to nothing. */
const TIMEOUT_MS = 1200

export type Sockets = { readonly relay: string; readonly snoop: string }

/** Never rejects because a process does not answer: that is a metric, too. */
export async function measure({ relay, snoop }: Sockets): Promise<Omit<Measured, 'perPort' | 'differences'>> {
  const [fromRelay, fromSnooper] = await Promise.all([askRelay(relay, TIMEOUT_MS), askSnooper(snoop, TIMEOUT_MS)])
  return { version, relay: fromRelay, snooper: fromSnooper }
}

/** How many differences `macipctl check` finds; undefined if a source is missing. */
export async function countDifferences({
  relay,
  snooper,
}: Pick<Measured, 'relay' | 'snooper'>): Promise<number | undefined> {
  if (!relay.running || !snooper.running || snooper.fpm.phase !== 'live') return undefined
  try {
    const { disagreements, missing } = await checkOnce(relay.socket, snooper.socket)
    return missing.length > 0 ? undefined : disagreements.length
  } catch (error) {
    // both have ended just now
    if (error instanceof FatalError) return undefined
    throw error
  }
}
