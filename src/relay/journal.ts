// The records that views and overlay can be rebuilt from, for the successor of a worker that died: zebra does not send
// its messages again.
//
// The file is 8 bytes of magic, then a recorded exchange. It may end with an unfinished record.
import { closeSync, existsSync, openSync, readFileSync, renameSync, unlinkSync, writeSync } from 'node:fs'
import { type ExchangeRecord, MAGIC, encodeRecord } from '../record/zapi-records.js'

/** The file is written anew when it has at least this size, and this many times its size after the last rewriting. */
const COMPACT_BYTES = 1 << 20
const COMPACT_FACTOR = 4
const RECORDS_PER_SLICE = 256

export class Journal {
  private file: number
  private size = 0
  private compactAt = COMPACT_BYTES
  private pending: Buffer[] = []
  private rewriting: { file: number; size: number; records: Generator<ExchangeRecord> } | undefined
  private failed = false

  /**
   * @param path of the file, which is replaced: read it first
   * @param snapshot yields records that lead to the present state; it may be read while the state changes, because the
   *   changes are recorded, too
   * @param onError called once when the file can no longer be written: the relay goes on without a journal
   */
  constructor(
    private readonly path: string,
    private readonly snapshot: () => Generator<ExchangeRecord>,
    private readonly onError: (error: unknown) => void,
  ) {
    this.file = this.create(this.newPath)
    this.attempt(() => {
      for (const record of this.snapshot()) this.append(record)
      this.flush()
      renameSync(this.newPath, path)
    })
  }

  static read(path: string): Buffer {
    return existsSync(path) ? readFileSync(path) : Buffer.alloc(0)
  }

  /** Remembers a record until the next `flush`. */
  append(record: ExchangeRecord): void {
    if (!this.failed) this.pending.push(encodeRecord(record))
  }

  /** Writes what was appended, so that it survives this process. */
  flush(): void {
    if (this.pending.length === 0 || this.failed) return
    const bytes = this.pending.length === 1 ? (this.pending[0] ?? MAGIC) : Buffer.concat(this.pending)
    this.pending = []
    this.attempt(() => {
      writeSync(this.file, bytes)
      this.size += bytes.length
      if (this.rewriting !== undefined) {
        writeSync(this.rewriting.file, bytes)
        this.rewriting.size += bytes.length
      } else if (this.size > this.compactAt) this.compact()
    })
  }

  /** Ends and deletes the journal: there will be no successor. */
  remove(): void {
    this.failed = true
    for (const path of [this.path, this.newPath]) if (existsSync(path)) unlinkSync(path)
  }

  private get newPath(): string {
    return `${this.path}.new`
  }

  private create(path: string): number {
    const file = openSync(path, 'w', 0o600)
    writeSync(file, MAGIC)
    return file
  }

  private compact(): void {
    this.rewriting = { file: this.create(this.newPath), size: 0, records: this.snapshot() }
    setImmediate(this.compactSlice)
  }

  private readonly compactSlice = (): void => {
    const { rewriting } = this
    if (rewriting === undefined || this.failed) return
    this.attempt(() => {
      const slice: Buffer[] = []
      let done = false
      while (!done && slice.length < RECORDS_PER_SLICE) {
        const next = rewriting.records.next()
        if (next.done === true) done = true
        else slice.push(encodeRecord(next.value))
      }
      if (slice.length > 0) rewriting.size += writeSync(rewriting.file, Buffer.concat(slice))
      if (!done) setImmediate(this.compactSlice)
      else this.adopt(rewriting)
    })
  }

  private adopt(rewritten: { file: number; size: number }): void {
    renameSync(this.newPath, this.path)
    closeSync(this.file)
    this.file = rewritten.file
    this.size = rewritten.size
    this.compactAt = Math.max(COMPACT_BYTES, COMPACT_FACTOR * rewritten.size)
    this.rewriting = undefined
  }

  private attempt(write: () => void): void {
    try {
      write()
    } catch (error) {
      this.failed = true
      this.onError(error)
    }
  }
}
