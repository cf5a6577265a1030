// Finds out whether bgpd is connected to zebra's own socket instead of the relay's.
import { dirname, join } from 'node:path'
import { monotonicMs } from '../base/clock.js'
import { Vty } from '../vty/vty.js'

/** macipctl waits for a status about a second. */
const TIMEOUT_MS = 500
/** An answer holds so long, however many clients ask. */
const HOLDS_MS = 1000

/**
 * Returns a question to ask while bgpd's main session does not go through the relay: how many clients `bgp` zebra has. 0 if
 * zebra does not answer: then nothing is known.
 */
export function bgpClientsQuestion(zebraPath: string): () => Promise<number> {
  let answer: Promise<number> | undefined
  let askedAt = 0
  return () => {
    if (answer === undefined || monotonicMs() - askedAt > HOLDS_MS) {
      askedAt = monotonicMs()
      answer = clientSummary(zebraPath).then(bgpClients, () => 0)
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
export const bgpClients = (summary: string): number => summary.match(/^bgp\s/gm)?.length ?? 0

/**
 * Whether one of zebra's clients `bgp` has come past the relay. bgpd's synchronous connection, which it makes a second after
 * the others, may come through a relay that was not there before; those of VNC have another name.
 */
export const isPastRelay = (clients: number, sessions: readonly { kind: string }[]): boolean =>
  clients > sessions.filter(({ kind }) => kind !== 'vnc').length
