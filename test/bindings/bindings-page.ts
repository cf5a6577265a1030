// The parts of docs/bindings.md that are made from the code. `--write` brings the page up to date.
import { readFileSync, writeFileSync } from 'node:fs'
import { argv } from 'node:process'
import { fileURLToPath } from 'node:url'
import { REASONS, type StateOrNone, STATES, TRANSITIONS } from '../../src/bindings/state.js'

export const PAGE = fileURLToPath(new URL('../../../docs/bindings.md', import.meta.url))

type Transition = { from: readonly StateOrNone[]; to: readonly StateOrNone[]; by: readonly string[]; meaning: string }
const transitions: [string, Transition][] = Object.entries(TRANSITIONS)

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

/** States in which nothing is asked are one box: what moves a binding between them is not up to the snooper. */
const ANNOUNCEMENT: readonly string[] = ['pending', 'active', 'shadowed', 'remote']
const box = (state: string): string => (state === 'unknown' ? '[*]' : ANNOUNCEMENT.includes(state) ? 'known' : state)

function diagram(): string {
  const arrows = new Map<string, string[]>()
  for (const [name, { from, to }] of transitions) {
    const between = new Set(from.flatMap((a) => to.map((b) => `${box(a)} --> ${box(b)}`)))
    for (const arrow of between) arrows.set(arrow, [...(arrows.get(arrow) ?? []), name])
  }
  const known = ANNOUNCEMENT.map((state) => `    ${state}`)
  const lines = [...arrows].map(([arrow, names]) => `  ${arrow}: ${names.join(', ')}`)
  return ['```mermaid', 'stateDiagram-v2', '  state known {', ...known, '  }', ...lines, '```'].join('\n')
}

const PARTS: Record<string, () => string> = {
  states: () =>
    table(
      ['state', 'meaning'],
      Object.entries(STATES).map(([name, meaning]) => [`\`${name}\``, meaning]),
    ),
  reasons: () =>
    table(
      ['reason', 'state', 'meaning'],
      Object.entries(REASONS).map(([name, { state, meaning }]) => [`\`${name}\``, `\`${state}\``, meaning]),
    ),
  diagram,
  transitions: () =>
    table(
      ['transition', 'from', 'to', 'by', 'meaning'],
      transitions.map(([name, { from, to, by, meaning }]) => [
        `\`${name}\``,
        ...[from, to, by].map((names) => names.join(', ')),
        meaning,
      ]),
    ),
}

/** The page with its generated parts as they should be. */
export function upToDate(page: string): string {
  return Object.entries(PARTS).reduce((text, [name, make]) => {
    const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`]
    const [from, to] = [text.indexOf(begin), text.indexOf(end)]
    if (from < 0 || to < from) throw new Error(`docs/bindings.md: "${begin}" … "${end}" is missing`)
    return `${text.slice(0, from + begin.length)}\n\n${make()}\n\n${text.slice(to)}`
  }, page)
}

if (argv[1] === fileURLToPath(import.meta.url) && argv.includes('--write')) {
  writeFileSync(PAGE, upToDate(readFileSync(PAGE, 'utf8')))
}
