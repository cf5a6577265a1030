// Takes a page of docs/ apart: headings, paragraphs, tables and code, which is all that there is in it.
import { type Block, type Item, sentence } from './blocks.js'

export function parseMarkdown(source: string): Block[] {
  const blocks: Block[] = []
  let paragraph: string[] = []
  const flush = (): void => {
    if (paragraph.length > 0) blocks.push({ kind: 'paragraph', text: paragraph.join(' ') })
    paragraph = []
  }
  const lines = source.split('\n')
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? ''
    const [, level, title] = /^(#+) (.*)$/.exec(line) ?? []
    if (level !== undefined && title !== undefined) {
      flush()
      blocks.push({ kind: level.length < 3 ? 'section' : 'subsection', title })
    } else if (line.startsWith('```')) {
      flush()
      const end = lines.indexOf('```', at + 1)
      blocks.push({ kind: 'literal', lines: lines.slice(at + 1, end) })
      at = end
    } else if (line.startsWith('|')) {
      flush()
      const end = lines.findIndex((it, index) => index > at && !it.startsWith('|'))
      blocks.push({ kind: 'list', items: lines.slice(at + 2, end).map(itemOf) })
      at = end - 1
    } else if (line === '') flush()
    else paragraph.push(line)
  }
  flush()
  return blocks
}

/** A row of a table: key, meaning and default. */
function itemOf(row: string): Item {
  const [term = '', meaning = '', usual = ''] = row
    .replace(/^\| /, '')
    .split(/ ?\| ?/)
    .map((cell) => cell.trim())
  return {
    term: term.replaceAll('`', ''),
    text: usual === '' ? sentence(meaning) : `${sentence(meaning)} Default: ${usual}.`,
  }
}
