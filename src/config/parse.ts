// The contents of the configuration file: YAML, read strictly; every mistake is reported on one line with its position.
import * as v from 'valibot'
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument, visit } from 'yaml'
import { frrRelease, FRR_RELEASES } from '../zapi/releases.js'
import { isLoopback } from '../base/address.js'
import { ExitCode, FatalError } from '../base/exit.js'
import { LOG_LEVELS } from '../base/log.js'
import { parseRecentSize, RECENT_SIZE_EXPECTED } from '../base/size.js'
import { noContradictions } from './contradictions.js'
import type { MetricsOptions } from './options.js'
import { isPathspace, PATHSPACE_EXPECTED } from './pathspace.js'
import { contradictions } from './proxy/checks.js'
import { proxySection } from './proxy/schema.js'
import { snoopSection } from './snoop-schema.js'
import {
  duration,
  endpoint,
  isAbsolutePath,
  isUnknownKey,
  oneOf,
  oneOrMore,
  parsed,
  parseEndpoint,
  path,
  section,
  trueOrFalse,
} from './values.js'

const recentSize = parsed(parseRecentSize, RECENT_SIZE_EXPECTED)
const release = v.pipe(
  v.string(),
  v.check(
    (name) => frrRelease(name) !== undefined,
    `an FRR release: ${FRR_RELEASES.map(({ name }) => name).join(', ')}`,
  ),
)

const FPM_LISTEN_EXPECTED = "none, or a list of IP addresses with ports ('127.0.0.1:2620', '[::1]:2620'), at least one"
const fpmListen = v.lazy((input) =>
  typeof input === 'string' ? v.literal('none', FPM_LISTEN_EXPECTED) : oneOrMore(endpoint, FPM_LISTEN_EXPECTED),
)

const METRICS_LISTEN_EXPECTED = "a loopback address with a port ('127.0.0.1:9430', '[::1]:9430'), or an absolute path"
const metricsListen = parsed<MetricsOptions['listen']>((text) => {
  if (isAbsolutePath(text)) return { path: text }
  const endpoint = parseEndpoint(text)
  return endpoint !== undefined && isLoopback(endpoint.ip) ? endpoint : undefined
}, METRICS_LISTEN_EXPECTED)

/** Exported for the test that the documentation has every key. */
export const schema = section({
  pathspace: v.optional(v.pipe(v.string(PATHSPACE_EXPECTED), v.check(isPathspace, PATHSPACE_EXPECTED))),
  relay: v.optional(
    section({
      listen: v.optional(path),
      zebra: v.optional(path),
      control: v.optional(path),
      runDir: v.optional(path),
      staleTime: v.optional(duration),
      recent: v.optional(recentSize),
    }),
  ),
  frr: v.optional(section({ release: v.optional(release) })),
  snoop: v.optional(snoopSection),
  fpm: v.optional(
    section({
      listen: v.optional(fpmListen),
      allowRemote: v.optional(trueOrFalse),
      forward: v.optional(endpoint),
      ensure: v.optional(trueOrFalse),
      recent: v.optional(recentSize),
    }),
  ),
  metrics: v.optional(section({ listen: v.optional(metricsListen), perPort: v.optional(trueOrFalse) })),
  log: v.optional(section({ level: v.optional(oneOf(LOG_LEVELS)) })),
  proxy: v.optional(v.pipe(proxySection, noContradictions(contradictions))),
})

/** The contents of a file, durations in milliseconds; missing keys are undefined. */
export type Config = v.InferOutput<typeof schema>

/**
 * Parses what is in a file; `file` is only the name in messages. Throws FatalError (usage) with messages of the form
 * `file:line:column: key: expected …`.
 */
export function parseConfig(source: string, file: string): Config {
  const lines = new LineCounter()
  const document = parseDocument(source, { schema: 'failsafe', lineCounter: lines, prettyErrors: false })
  const fail = (offset: number, message: string): never => {
    const { line, col } = lines.linePos(offset)
    throw new FatalError(ExitCode.usage, `${file}:${Math.max(line, 1)}:${Math.max(col, 1)}: ${message}`)
  }
  const [syntax] = document.errors
  if (syntax !== undefined) fail(syntax.pos[0], firstLine(syntax.message))
  // an alias may refer to nothing, or be one of very many
  visit(document, {
    Alias: (_key, { range, source }) => fail(range?.[0] ?? 0, `*${source}: aliases are not supported`),
  })
  const result = v.safeParse(schema, document.toJS())
  if (result.success) return result.output
  // a key that must be there and is not may be a misspelt one, which says more
  const issue = result.issues.find(isUnknownKey) ?? result.issues[0]
  return fail(offsetOf(document, issue), describe(issue).replaceAll('\n', '\\n'))
}

type Issue = v.GenericIssue

const keysOf = (issue: Issue): (string | number)[] =>
  (issue.path ?? []).map(({ key }) => (typeof key === 'number' ? key : String(key)))

function describe(issue: Issue): string {
  const name = keysOf(issue).join('.')
  if (isUnknownKey(issue)) return `${name}: unknown key; known here: ${issue.message}`
  // an issue without an expectation has a complete message
  if (issue.type === 'raw_check' && issue.expected === null) return `${name}: ${issue.message}`
  if (issue.input === undefined) return `${name}: is missing`
  return `${name || 'the file'}: expected ${issue.message}, found ${issue.received}`
}

function offsetOf(document: Document, issue: Issue): number {
  const keys = keysOf(issue)
  const parent = keys.length > 1 ? document.getIn(keys.slice(0, -1), true) : document.contents
  const isAboutKey = isUnknownKey(issue) || issue.path?.at(-1)?.origin === 'key'
  if (isAboutKey && isMap(parent)) {
    const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === keys.at(-1))
    if (isNode(pair?.key)) return pair.key.range?.[0] ?? 0
  }
  // a missing key has no position, but what it is missing in has
  for (let depth = keys.length; depth > 0; depth--) {
    const node = document.getIn(keys.slice(0, depth), true)
    if (isNode(node)) return node.range?.[0] ?? 0
  }
  return document.contents?.range?.[0] ?? 0
}

const firstLine = (message: string): string => message.split('\n', 1)[0] ?? message
