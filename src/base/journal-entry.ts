// Turns a line of the log into an entry of systemd's journal, in the journal's native protocol
// (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/): a text for people, and each value in a field of its own.

/** What one line of the log says: the members of pino's JSON. */
export type LogRecord = { readonly level?: unknown; readonly msg?: unknown; readonly [name: string]: unknown }

/** A field may appear more than once: the journal keeps all values. */
export type JournalField = readonly [name: string, value: string]

/** More of a value than this many bytes tells a reader nothing, and a datagram has to fit into the socket's buffer. */
const MAX_VALUE_BYTES = 8 * 1024
const MAX_ENTRY_BYTES = 64 * 1024
/** The journal refuses longer names. */
const MAX_NAME_CHARACTERS = 64
const PREFIX = 'MACIPD_'

/** The priorities of syslog(3) by pino's levels, the highest first. */
const PRIORITIES = [
  [60, 2],
  [50, 3],
  [40, 4],
  [30, 6],
] as const
const PRIORITY_DEBUG = 7

/** The journal has these itself, or they become fields of its own. */
const NOT_FIELDS = new Set(['level', 'time', 'pid', 'name', 'msg'])
/** The text names these first, and bare: what an entry is about. */
const SUBJECTS = ['port', 'ip', 'mac'] as const
/** Too long for a line; the fields have them. */
const NOT_IN_TEXT = new Set<string>(['stack', 'verifierLog', ...SUBJECTS])

/** Returns the fields of an entry. `identifier` is what `journalctl -t` selects by. */
export function journalFields(record: LogRecord, identifier: string): JournalField[] {
  return [
    ['MESSAGE', messageOf(record)],
    ['PRIORITY', String(priorityOf(record))],
    ['SYSLOG_IDENTIFIER', identifier],
    ...valuesOf(record).flatMap(([name, value]) => fieldsOf(name, value)),
  ]
}

/**
 * Encodes fields. A value with a newline is preceded by its length, so that it cannot be taken for further fields. Values are
 * cut at 8 KiB, and fields beyond 64 KiB left out.
 */
export function encodeJournalEntry(fields: readonly JournalField[]): Buffer {
  const parts: Buffer[] = []
  let size = 0
  for (const [name, value] of fields) {
    const part = encodeField(name, cut(value))
    if (size + part.length > MAX_ENTRY_BYTES) break
    parts.push(part)
    size += part.length
  }
  return Buffer.concat(parts)
}

function encodeField(name: string, value: Buffer): Buffer {
  if (!value.includes('\n')) return Buffer.concat([Buffer.from(`${name}=`), value, Buffer.from('\n')])
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(value.length))
  return Buffer.concat([Buffer.from(`${name}\n`), length, value, Buffer.from('\n')])
}

/** Cuts between two characters. */
function cut(value: string): Buffer {
  const bytes = Buffer.from(value)
  if (bytes.length <= MAX_VALUE_BYTES) return bytes
  let end = MAX_VALUE_BYTES
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return bytes.subarray(0, end)
}

function priorityOf({ level }: LogRecord): number {
  const found = PRIORITIES.find(([least]) => typeof level === 'number' && level >= least)
  return found === undefined ? PRIORITY_DEBUG : found[1]
}

/** The members of a record that become fields of this program. An error that pino has taken apart counts as its parts. */
function valuesOf(record: LogRecord): [name: string, value: unknown][] {
  return Object.entries(record).flatMap(([name, value]): [string, unknown][] => {
    if (NOT_FIELDS.has(name) || value === undefined || value === null) return []
    if (name !== 'err' || typeof value !== 'object' || !('message' in value)) return [[name, value]]
    return [
      ['error', value.message],
      ['stack', 'stack' in value ? value.stack : ''],
    ]
  })
}

function messageOf(record: LogRecord): string {
  const values = valuesOf(record)
  const subjects = SUBJECTS.flatMap((name) =>
    values.filter(([known]) => known === name).map(([, value]) => text(value)),
  )
  const others = values
    .filter(([name]) => !NOT_IN_TEXT.has(name))
    .map(([name, value]) => (name === 'error' ? text(value) : `${name} ${text(value)}`))
  const { msg } = record
  const said = typeof msg === 'string' ? msg : ''
  return [said, [...subjects, ...others].join(', ')].filter((part) => part !== '').join(': ')
}

function fieldsOf(name: string, value: unknown): JournalField[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value]
  return values.map((it) => [fieldName(name), text(it)])
}

/** `holdDownMs` becomes `MACIPD_HOLD_DOWN_MS`. */
const fieldName = (name: string): string =>
  `${PREFIX}${name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, '_').replace(/[^A-Za-z0-9]/g, '_')}`
    .toUpperCase()
    .slice(0, MAX_NAME_CHARACTERS)

function text(value: unknown): string {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.map(text).join(' ')
  return JSON.stringify(value)
}
