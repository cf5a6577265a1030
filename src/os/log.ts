// Where a process logs: systemd's journal or standard error, and never so that the process waits for the log's reader.
import { endianness } from 'node:os'
import { writeSync } from 'node:fs'
import { pino } from 'pino'
import type { LogLevel, Logger } from '../base/log.js'
import { JournalWriter } from './journal.js'
import { leadsToJournal } from './journal-stream.js'
import * as libc from './libc.js'

const STDERR = 2
const POLLOUT = 4
/** PIPE_BUF: a pipe that can be written to takes so many bytes without waiting. */
const ATOMIC_BYTES = 4096

/**
 * Logs to the journal if standard error leads there, else JSON lines to standard error, which other service managers collect;
 * standard output is for a command's result. `identifier` is the name in the journal.
 */
export function createLogger(name: string, level: LogLevel, identifier = name): Logger {
  const { JOURNAL_STREAM } = process.env
  const journal = leadsToJournal(STDERR, JOURNAL_STREAM) ? JournalWriter.open(identifier) : undefined
  return pino({ name, level, base: { pid: process.pid } }, journal ?? new NonBlockingWriter(STDERR))
}

/** Writes lines to a descriptor, and drops and counts those that it does not take at once. */
export class NonBlockingWriter {
  private dropped = 0
  /** Whether the last line is unfinished. */
  private cut = false

  constructor(private readonly fd: number) {}

  write(line: string): void {
    try {
      if (this.dropped > 0 && this.put(droppedLine(this.dropped))) this.dropped = 0
      if (this.dropped > 0 || !this.put(line)) this.dropped++
    } catch {
      // the descriptor is broken, and there is no other place to report that to
      this.dropped++
    }
  }

  /** Writes a line in pieces that do not wait; false if the reader does not keep up. */
  private put(line: string): boolean {
    let rest = Buffer.from(this.cut ? `\n${line}` : line)
    while (rest.length > 0) {
      if (!this.writable()) return false
      rest = rest.subarray(writeSync(this.fd, rest, 0, Math.min(rest.length, ATOMIC_BYTES)))
      this.cut = rest.length > 0
    }
    return true
  }

  private writable(): boolean {
    const descriptor = Buffer.alloc(8)
    if (endianness() === 'LE') {
      descriptor.writeInt32LE(this.fd, 0)
      descriptor.writeInt16LE(POLLOUT, 4)
    } else {
      descriptor.writeInt32BE(this.fd, 0)
      descriptor.writeInt16BE(POLLOUT, 4)
    }
    return libc.poll(descriptor, 1, 0) > 0
  }
}

const droppedLine = (dropped: number): string =>
  `${JSON.stringify({ level: 40, time: Date.now(), pid: process.pid, dropped, msg: 'log lines were dropped: they were not read' })}\n`
