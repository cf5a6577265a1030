// What the log says of connections of bgpd that lead nowhere. bgpd comes again every second, with each of its clients.
import { errnoName, reason } from '../base/exit.js'
import type { Logger } from '../base/log.js'

/** Errors that are not zebra's: it was not even asked. */
const OUR_LACK: ReadonlySet<string | undefined> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS'])

/** Logs a refusal once for each cause, and how many there were when a connection can be set up again. */
export class Refusals {
  private why: string | undefined
  private count = 0

  constructor(private readonly log: Logger) {}

  refused(error: unknown): void {
    this.count++
    const why = reason(error)
    if (why === this.why) return
    this.why = why
    const what = OUR_LACK.has(errnoName(error)) ? 'a connection cannot be set up' : 'zebra does not answer'
    this.log.warn({ error: why }, `${what}: connections of bgpd are closed meanwhile`)
  }

  connected(): void {
    if (this.why === undefined) return
    this.log.info({ refused: this.count }, 'bgpd is connected to zebra again')
    this.why = undefined
    this.count = 0
  }
}
