// Writes pages in the macros of man(7), as groff and mandoc understand them.
import { wrap } from '../../base/wrap.js'
import type { Block } from './blocks.js'

const COLUMNS = 80

/** `section`: 8 for programs, 5 for files. `source`: what it belongs to, and its version. */
export type Title = {
  readonly name: string
  readonly section: number
  /** `2026-11-29`; empty if the page shall have none. */
  readonly date: string
  readonly source: string
  readonly manual: string
}

/** Makes a text what it says, whatever is in it. A hyphen stays one that can be copied to a command line. */
export const escape = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('"', '\\(dq')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti')
    .replaceAll('`', '\\(ga')
    .replaceAll(
      /[^\n\x20-\x7e]/gu,
      (char) => `\\[u${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`,
    )

export const bold = (text: string): string => `\\fB${escape(text)}\\fR`
export const italic = (text: string): string => `\\fI${escape(text)}\\fR`

/** A link says where to read on: pages of docs/ are named by their path. */
const withoutLinks = (markdown: string): string =>
  markdown.replaceAll(/\[([^\]]+)\]\(([^)#]+)[^)]*\)/g, (_link, text: string, target: string) =>
    target.includes('://') ? `${text} (${target})` : `docs/${target}`,
  )

/** What stands between backticks or pairs of asterisks becomes bold. */
export const inline = (markdown: string): string =>
  withoutLinks(markdown)
    .replaceAll(/\*\*([^*]+)\*\*/g, '`$1`')
    .split('`')
    .map((part, index) => (index % 2 === 0 ? escape(part) : bold(part)))
    .join('')

/** A line that begins with a dot would be a request. */
const safe = (line: string): string => (line.startsWith('.') ? `\\&${line}` : line)

/** Lines of running text, of which roff makes its own. */
export const filled = (text: string): string => wrap(text, COLUMNS).map(safe).join('\n')

const quoted = (text: string): string => `"${text}"`

/** The beginning of a page. Words are not hyphenated, since names and paths must be found by searching. */
export const titleLine = ({ name, section, date, source, manual }: Title): string =>
  `.TH ${name.toUpperCase()} ${section} ${[date, escape(source), escape(manual)].map(quoted).join(' ')}\n.nh\n.ad l`

/** A term with what it means, both of them roff. */
export const tagged = (term: string, text: string): string =>
  ['.TP', safe(term), ...(text === '' ? [] : [filled(text)])].join('\n')

export function render(blocks: readonly Block[]): string {
  return blocks.map(renderBlock).join('\n')
}

function renderBlock(block: Block, index: number, all: readonly Block[]): string {
  const gap = isHeading(all[index - 1]) ? [] : ['.PP']
  switch (block.kind) {
    case 'section':
      return `.SH ${quoted(escape(block.title.toUpperCase()))}`
    case 'subsection':
      return `.SS ${quoted(escape(block.title))}`
    case 'paragraph':
      return [...gap, filled(inline(block.text))].join('\n')
    case 'list':
      return block.items.map(({ term, text }) => tagged(bold(term), inline(text))).join('\n')
    case 'literal':
      return [...gap, '.RS 4', '.nf', ...block.lines.flatMap(literal), '.fi', '.RE'].join('\n')
    default:
      return block satisfies never
  }
}

/** A line of a terminal is 80 columns, of which 11 are the margin; what does not fit goes on below. */
function literal(line: string): string[] {
  const width = 69
  const lines = line.length <= width ? [line] : wrap(line, width - 4)
  return lines.map((part, index) => safe(escape(index === 0 ? part : `    ${part}`)))
}

/** After a heading a paragraph begins by itself. */
const isHeading = (block: Block | undefined): boolean => block?.kind === 'section' || block?.kind === 'subsection'
