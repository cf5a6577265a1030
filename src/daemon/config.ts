// The configuration file: YAML, strict, every mistake one line with its place.
import { readFileSync } from 'node:fs'
import * as v from 'valibot'
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument, visit } from 'yaml'
import { releaseLine, RELEASE_LINES } from '../zapi/lines.js'
import { DURATION_EXPECTED, parseDuration } from './duration.js'
import { errnoName, ExitCode, FatalError, reason } from './exit.js'
import { LOG_LEVELS } from './log.js'
import { parseRecentSize, RECENT_SIZE_EXPECTED } from './size.js'

export const DEFAULT_CONFIG = '/etc/macipd/macipd.yaml'

// Scalars are read as text, so that `release: 10.0` stays 10.0; each value says itself what it takes.
const text = v.pipe(v.string('a text'), v.nonEmpty('a text'))
const path = v.pipe(
  v.string('an absolute path'),
  v.check((value) => value.startsWith('/'), 'an absolute path'),
)
const duration = v.pipe(
  v.string(DURATION_EXPECTED),
  v.transform(parseDuration),
  v.number(DURATION_EXPECTED), // milliseconds
)
const recentSize = v.pipe(
  v.string(RECENT_SIZE_EXPECTED),
  v.transform(parseRecentSize),
  v.number(RECENT_SIZE_EXPECTED), // bytes
)
const oneOf = <const Values extends readonly string[]>(values: Values): v.PicklistSchema<Values, string> =>
  v.picklist(values, `one of ${values.join(', ')}`)
const release = v.pipe(
  v.string(),
  v.check(
    (name) => releaseLine(name) !== undefined,
    `an FRR release line: ${RELEASE_LINES.map(({ name }) => name).join(', ')}`,
  ),
)

/** Every key may be left out; a section may be left empty. */
const section = <Entries extends v.ObjectEntries>(entries: Entries) => {
  const keys = Object.keys(entries).join(', ')
  return v.pipe(
    v.unknown(),
    v.transform((value) => (value === '' || value === null ? {} : value)),
    v.check((value) => !Array.isArray(value), `some of the keys ${keys}`),
    v.strictObject(entries, (issue) => (isUnknownKey(issue) ? keys : `some of the keys ${keys}`)),
  )
}

/** FRR's -N: a directory name. */
export const isPathspace = (name: string): boolean => /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(name)
export const PATHSPACE_EXPECTED = "a name of letters, digits, '_', '-' and '.', as FRR's -N takes it"

const schema = section({
  pathspace: v.optional(v.pipe(v.string(PATHSPACE_EXPECTED), v.check(isPathspace, PATHSPACE_EXPECTED))),
  relay: v.optional(
    section({
      listen: v.optional(path),
      zebra: v.optional(path),
      control: v.optional(path),
      runDir: v.optional(path),
      staleTime: v.optional(duration),
      zebraTimeout: v.optional(duration),
      recent: v.optional(recentSize),
    }),
  ),
  frr: v.optional(section({ release: v.optional(release) })),
  snoop: v.optional(
    section({
      control: v.optional(path),
      relay: v.optional(path),
      age: v.optional(duration),
      repeatInterval: v.optional(duration),
      exclude: v.optional(v.array(text, 'a list of port names')),
      linkLocal: v.optional(oneOf(['learn', 'ignore'])),
      macMismatch: v.optional(oneOf(['refuse', 'accept'])),
    }),
  ),
  log: v.optional(section({ level: v.optional(oneOf(LOG_LEVELS)) })),
})

/** What a file says, durations in milliseconds; what it does not say is undefined. */
export type Config = v.InferOutput<typeof schema>

/**
 * Reads the file at `explicit`, or the default one, which need not exist.
 * Throws FatalError (usage): `file:line:column: key: expected …`.
 */
export function loadConfig(explicit: string | undefined, fallback = DEFAULT_CONFIG): Config {
  const file = explicit ?? fallback
  try {
    return parseConfig(readFileSync(file, 'utf8'), file)
  } catch (error) {
    if (error instanceof FatalError) throw error
    if (explicit === undefined && errnoName(error) === 'ENOENT') return {}
    throw new FatalError(ExitCode.usage, `configuration ${file} cannot be read: ${reason(error)}`, { cause: error })
  }
}

/** As `loadConfig`, of `source`; `file` only names it in messages. */
export function parseConfig(source: string, file: string): Config {
  const lines = new LineCounter()
  const document = parseDocument(source, { schema: 'failsafe', lineCounter: lines, prettyErrors: false })
  const fail = (offset: number, message: string): never => {
    const { line, col } = lines.linePos(offset)
    throw new FatalError(ExitCode.usage, `${file}:${Math.max(line, 1)}:${Math.max(col, 1)}: ${message}`)
  }
  const [syntax] = document.errors
  if (syntax !== undefined) fail(syntax.pos[0], firstLine(syntax.message))
  // an alias may lead nowhere, or be one of very many
  visit(document, {
    Alias: (_key, { range, source }) => fail(range?.[0] ?? 0, `*${source}: aliases are not supported`),
  })
  const result = v.safeParse(schema, document.toJS())
  if (result.success) return result.output
  const [issue] = result.issues
  return fail(offsetOf(document, issue), describe(issue))
}

type Issue = v.GenericIssue

const keysOf = (issue: Issue): (string | number)[] =>
  (issue.path ?? []).map(({ key }) => (typeof key === 'number' ? key : String(key)))

/** valibot reports an unknown key as one that was expected never to be there. */
function isUnknownKey({ type, expected }: { type: string; expected: string | null }): boolean {
  return type === 'strict_object' && expected === 'never'
}

function describe(issue: Issue): string {
  const name = keysOf(issue).join('.')
  if (isUnknownKey(issue)) return `${name}: unknown key; known here: ${issue.message}`
  return `${name || 'the file'}: expected ${issue.message}, found ${issue.received}`
}

function offsetOf(document: Document, issue: Issue): number {
  const keys = keysOf(issue)
  const parent = keys.length > 1 ? document.getIn(keys.slice(0, -1), true) : document.contents
  if (isUnknownKey(issue) && isMap(parent)) {
    const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === keys.at(-1))
    if (isNode(pair?.key)) return pair.key.range?.[0] ?? 0
  }
  const node = document.getIn(keys, true)
  return isNode(node) ? (node.range?.[0] ?? 0) : 0
}

const firstLine = (message: string): string => message.split('\n', 1)[0] ?? message
