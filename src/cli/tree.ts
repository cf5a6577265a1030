// Describes a program as data: its commands, options, arguments and texts, as manual pages and completion need them.
import type { Command, Option } from 'commander'

export type OptionNode = {
  /** `-n`; undefined if it has no short form. */
  readonly short: string | undefined
  /** `--last` */
  readonly long: string
  /** The name of its value, `number`; undefined for a switch. */
  readonly value: string | undefined
  readonly isVariadic: boolean
  readonly description: string
  readonly choices: readonly string[]
  /** The default that commander knows and shows. */
  readonly default: string | undefined
}

export type ArgumentNode = {
  readonly name: string
  readonly isRequired: boolean
  readonly isVariadic: boolean
  readonly description: string
  readonly choices: readonly string[]
}

export type CommandNode = {
  /** The words that lead to it, the program's name first. */
  readonly path: readonly string[]
  readonly summary: string
  readonly description: string
  /** Includes `--help` and `--version`. */
  readonly options: readonly OptionNode[]
  readonly arguments: readonly ArgumentNode[]
  readonly commands: readonly CommandNode[]
  /** What `--help` says after the options: examples, exit codes, … */
  readonly helpText: string
}

/** Describes a command and all below it, but for hidden ones and the command `help`, which says what `--help` says. */
export function describe(command: Command, above: readonly string[] = []): CommandNode {
  const path = [...above, command.name()]
  const help = command.createHelp()
  return {
    path,
    summary: command.summary(),
    description: command.description(),
    options: help.visibleOptions(command).map(optionNode),
    arguments: command.registeredArguments.map((it) => ({
      name: it.name(),
      isRequired: it.required,
      isVariadic: it.variadic,
      description: it.description,
      choices: it.argChoices ?? [],
    })),
    commands: help
      .visibleCommands(command)
      .filter((it) => command.commands.includes(it))
      .map((it) => describe(it, path)),
    helpText: helpTextOf(command),
  }
}

function optionNode(option: Option): OptionNode {
  const [, value] = /[<[](.+?)(?:\.\.\.)?[>\]]/.exec(option.flags) ?? []
  const { defaultValue, defaultValueDescription } = option as {
    defaultValue?: unknown
    defaultValueDescription?: string
  }
  return {
    short: option.short,
    long: option.long ?? option.flags,
    value,
    isVariadic: option.variadic,
    description: option.description,
    choices: option.argChoices ?? [],
    default: defaultValueDescription ?? (typeof defaultValue === 'string' ? defaultValue : undefined),
  }
}

function helpTextOf(command: Command): string {
  const usual = command.configureOutput()
  let printed = ''
  command.configureOutput({
    writeOut: (text) => {
      printed += text
    },
  })
  command.outputHelp()
  command.configureOutput(usual)
  return printed.slice(command.helpInformation().length)
}

/** Returns a command and all below it, each before those below. */
export const everyCommand = (node: CommandNode): readonly CommandNode[] => [
  node,
  ...node.commands.flatMap(everyCommand),
]
