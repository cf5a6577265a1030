// Renders what the doctor has found for people: what is wrong first, with what to type, and what is fine in few words.
import { wrap } from '../../base/wrap.js'
import { count, type Paint, printable, type Style } from '../text.js'
import { countsOf } from './examine.js'
import { type Group, GROUPS, type Result, type Status } from './result.js'

const TITLES: Readonly<Record<Group, string>> = {
  system: 'system',
  kernel: 'kernel',
  frr: 'FRR',
  relay: 'relay',
  snooper: 'snooper',
  network: 'network',
}
const MARKS: Readonly<Record<Status, readonly [word: string, style: Style]>> = {
  fail: ['FAIL', 'red'],
  warn: ['WARN', 'yellow'],
  unknown: ['?', 'dim'],
  ok: ['ok', 'green'],
}

/** Columns of a reader without a terminal. */
const PLAIN_WIDTH = 100
const MARK = 6
const INDENT = ' '.repeat(MARK)

export type TextOptions = {
  /** Whether what is fine is shown in full. */
  all: boolean
  isRoot: boolean
  /** Columns of the terminal. */
  width: number | undefined
  paint: Paint
}

export function renderResults(results: readonly Result[], options: TextOptions): string {
  const { all, isRoot, paint } = options
  const of = (status: Status): Result[] => results.filter((result) => result.status === status)
  const sections = [
    [verdict(results, paint)],
    ...[...of('fail'), ...of('warn')].map((result) => trouble(result, options)),
    rows(of('unknown'), options),
    ...(all
      ? GROUPS.map((group) =>
          rows(
            of('ok').filter((it) => it.group === group),
            options,
          ),
        )
      : [names(of('ok'), options)]),
    isRoot || of('unknown').length === 0 ? [] : [paint('dim', 'Not run as root: some things could not be seen.')],
  ]
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`
}

function verdict(results: readonly Result[], paint: Paint): string {
  const { ok, warn, fail, unknown } = countsOf(results)
  const word =
    fail > 0 ? paint('red', 'NOT OK') : warn > 0 ? paint('yellow', 'OK, with warnings') : paint('green', 'OK')
  const parts = [
    fail > 0 ? `${fail} failed` : '',
    warn > 0 ? count(warn, 'warning') : '',
    `${ok} fine`,
    unknown > 0 ? `${unknown} not known` : '',
  ]
  return `${word}: ${parts.filter(Boolean).join(', ')}`
}

/** What is wrong, what it means, and what to type, which is never broken into lines. */
function trouble({ status, id, what, means, todo }: Result, { width, paint }: TextOptions): string[] {
  const [word, style] = MARKS[status]
  const columns = Math.max(40, (width ?? PLAIN_WIDTH) - MARK)
  const text = (words: string): string[] => wrap(printable(words), columns).map((line) => INDENT + line)
  return [
    `${paint(style, word.padEnd(MARK))}${paint('bold', id)}`,
    ...text(what),
    ...text(means),
    ...todo.map((line) => {
      const shown = `${INDENT}  ${printable(line)}`
      return line.startsWith('#') ? paint('dim', shown) : paint('bold', shown)
    }),
  ]
}

/** A line each. */
function rows(results: readonly Result[], { paint }: TextOptions): string[] {
  const width = Math.max(0, ...results.map(({ id }) => id.length))
  return results.map(({ status, id, what }) => {
    const [word, style] = MARKS[status]
    return `${paint(style, word.padEnd(MARK))}${id.padEnd(width)}  ${printable(what)}`
  })
}

/** Only the names, a line for each group. */
function names(results: readonly Result[], { width, paint }: TextOptions): string[] {
  const titled = Math.max(...GROUPS.map((group) => TITLES[group].length)) + 2
  return GROUPS.flatMap((group) => {
    const ids = results.filter((result) => result.group === group).map(({ id }) => id)
    if (ids.length === 0) return []
    const lines = wrap(ids.join('  ').replaceAll('  ', ' '), Math.max(40, (width ?? PLAIN_WIDTH) - MARK - titled))
    return lines.map((line, index) => {
      const mark = index === 0 ? paint('green', 'ok'.padEnd(MARK)) : INDENT
      return `${mark}${(index === 0 ? TITLES[group] : '').padEnd(titled)}${paint('dim', line)}`
    })
  })
}
