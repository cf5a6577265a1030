// The socket of systemd's journal (systemd-journald.service(8)).
import { encodeJournalEntry, journalFields, type LogRecord } from '../base/journal-entry.js'
import { existsSync } from 'node:fs'
import * as libc from './libc.js'
import { unixAddress } from './service-manager.js'

const JOURNAL_SOCKET = '/run/systemd/journal/socket'
const WARN = 40

/** Sends lines of pino's JSON as entries, and drops and counts those that the journal does not take at once. */
export class JournalWriter {
  private dropped = 0
  private readonly address: Buffer

  private constructor(
    private readonly identifier: string,
    path: string,
    private readonly socket: number,
  ) {
    this.address = unixAddress(path)
  }

  /** Undefined if there is no journal. */
  static open(identifier: string, path = JOURNAL_SOCKET): JournalWriter | undefined {
    if (!existsSync(path)) return undefined
    const socket = libc.socket(libc.AF_UNIX, libc.SOCK_DGRAM | libc.CLOEXEC | libc.NONBLOCK, 0)
    return socket < 0 ? undefined : new JournalWriter(identifier, path, socket)
  }

  write(line: string): void {
    if (this.dropped > 0 && this.put(droppedRecord(this.dropped))) this.dropped = 0
    if (this.dropped > 0 || !this.put(recordOf(line))) this.dropped++
  }

  close(): void {
    libc.close(this.socket)
  }

  /** False if the journal does not keep up, or is not there: each datagram names its path, so a new one is found. */
  private put(record: LogRecord): boolean {
    const entry = encodeJournalEntry(journalFields(record, this.identifier))
    const flags = libc.MSG_DONTWAIT | libc.MSG_NOSIGNAL
    return libc.sendto(this.socket, entry, entry.length, flags, this.address, this.address.length) >= 0
  }
}

const droppedRecord = (dropped: number): LogRecord => ({
  level: WARN,
  dropped,
  msg: 'log entries were dropped: the journal did not take them',
})

function recordOf(line: string): LogRecord {
  try {
    const record: unknown = JSON.parse(line)
    if (typeof record === 'object' && record !== null) return { ...record }
  } catch {
    // no JSON: it is still the text of an entry
  }
  return { level: WARN, msg: line }
}
