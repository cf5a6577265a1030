// The blocks that a page is made of, and how the texts of `--help` fall into such.

/** Texts are Markdown, of which backticks and links are understood. */
export type Block =
  | { readonly kind: 'section' | 'subsection'; readonly title: string }
  | { readonly kind: 'paragraph'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly Item[] }
  | { readonly kind: 'literal'; readonly lines: readonly string[] }

export type Item = { readonly term: string; readonly text: string }

/** Makes a sentence of what a program says in one line; names of FRR's daemons keep their first letter. */
export function sentence(text: string): string {
  const first = /^(zebra|bgpd)/.test(text) ? text.slice(0, 1) : text.slice(0, 1).toUpperCase()
  return `${first}${text.slice(1)}${/[.?!]$/.test(text) ? '' : '.'}`
}

/**
 * Parses a description, or the text after the options: lines at the margin are paragraphs; indented ones are lists if there is a gap after
 * a term, or if a line that is indented more follows; what remains is literal.
 */
export function parseHelpText(text: string): Block[] {
  const blocks: Block[] = []
  for (const part of text.split(/\n{2,}/)) {
    for (const run of runsOf(part.split('\n').filter((line) => line.trim() !== ''))) blocks.push(blockOf(run))
  }
  return blocks
}

const isIndented = (line: string): boolean => line.startsWith(' ')

/** Lines that are indented alike, or not at all, belong together. */
function runsOf(lines: readonly string[]): string[][] {
  const runs: string[][] = []
  for (const line of lines) {
    const last = runs.at(-1)
    if (last?.[0] !== undefined && isIndented(last[0]) === isIndented(line)) last.push(line)
    else runs.push([line])
  }
  return runs
}

function blockOf(run: readonly string[]): Block {
  const [first = ''] = run
  if (!isIndented(first)) return { kind: 'paragraph', text: run.join(' ') }
  const items = itemsOf(run)
  return items === undefined ? { kind: 'literal', lines: run.map((line) => line.trim()) } : { kind: 'list', items }
}

const TERM = /^ {1,2}(\S.*?) {2,}(\S.*)$/

function itemsOf(run: readonly string[]): Item[] | undefined {
  const items: { term: string; text: string }[] = []
  for (const line of run) {
    const [, term, text] = TERM.exec(line) ?? []
    const last = items.at(-1)
    if (term !== undefined && text !== undefined) items.push({ term, text })
    else if (/^ {0,2}\S/.test(line)) items.push({ term: line.trim(), text: '' })
    else if (last === undefined) return undefined
    else last.text = `${last.text} ${line.trim()}`.trim()
  }
  return items.every(({ text }) => text === '') ? undefined : items
}
