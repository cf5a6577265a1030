// Decodes and selects the records of a dump, and shows the last ones and those that follow.
import type { FrrRelease } from '../../../zapi/releases.js'
import type { ExchangeRecord } from '../../../record/zapi-records.js'
import { Tail } from '../../tail.js'
import { Decoder, type DumpEvent } from './events.js'
import { type DumpFilter, matches } from './filter.js'
import type { Output } from './output.js'
import type { RecordedSessions } from './sessions.js'
import type { Recording } from './source.js'

/** After this time a message is shown as well as it can be, even if its release is not known yet. */
const PATIENCE_MS = 200

export class DumpView implements Recording {
  private readonly decoder: Decoder
  private readonly tail: Tail<DumpEvent>
  private patience: NodeJS.Timeout | undefined

  /** @param last how many of the events recorded before are shown */
  constructor(
    private readonly sessions: RecordedSessions,
    private readonly output: Output,
    private readonly filter: DumpFilter,
    last: number,
  ) {
    this.decoder = new Decoder(sessions)
    this.tail = new Tail(last, (event) => {
      output.event(event)
    })
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
    this.tail.end()
    this.output.flush()
  }

  end(): void {
    clearTimeout(this.patience)
    this.onCaughtUp()
  }

  private take(events: readonly DumpEvent[]): void {
    for (const event of events) if (matches(event, this.filter)) this.tail.add(event)
  }
}
