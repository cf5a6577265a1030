// Keeps items over restarts of a process and of the machine: a text file with one item per line. A new file is written
// beside the old one and then replaces it.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { errnoName, reason } from '../base/exit.js'
import type { Logger } from '../base/log.js'

/** How a file of one kind is written and read. `lastSeen`: milliseconds since the epoch. */
export type StateFormat<Item extends { readonly lastSeen: number }> = {
  /** The first line. */
  readonly header: string
  /** What the items are, for the log. */
  readonly items: string
  /** Returns one line without its end, at most 512 characters. */
  format(item: Item): string
  /** undefined if the line is damaged. */
  parse(line: string): Item | undefined
  /** Of two items with the same name, the later one is valid: the table may change during a save. */
  nameOf(item: Item): string
}

const MAX_FILE_BYTES = 256 << 20
const MAX_ITEMS = 1_000_000
const MAX_LINE_LENGTH = 512
const MAX_CHARACTER_BYTES = 4
const READ_BYTES = 1 << 20
/** The clock of a machine that is starting may still be set back a little. */
const MAX_FUTURE_MS = 60_000

/**
 * Reads the items that were seen less than `maxAgeMs` before `now`. Never throws: lines that cannot be read or understood
 * are skipped, and the log says so, once, with the position.
 */
export function loadState<Item extends { readonly lastSeen: number }>(
  path: string,
  format: StateFormat<Item>,
  now: number,
  maxAgeMs: number,
  log: Logger,
): Item[] {
  const { header, items: what } = format
  const items = new Map<string, Item>()
  const skipped = { damaged: 0, firstDamaged: 0, old: 0, future: 0 }
  try {
    let number = 0
    for (const line of linesOf(path)) {
      number += 1
      if (number === 1) {
        if (line !== header) throw new Error(`line 1 is not "${header}"`)
        continue
      }
      if (items.size === MAX_ITEMS) throw new Error(`more than ${MAX_ITEMS} ${what}, the others are left out`)
      const item = line.length > MAX_LINE_LENGTH ? undefined : format.parse(line)
      if (item === undefined) {
        skipped.damaged += 1
        skipped.firstDamaged ||= number
      } else if (item.lastSeen > now + MAX_FUTURE_MS) skipped.future += 1
      else if (item.lastSeen < now - maxAgeMs) skipped.old += 1
      else items.set(format.nameOf(item), item)
    }
  } catch (error) {
    if (errnoName(error) !== 'ENOENT') log.warn({ path, error: reason(error) }, 'state file cannot be read to its end')
  }
  const { damaged, firstDamaged, old, future } = skipped
  if (damaged > 0) log.warn({ path, damaged, line: firstDamaged }, 'damaged lines in the state file are left out')
  if (old + future > 0) log.info({ path, old, future }, `${what} too old or from the future are left out`)
  return [...items.values()]
}

/** Yields the lines of a file; a line that is too long is truncated so that it cannot be valid. */
function* linesOf(path: string): Generator<string> {
  // without O_NONBLOCK, opening a FIFO would wait for a writer
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stat = fstatSync(file)
    if (!stat.isFile()) throw new Error('not a regular file')
    if (stat.size > MAX_FILE_BYTES) throw new Error(`longer than ${MAX_FILE_BYTES >> 20} MiB`)
    const chunk = Buffer.alloc(READ_BYTES)
    let rest = Buffer.alloc(0)
    let length = 0
    // the file may grow while it is read
    for (let total = 0; total <= MAX_FILE_BYTES && (length = readSync(file, chunk)) > 0; total += length) {
      const bytes = Buffer.concat([rest, chunk.subarray(0, length)])
      const end = bytes.lastIndexOf('\n') + 1
      yield* bytes.toString('utf8', 0, end).split('\n').slice(0, -1)
      rest = bytes.subarray(end, end + MAX_CHARACTER_BYTES * (MAX_LINE_LENGTH + 1))
    }
    if (rest.length > 0) yield rest.toString()
  } finally {
    closeSync(file)
  }
}

/** Parses a line that is a JSON array; undefined if it is not. */
export function parseArray(text: string): unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

export const isWhole = (value: unknown, min: number, max: number): value is number =>
  Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max

/** Takes about a millisecond. */
const ITEMS_PER_SLICE = 500
const CLOSE_MS = 5000

/** Keeps the file up to date: saves an interval after the first change that is not in the file yet. */
export class StateFile<Item extends { readonly lastSeen: number }> {
  private running: Promise<void> = Promise.resolve()
  private queued: Promise<void> | undefined
  private closing: Promise<void> | undefined
  private timer: NodeJS.Timeout | undefined
  private everChanged = false
  private failing = false
  private abandoned = false

  /**
   * @param path of the file; its directory is made if necessary
   * @param items yields what must be saved; they may change while it is read
   */
  constructor(
    private readonly path: string,
    private readonly format: StateFormat<Item>,
    private readonly items: () => Iterable<Item>,
    private readonly log: Logger,
    private readonly intervalMs = 30_000,
  ) {}

  /** Must be called for a later `lastSeen`, too, at least now and then, because saved items age as well. */
  markChanged(): void {
    this.everChanged = true
    if (this.timer !== undefined || this.closing !== undefined) return
    this.timer = setTimeout(() => void this.saveNow(), this.intervalMs).unref()
  }

  /** Resolves when the present items are in the file, or when the log says why they are not. */
  saveNow(): Promise<void> {
    // a running save may have passed over what has changed since, so this call gets the next one
    this.queued ??= this.running = this.running.then(() => {
      this.queued = undefined
      return this.save()
    })
    return this.queued
  }

  /** Saves a last time, unless nothing has ever changed, and gives up after CLOSE_MS. */
  close(): Promise<void> {
    this.closing ??= this.finish()
    return this.closing
  }

  private async finish(): Promise<void> {
    this.disarm()
    const last = this.everChanged ? this.saveNow() : this.running
    let giveUp: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      giveUp = setTimeout(() => {
        this.abandoned = true
        resolve()
      }, CLOSE_MS)
    })
    await Promise.race([last, late])
    clearTimeout(giveUp)
  }

  private disarm(): void {
    clearTimeout(this.timer)
    this.timer = undefined
  }

  private async save(): Promise<void> {
    this.disarm()
    const { path } = this
    try {
      await this.replace()
      if (this.failing) this.log.info({ path }, 'state file can be written again')
      this.failing = false
    } catch (error) {
      if (!this.failing) this.log.error({ path, error: reason(error) }, 'state file cannot be written; still trying')
      this.failing = true
      this.markChanged()
    }
  }

  /** Replaces the file atomically: afterwards there is either the old or the whole new one, even if the power fails. */
  private async replace(): Promise<void> {
    const directory = dirname(this.path)
    const temporary = `${this.path}.new`
    await mkdir(directory, { recursive: true, mode: 0o750 })
    await rm(temporary, { force: true })
    try {
      // opened exclusively: it must not follow a link that someone else put there
      await using(await open(temporary, 'wx', 0o640), async (file) => {
        await file.chmod(0o640)
        await this.write(file)
        await file.sync()
      })
      await rename(temporary, this.path)
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined)
      throw error
    }
    // some file systems cannot sync a directory; the content of the file is safe nevertheless
    await using(await open(directory), (entries) => entries.sync()).catch(() => undefined)
  }

  private async write(file: FileHandle): Promise<void> {
    const { format } = this
    let slice = `${format.header}\n`
    let count = 0
    for (const item of this.items()) {
      slice += `${format.format(item)}\n`
      count += 1
      // a longer file would not be read again
      if (count === MAX_ITEMS) break
      if (count % ITEMS_PER_SLICE !== 0) continue
      await file.writeFile(slice)
      slice = ''
      await nextTurn()
      if (this.abandoned) throw new Error(`not done within ${CLOSE_MS / 1000} s`)
    }
    await file.writeFile(slice)
  }
}

async function using(file: FileHandle, act: (file: FileHandle) => Promise<void>): Promise<void> {
  try {
    await act(file)
  } finally {
    await file.close()
  }
}
