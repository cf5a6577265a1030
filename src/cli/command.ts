// What the commands have in common: parsing of values, one line for an error, exit codes.
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { version } from '../base/version.js'
import { isPathspace, PATHSPACE_EXPECTED } from '../config/file.js'
import { DURATION_EXPECTED, parseDuration } from '../base/duration.js'
import { ExitCode, FatalError, reason } from '../base/exit.js'
import { parseRecentSize, RECENT_SIZE_EXPECTED } from '../base/size.js'

export const EXIT_CODES = `
Exit codes:
  0  done, or ended by SIGTERM or SIGINT
  1  internal error
  2  wrong option, argument, configuration or path
  3  missing privilege
  4  missing kernel feature
  5  another process listens on the socket
  6  zebra does not answer
  7  nothing answers on the control sockets
  8  nothing found
  9  what zebra says and what it programs differ (macipctl check)`

export function durationArgument(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined) throw new InvalidArgumentError(`Expected ${DURATION_EXPECTED}.`)
  return ms
}

export function recentSizeArgument(text: string): number {
  const bytes = parseRecentSize(text)
  if (bytes === undefined) throw new InvalidArgumentError(`Expected ${RECENT_SIZE_EXPECTED}.`)
  return bytes
}

export const pathspaceOption = (): Option =>
  new Option('-N, --pathspace <name>', "FRR's path space: NAME is added to the default directories").argParser(
    (name: string): string => {
      if (!isPathspace(name)) throw new InvalidArgumentError(`Expected ${PATHSPACE_EXPECTED}.`)
      return name
    },
  )

/** A program or subcommand that throws instead of exiting, so that `run` alone decides. */
export function configured(command: Command): Command {
  return command
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({ outputError: () => undefined, writeErr: () => undefined })
    .helpOption('-h, --help', 'show this help')
}

export const withVersion = (command: Command): Command => command.version(version, '-V, --version', 'show the version')

/** Runs a program to its end and returns the exit code; errors become one line on stderr. */
export async function run(program: Command, argv: readonly string[]): Promise<ExitCode> {
  try {
    await program.parseAsync(argv)
    return ExitCode.ok
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return ExitCode.ok
      complain(program, `${describe(error, program, argv)} (see ${program.name()} --help)`)
      return ExitCode.usage
    }
    if (error instanceof FatalError) {
      complain(program, error.message)
      return error.exitCode
    }
    complain(program, error instanceof Error && error.stack !== undefined ? error.stack : reason(error))
    return ExitCode.internal
  }
}

function complain(program: Command, message: string): void {
  process.stderr.write(`${program.name()}: ${message}\n`)
}

function describe({ code, message }: CommanderError, program: Command, argv: readonly string[]): string {
  if (code === 'commander.help') {
    const names = deepest(program, argv).commands.map((command) => command.name())
    return `a command is needed: ${names.slice(0, -1).join(', ')} or ${names.at(-1) ?? ''}`
  }
  return message.replace(/^error: /, '').replaceAll(/\s*\n\s*/g, ' ')
}

/** The command that the words lead to. */
function deepest(program: Command, argv: readonly string[]): Command {
  let command = program
  for (const word of argv) command = command.commands.find((known) => known.name() === word) ?? command
  return command
}
