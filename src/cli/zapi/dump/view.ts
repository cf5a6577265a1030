// What a dump does with each record: decode, select, hold back all but the last, show.
import type { FrrRelease } from '../../../zapi/releases.js'
import type { ExchangeRecord } from '../../../record/zapi-records.js'
import { Decoder, type DumpEvent } from './events.js'
import { type DumpFilter, matches } from './filter.js'
import type { Output } from './output.js'
import type { RecordedSessions } from './sessions.js'
import type { Recording } from './source.js'

/** A message whose release is not known yet is shown after this time as well as it can be. */
const PATIENCE_MS = 200

export class DumpView implements Recording {
  private readonly decoder: Decoder
  /** The last events of those that were recorded before; undefined when all are shown. */
  private tail: DumpEvent[] | undefined
  private patience: NodeJS.Timeout | undefined

  /** @param last how many of the events recorded before are shown */
  constructor(
    private readonly sessions: RecordedSessions,
    private readonly output: Output,
    private readonly filter: DumpFilter,
    private readonly last: number,
  ) {
    this.decoder = new Decoder(sessions)
    if (last !== Infinity) this.tail = []
  }

  onRecord(record: ExchangeRecord): void {
    this.take(this.decoder.feed(record))
  }

  onRelease(session: number, release: FrrRelease | undefined): void {
    this.sessions.tell(session, release)
  }

  onPause(): void {
    this.output.flush()
    if (!this.decoder.isWaiting || this.patience !== undefined) return
    this.patience = setTimeout(() => {
      this.patience = undefined
      this.take(this.decoder.flush())
      this.output.flush()
    }, PATIENCE_MS)
  }

  onCaughtUp(): void {
    this.take(this.decoder.flush())
    for (const event of this.lastOf(this.tail ?? [])) this.output.event(event)
    this.tail = undefined
    this.output.flush()
  }

  end(): void {
    clearTimeout(this.patience)
    this.onCaughtUp()
  }

  private take(events: readonly DumpEvent[]): void {
    for (const event of events) {
      if (!matches(event, this.filter)) continue
      if (this.tail === undefined) this.output.event(event)
      else this.tail.push(event)
    }
    // cut now and then: cutting costs as much as keeping
    if (this.tail !== undefined && this.tail.length > 2 * this.last + 1000) this.tail = this.lastOf(this.tail)
  }

  private lastOf(events: DumpEvent[]): DumpEvent[] {
    return this.last === 0 ? [] : events.slice(-this.last)
  }
}
