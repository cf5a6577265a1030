// Writes a dump as lines for people, as lines for programs, or as a capture file.
import { closeSync, openSync, writeSync } from 'node:fs'
import { ExitCode, FatalError, reason } from '../../../base/exit.js'
import { CaptureWriter } from '../../../record/pcapng/zapi-capture.js'
import { type Io, print } from '../../io.js'
import { version } from '../../../base/version.js'
import { renderTree } from '../../../zapi/render.js'
import { RecordKind } from '../../../record/zapi-records.js'
import type { DumpEvent } from './events.js'
import { jsonLine } from './json.js'
import type { RecordedSessions } from './sessions.js'
import { type TextOptions, TextRenderer } from './text.js'

export type Output<Event = DumpEvent> = {
  event(event: Event): void
  /** Writes the events that have come since it was called last. */
  flush(): void
  /** Ends the output and returns remarks for standard error. */
  end(): string[]
}

/** Prints lines on standard output; `lines` returns none or more for each event. */
export function lineOutput<Event>(io: Io, lines: (event: Event) => string[]): Output<Event> {
  let waiting: string[] = []
  return {
    event: (event) => {
      waiting.push(...lines(event))
    },
    flush: () => {
      if (waiting.length > 0) print(io, `${waiting.join('\n')}\n`)
      waiting = []
    },
    end: () => [],
  }
}

export function textOutput(io: Io, options: TextOptions): Output {
  const renderer = new TextRenderer(options)
  return lineOutput(io, (event) => renderer.lines(event))
}

export const jsonOutput = (io: Io, hex: boolean): Output => lineOutput(io, (event) => [jsonLine(event, hex)])

/** A pcapng file, `-` for standard output. Throws FatalError (usage) when it cannot be written. */
export class CaptureFile {
  private readonly file: number | undefined
  private waiting: Buffer[]
  private written = 0

  /** @param begin the first bytes of the file */
  constructor(
    private readonly io: Io,
    private readonly name: string,
    begin: Buffer,
  ) {
    this.file = name === '-' ? undefined : this.attempt(() => openSync(name, 'w', 0o600))
    this.waiting = [begin]
    this.flush()
  }

  /** Adds a packet that counts as a record. */
  packet(packet: Buffer): void {
    this.waiting.push(packet)
    this.written++
  }

  /** Adds a packet that does not count as a record. */
  extra(packet: Buffer): void {
    this.waiting.push(packet)
  }

  flush(): void {
    if (this.waiting.length === 0) return
    const bytes = Buffer.concat(this.waiting)
    this.waiting = []
    const { file } = this
    if (file === undefined) this.io.stdout.write(bytes)
    else for (let at = 0; at < bytes.length; ) at += this.attempt(() => writeSync(file, bytes, at))
  }

  /** Closes the file and returns remarks for standard error. */
  end(): string[] {
    if (this.file === undefined) return []
    closeSync(this.file)
    return [`${this.written} records written to ${this.name}`]
  }

  private attempt<T>(action: () => T): T {
    try {
      return action()
    } catch (error) {
      throw new FatalError(ExitCode.usage, `${this.name} cannot be written: ${reason(error)}`, { cause: error })
    }
  }
}

export class CaptureOutput implements Output {
  private readonly writer = new CaptureWriter()
  private readonly file: CaptureFile
  private readonly opened = new Map<number, { hello: boolean; capabilities: boolean }>()

  /** @param sessions knows how the sessions began, which a reader needs to know, too */
  constructor(
    io: Io,
    name: string,
    private readonly sessions: RecordedSessions,
  ) {
    this.file = new CaptureFile(io, name, this.writer.begin(`macipctl ${version}`))
  }

  event(event: DumpEvent): void {
    if (event.type === 'message') this.handshakeOf(event)
    if (event.type === 'closed') this.opened.delete(event.session)
    this.file.packet(this.writer.packet(event.record, comment(event)))
  }

  flush(): void {
    this.file.flush()
  }

  end(): string[] {
    return this.file.end()
  }

  /** Writes HELLO and CAPABILITIES before the first message of a session, unless the file has them. */
  private handshakeOf({ record, time, session }: DumpEvent): void {
    const { hello, capabilities } = this.sessions.openingOf(session)
    const has = this.opened.get(session) ?? { hello: false, capabilities: false }
    this.opened.set(session, has)
    if (hello?.equals(record.bytes) === true) has.hello = true
    else if (capabilities?.equals(record.bytes) === true && has.hello) has.capabilities = true
    // what follows HELLO is decoded with the answer that zebra is about to give
    else if (hello !== undefined && (!has.hello || (capabilities !== undefined && !has.capabilities))) {
      Object.assign(has, { hello: true, capabilities: capabilities !== undefined })
      const bytes = Buffer.concat(capabilities === undefined ? [hello] : [hello, capabilities])
      this.file.extra(this.writer.packet({ kind: RecordKind.known, time, session, bytes }, 'how the session began'))
    }
  }
}

/** Returns the comment that an analyser shows with the packet. */
function comment(event: DumpEvent): string {
  const options: TextOptions = { time: 'clock', verbose: false, hex: false, width: undefined, paint: (_, text) => text }
  const [line = ''] = new TextRenderer(options).lines(event).slice(-1)
  const tree = event.type === 'message' ? renderTree(event.dissection) : []
  // the time is cut off, because the packet has it
  return [line.replace(/^\S+ /, ''), ...tree].join('\n')
}
