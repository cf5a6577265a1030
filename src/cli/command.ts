// Holds what the commands of both programs have in common: options, one line for an error, exit codes.
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { version } from '../base/version.js'
import { DEFAULT_CONFIG } from '../config/file.js'
import { helpOf } from '../config/keys.js'
import { isPathspace, PATHSPACE_EXPECTED } from '../config/pathspace.js'
import { DURATION_EXPECTED, parseDuration } from '../base/duration.js'
import { ExitCode, FatalError, reason } from '../base/exit.js'
import { leadsToJournal } from '../os/journal-stream.js'
import { FRR_RELEASES, type FrrRelease, frrRelease } from '../zapi/releases.js'
import { type Io, print, terminalWidth } from './io.js'
import { hasColours } from './text.js'

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
  9  what zebra says and what it programs differ (macipctl check)
 10  something is wrong (macipctl status, macipctl doctor)
 11  bgpd does not use the relay (macipctl hook)
 12  nothing fails, and there are warnings (macipctl doctor)`

export function durationArgument(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined) throw new InvalidArgumentError(`Expected ${DURATION_EXPECTED}.`)
  return ms
}

/** Names of the releases, for help and errors. */
export const RELEASE_NAMES = FRR_RELEASES.map(({ name }) => name).join(', ')

export function releaseArgument(name: string): FrrRelease {
  const release = frrRelease(name)
  if (release === undefined) throw new InvalidArgumentError(`Known are ${RELEASE_NAMES}.`)
  return release
}

/** The option of all commands that ask the relay. */
export const RELAY_OPTION = [
  '--relay <path>',
  "the relay's control socket (default: /run/macipd[/NAME]/relay.sock)",
] as const

/** `what` says what the program has the file for. */
export const configOption = (what: string): Option =>
  new Option('--config <file>', `${what} (default: ${DEFAULT_CONFIG}, if it exists)`)

export const pathspaceOption = (): Option =>
  new Option('-N, --pathspace <name>', helpOf('pathspace')).argParser((name: string): string => {
    if (!isPathspace(name)) throw new InvalidArgumentError(`Expected ${PATHSPACE_EXPECTED}.`)
    return name
  })

/** Columns of help that is not read on a terminal. */
const HELP_WIDTH = 80

/**
 * Makes a program or subcommand print to `io`, and throw instead of exiting, so that `run` alone decides. Each command
 * needs this, because none inherits it from the one above.
 */
export function configured(command: Command, io: Io): Command {
  return command
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      outputError: () => undefined,
      writeErr: () => undefined,
      writeOut: (text) => {
        print(io, text)
      },
      getOutHelpWidth: () => terminalWidth(io) ?? HELP_WIDTH,
      getOutHasColors: () => hasColours(io),
    })
    .helpOption('-h, --help', 'show this help')
}

export const withVersion = (command: Command): Command => command.version(version, '-V, --version', 'show the version')

const STDERR = 2
/** For a line of standard error that systemd's journal gets (sd-daemon(3)): SD_ERR. */
const ERROR_PREFIX = '<3>'

/** Runs a program to its end and returns the exit code; errors become one line on stderr. `args` are its words. */
export async function run(program: Command, args: readonly string[], io: Io): Promise<ExitCode> {
  const level = leadsToJournal(STDERR, io.env['JOURNAL_STREAM']) ? ERROR_PREFIX : ''
  const complain = (message: string): void => {
    io.stderr.write(`${level}${`${program.name()}: ${message}`.replaceAll('\n', `\n${level}`)}\n`)
  }
  try {
    await program.parseAsync(args, { from: 'user' })
    return ExitCode.ok
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return ExitCode.ok
      complain(`${describe(error, program, args)} (see ${pathOf(deepest(program, args))} --help)`)
      return ExitCode.usage
    }
    if (error instanceof FatalError) {
      complain(error.message)
      return error.exitCode
    }
    complain(error instanceof Error && error.stack !== undefined ? error.stack : reason(error))
    return ExitCode.internal
  }
}

function describe({ code, message }: CommanderError, program: Command, args: readonly string[]): string {
  if (code === 'commander.help') {
    const names = deepest(program, args).commands.map((command) => command.name())
    return `a command is needed: ${names.slice(0, -1).join(', ')} or ${names.at(-1) ?? ''}`
  }
  return message.replace(/^error: /, '').replaceAll(/\s*\n\s*/g, ' ')
}

/** Returns the words that lead to a command, the program's name first. */
const pathOf = (command: Command): string =>
  command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`

/** Returns the command that the words lead to. */
function deepest(program: Command, args: readonly string[]): Command {
  let command = program
  for (const word of args) command = command.commands.find((known) => known.name() === word) ?? command
  return command
}
