// Finds out whether bgpd is connected to zebra's own socket instead of the relay's.
import { dirname, join } from 'node:path'
import { monotonicMs } from '../base/clock.js'
import { Vty } from '../vty/vty.js'

/** macipctl waits for a status about a second. */
const TIMEOUT_MS = 500
/** An answer holds so long, however many clients ask. */
const HOLDS_MS = 1000

/**
 * Returns a question to ask while no connection of bgpd goes through the relay: whether zebra has a client `bgp` all the
 * same. False if zebra does not answer: then nothing is known.
 */
export function directBgpdQuestion(zebraPath: string): () => Promise<boolean> {
  let answer: Promise<boolean> | undefined
  let askedAt = 0
  return () => {
    if (answer === undefined || monotonicMs() - askedAt > HOLDS_MS) {
      askedAt = monotonicMs()
      answer = clientSummary(zebraPath).then(hasBgp, () => false)
    }
    return answer
  }
}

async function clientSummary(zebraPath: string): Promise<string> {
  using vty = await Vty.open(join(dirname(zebraPath), 'zebra.vty'), TIMEOUT_MS)
  await vty.askForText('enable')
  return await vty.askForText('show zebra client summary')
}

/** Each client is a line that begins with its protocol's name, as FRR's enum of protocols has it. */
export const hasBgp = (summary: string): boolean => /^bgp\s/m.test(summary)
