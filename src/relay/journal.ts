// The records that views and overlay can be rebuilt from, for the successor of a worker that died: zebra does not send
// its messages again.
//
import { dirname } from 'node:path'
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { NO_ROOM, errnoName } from '../base/exit.js'
import { type ExchangeRecord, encodeRecord } from '../record/zapi-records.js'
import { WRITTEN_OFFSET, beginning, withChecksum, writtenBytes } from './journal-format.js'
import { COMPACT_BYTES, lackOfRoom, tryRoom } from './room.js'

/** The file is written anew when it has at least `COMPACT_BYTES`, and this many times its size after the last rewriting. */
const COMPACT_FACTOR = 4
const RECORDS_PER_SLICE = 256

/** A journal that could not be written is begun anew after this time; one that is written is looked at as often. */
const RETRY_MS = 1000

const BEGINNING = beginning()

export interface JournalFailure {
  /** Milliseconds since the epoch. */
  readonly since: number
  readonly error: unknown
  /** It is still written, and soon will not be. */
  readonly isWritten: boolean
}

class NoRoomError extends Error {
  readonly code = 'ENOSPC'
}

export class Journal {
  /** Undefined while the file cannot be written. */
  private file: number | undefined
  private trouble: Omit<JournalFailure, 'isWritten'> | undefined
  /** Writing has met a limit, which a quota or a limit of the file's size does not show beforehand. */
  private hasMetLimit = false
  /** The whole file's. */
  private size = 0
  /** After it was last written anew. */
  private leastSize = 0
  private compactAt = COMPACT_BYTES
  private pending: Buffer[] = []
  private rewriting: { file: number; size: number; records: Generator<ExchangeRecord> } | undefined
  private retry: NodeJS.Timeout | undefined
  private readonly watch: NodeJS.Timeout
  private removed = false

  /**
   * @param path of the file, which is replaced: read it first
   * @param snapshot yields records that lead to the present state; it may be read while the state changes, because the
   *   changes are recorded, too
   * @param onError called when the file cannot be written: the relay goes on without a journal, and begins it anew when
   *   it can
   */
  constructor(
    private readonly path: string,
    private readonly snapshot: () => Generator<ExchangeRecord>,
    private readonly onError: (error: unknown) => void,
  ) {
    this.watch = setInterval(this.check, RETRY_MS).unref()
    this.begin()
  }

  /** What is wrong with the file at this moment, if anything is. */
  get failure(): JournalFailure | undefined {
    if (!this.hasMetLimit) this.lookForRoom()
    return this.trouble === undefined ? undefined : { ...this.trouble, isWritten: this.isWritten }
  }

  /** Whether a successor would find everything. */
  get isWritten(): boolean {
    return this.file !== undefined
  }

  /** Returns nothing if there is none. Throws if it cannot be read, or is no file. */
  static read(path: string): Buffer {
    let file: number
    try {
      // a FIFO would block for ever
      file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    } catch (error) {
      if (errnoName(error) === 'ENOENT') return Buffer.alloc(0)
      throw error
    }
    try {
      if (!fstatSync(file).isFile()) throw new Error(`${path} is no file`)
      return readFileSync(file)
    } finally {
      closeSync(file)
    }
  }

  /** Remembers a record until the next `flush`. */
  append(record: ExchangeRecord): void {
    if (this.file !== undefined) this.pending.push(encodeRecord(record))
  }

  /** Writes what was appended, so that it survives this process. */
  flush(): void {
    const { file } = this
    if (this.pending.length === 0 || file === undefined) return
    const bytes = withChecksum(this.pending)
    this.pending = []
    this.attempt(() => {
      writeAll(file, bytes)
      this.size += bytes.length
      writeWritten(file, this.size)
      if (this.rewriting !== undefined) {
        writeAll(this.rewriting.file, bytes)
        this.rewriting.size += bytes.length
      } else if (this.size > this.compactAt) this.compact()
    })
  }

  /** Writes the file anew, because the state has changed in ways that were not recorded. */
  rewrite(): void {
    if (this.file === undefined) return
    this.attempt(() => {
      if (this.rewriting !== undefined) closeSync(this.rewriting.file)
      this.rewriting = undefined
      this.compact()
    })
  }

  /** Ends and deletes the journal: there will be no successor. */
  remove(): void {
    this.removed = true
    clearInterval(this.watch)
    this.abandon()
  }

  private get newPath(): string {
    return `${this.path}.new`
  }

  private begin(): void {
    this.attempt(() => {
      const file = this.create(this.newPath)
      try {
        const bytes = withChecksum([...this.snapshot()].map((record) => encodeRecord(record)))
        writeAll(file, bytes)
        this.size = BEGINNING.length + bytes.length
        writeWritten(file, this.size)
        renameSync(this.newPath, this.path)
      } catch (error) {
        closeSync(file)
        throw error
      }
      this.onWrittenAnew(file, this.size)
      // a file that was deleted has left some room, which does not last
      this.lookForRoom()
    })
  }

  private create(path: string): number {
    // nothing that somebody else has put there is followed or written into
    rmSync(path, { force: true })
    const file = openSync(path, 'wx', 0o600)
    try {
      writeAll(file, BEGINNING)
      return file
    } catch (error) {
      closeSync(file)
      throw error
    }
  }

  private compact(): void {
    const rewriting = { file: this.create(this.newPath), size: BEGINNING.length, records: this.snapshot() }
    this.rewriting = rewriting
    // how the sessions began is in the first slice: what is recorded from now on is understood only after it
    this.compactSlice(rewriting)
  }

  private readonly compactSlice = (rewriting: NonNullable<Journal['rewriting']>): void => {
    if (rewriting !== this.rewriting) return
    this.attempt(() => {
      const slice: Buffer[] = []
      let done = false
      while (!done && slice.length < RECORDS_PER_SLICE) {
        const next = rewriting.records.next()
        if (next.done === true) done = true
        else slice.push(encodeRecord(next.value))
      }
      const bytes = withChecksum(slice)
      writeAll(rewriting.file, bytes)
      rewriting.size += bytes.length
      if (!done) setImmediate(this.compactSlice, rewriting)
      else this.adopt(rewriting)
    })
  }

  private adopt(rewritten: { file: number; size: number }): void {
    writeWritten(rewritten.file, rewritten.size)
    renameSync(this.newPath, this.path)
    if (this.file !== undefined) closeSync(this.file)
    this.onWrittenAnew(rewritten.file, rewritten.size)
    this.rewriting = undefined
  }

  private onWrittenAnew(file: number, size: number): void {
    this.file = file
    this.size = size
    this.leastSize = size
    this.compactAt = Math.max(COMPACT_BYTES, COMPACT_FACTOR * size)
  }

  /** Finds out whether there is less room than the file, while it is written, may take until it has been written anew. */
  private lookForRoom(): void {
    if (this.file === undefined) return
    const lack = this.lackOfRoom()
    this.trouble =
      lack === undefined ? undefined : { since: this.trouble?.since ?? Date.now(), error: new NoRoomError(lack) }
  }

  private lackOfRoom(): string | undefined {
    const { compactAt, size, leastSize } = this
    const growth = Math.max(0, compactAt - size) + leastSize
    try {
      const lack = lackOfRoom(dirname(this.path), growth)
      if (lack !== undefined || !this.hasMetLimit) return lack
      const refused = tryRoom(`${this.path}.room`, growth)
      this.hasMetLimit = refused !== undefined
      return refused
    } catch {
      // the directory is gone, which the next writing tells
      return undefined
    }
  }

  /** Notices a file that somebody has removed, replaced or shortened: the next writing would not. */
  private readonly check = (): void => {
    const { file, size } = this
    if (file === undefined) return
    this.attempt(() => {
      const [ours, found] = [fstatSync(file), statSync(this.path)]
      if (ours.ino !== found.ino || ours.dev !== found.dev || ours.size !== size)
        throw new Error(`${this.path}: somebody else has changed it`)
      this.lookForRoom()
    })
  }

  private attempt(write: () => void): void {
    try {
      write()
    } catch (error) {
      this.trouble = { since: this.trouble?.since ?? Date.now(), error }
      this.hasMetLimit = NO_ROOM.has(errnoName(error) ?? '')
      this.abandon()
      if (!this.removed)
        this.retry = setTimeout(() => {
          this.begin()
        }, RETRY_MS).unref()
      this.onError(error)
    }
  }

  /** Leaves no file behind: a successor must not believe one that lacks what came later. */
  private abandon(): void {
    clearTimeout(this.retry)
    this.pending = []
    for (const file of [this.file, this.rewriting?.file]) if (file !== undefined) closeSync(file)
    this.file = undefined
    this.rewriting = undefined
    for (const path of [this.path, this.newPath]) discard(path)
  }
}

/** Writes all bytes; a disk that is almost full takes a part of them before it gives an error. */
function writeAll(file: number, bytes: Buffer): void {
  for (let offset = 0; offset < bytes.length; ) offset += writeSync(file, bytes, offset)
}

/** From now on, what is missing of the first `length` bytes is missed. */
function writeWritten(file: number, length: number): void {
  writeSync(file, writtenBytes(length), 0, undefined, WRITTEN_OFFSET)
}

/** Deletes a file, or empties it where its directory cannot be changed. */
function discard(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {
    try {
      // nor is what somebody else has put there
      const file = openSync(path, constants.O_WRONLY | constants.O_TRUNC | constants.O_NOFOLLOW | constants.O_NONBLOCK)
      closeSync(file)
    } catch {
      // it is no file, so no successor reads it
    }
  }
}
