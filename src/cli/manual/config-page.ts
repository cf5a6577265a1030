// The manual page of the configuration file, from docs/configuration.md.
import type { Block } from './blocks.js'
import { parseMarkdown } from './markdown.js'
import { bold, escape, italic, render, type Title, titleLine } from './roff.js'

export type ConfigPage = {
  readonly title: Title
  /** Where the file is. */
  readonly path: string
  readonly seeAlso: readonly string[]
}

export function configPage(markdown: string, { title, path, seeAlso }: ConfigPage): string {
  const [, ...blocks] = parseMarkdown(markdown)
  const body: Block[] = [{ kind: 'section', title: 'Description' }, ...blocks]
  return `${[
    titleLine(title),
    '.SH NAME',
    escape(`${title.name} - configuration of macipd relay, macipd snoop and macipd proxy`),
    '.SH SYNOPSIS',
    italic(path),
    render(body),
    '.SH SEE ALSO',
    seeAlso.map((page) => page.replace(/^[^(]+/, bold)).join(',\n'),
  ].join('\n')}\n`
}
