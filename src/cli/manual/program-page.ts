// The manual page of a program, from its commands.
import { type CommandNode, everyCommand, type OptionNode } from '../tree.js'
import { type Block, parseHelpText, sentence } from './blocks.js'
import { bold, escape, filled, inline, italic, render, tagged, type Title, titleLine } from './roff.js'

export type ProgramPage = {
  readonly title: Title
  /** What all commands say of exit codes, which the page says once. */
  readonly exitCodes: string
  /** What a command says that the page of the configuration file says, too. */
  readonly fileOnly: readonly string[]
  /** The page of the configuration file. */
  readonly configPage: string
  /** Path → what it is. */
  readonly files: Readonly<Record<string, string>>
  readonly seeAlso: readonly string[]
}

export function programPage(program: CommandNode, page: ProgramPage): string {
  const commands = everyCommand(program).slice(1)
  const common = commonOptions(commands)
  const name = program.path.join(' ')
  return `${[
    titleLine(page.title),
    '.SH NAME',
    escape(`${name} - ${nameLine(program.description)}`),
    '.SH SYNOPSIS',
    `${bold(name)} ${italic('command')} [${italic('option')} ...] [${italic('argument')} ...]`,
    '.br',
    `${bold(name)} ${bold('--help')} | ${bold('--version')}`,
    '.SH DESCRIPTION',
    filled(inline(program.description)),
    ...program.commands.map((it) => tagged(usage(it), escape(sentence(it.summary)))),
    '.SH COMMANDS',
    ...commands.map((it) => section(it, common, page)),
    '.SH OPTIONS',
    filled(inline('Options of several commands:')),
    ...common.map(option),
    ...program.options.filter(({ long }) => !common.some((it) => it.long === long)).map(option),
    render([{ kind: 'section', title: 'Exit status' }, ...parseHelpText(page.exitCodes).slice(1)]),
    '.SH FILES',
    ...Object.entries(page.files).map(([path, text]) => tagged(italic(path), inline(text))),
    render([...examples(program, page)]),
    '.SH SEE ALSO',
    page.seeAlso.map(reference).join(',\n'),
  ]
    .filter((part) => part !== '')
    .join('\n')}\n`
}

/** whatis(1) shows a phrase, which does not begin as a sentence does. */
const nameLine = (description: string): string =>
  `${description.slice(0, 1).toLowerCase()}${description.slice(1).replace(/\.$/, '')}`

/** Turns `zebra(8)` into the name in bold and the section. */
const reference = (page: string): string =>
  page.replace(/^(.*)(\(\d\))$/, (_page, name: string, number: string) => `${bold(name)}${number}`)

/** Returns the options that so many commands have that it would tire to read them at each. */
export function commonOptions(commands: readonly CommandNode[]): readonly OptionNode[] {
  const leaves = commands.filter((it) => it.commands.length === 0)
  const counts = new Map<string, { option: OptionNode; count: number }>()
  for (const node of commands.flatMap(({ options }) => options)) {
    const key = `${node.long} ${node.description}`
    const known = counts.get(key) ?? { option: node, count: 0 }
    counts.set(key, { ...known, count: known.count + 1 })
  }
  const least = Math.max(2, leaves.length / 3)
  return [...counts.values()].filter(({ count }) => count >= least).map((it) => it.option)
}

const isSame = (a: OptionNode, b: OptionNode): boolean => a.long === b.long && a.description === b.description

const usage = (node: CommandNode): string => {
  const words = node.arguments.map((it) => {
    const name = `${italic(it.name)}${it.isVariadic ? ' ...' : ''}`
    return it.isRequired ? name : `[${name}]`
  })
  const below = node.commands.length > 0 ? [italic('command')] : []
  return [bold(node.path.join(' ')), ...below, ...words].join(' ')
}

/** The title of a command's part of the page, by which a reader searches for it. */
export const titleOf = (node: CommandNode): string => node.path.join(' ')

function section(node: CommandNode, common: readonly OptionNode[], page: ProgramPage): string {
  const shared = node.options.filter((it) => common.some((other) => isSame(it, other)))
  const own = node.options.filter((it) => !shared.includes(it))
  // every command has --help
  const also = shared
    .filter(({ long }) => long !== '--help')
    .map((it) => bold(it.long))
    .join(', ')
  const parts = node.commands.length === 0 ? [] : [tagsOf(node.commands)]
  return [
    `.SS "${escape(titleOf(node))}"`,
    `${usage(node)}${own.length > 0 || shared.length > 0 ? ` [${italic('option')} ...]` : ''}`,
    render(parseHelpText(node.description)),
    ...parts,
    ...node.arguments.map((it) => tagged(italic(it.name), escape(withChoices(sentence(it.description), it.choices)))),
    ...own.map(option),
    ...(also === '' ? [] : ['.PP', filled(`Common options: ${also}.`)]),
    render(blocksOf(node, page)),
  ]
    .filter((part) => part !== '')
    .join('\n')
}

const tagsOf = (commands: readonly CommandNode[]): string =>
  commands.map((it) => tagged(usage(it), escape(sentence(it.summary)))).join('\n')

function option({ short, long, value, isVariadic, description, choices, default: usual }: OptionNode): string {
  const flags = [...(short === undefined ? [] : [bold(short)]), bold(long)].join(', ')
  const given = value === undefined ? '' : ` ${italic(value)}${isVariadic ? ' ...' : ''}`
  const text = withChoices(sentence(description), choices)
  return tagged(`${flags}${given}`, escape(usual === undefined ? text : `${text} Default: ${usual}.`))
}

const withChoices = (text: string, choices: readonly string[]): string =>
  choices.length === 0 ? text : `${text} One of ${choices.join(', ')}.`

function blocksOf(node: CommandNode, { exitCodes, fileOnly, configPage }: ProgramPage): Block[] {
  const elsewhere = `${configPage} has the keys that only the configuration file has.`
  const text = fileOnly.reduce((rest, part) => rest.replace(part, elsewhere), node.helpText.replace(exitCodes, ''))
  return parseHelpText(text)
}

function examples(program: CommandNode, page: ProgramPage): Block[] {
  const blocks = blocksOf(program, page)
  const literals = blocks.filter(({ kind }) => kind === 'literal')
  return literals.length === 0 ? [] : [{ kind: 'section', title: 'Examples' }, ...literals]
}
