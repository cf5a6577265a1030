// `macipctl completion` prints what makes a shell complete the commands, and what that asks for while it does.
import { Argument, Command } from 'commander'
import { configured } from '../command.js'
import { type Io, print } from '../io.js'
import { LIVE, type Live } from './live.js'
import { type Shell, SHELLS } from './shell.js'

const valuesCommand = (io: Io): Command =>
  configured(new Command('values'), io)
    .description('Prints values that begin so, one a line: what the daemons say within 200 ms.')
    .addArgument(new Argument('<what>').choices(LIVE))
    .argument('<prefix>')
    .argument('[words...]', 'the command line, which may name sockets')
    .action(async (what: Live, prefix: string, words: string[]) => {
      const { liveValues } = await import('./values.js')
      // a shell has no place for complaints while it completes
      const values = await liveValues(what, prefix, words).catch(() => [])
      print(io, values.map((value) => `${value}\n`).join(''))
    })

export const completionCommand = (io: Io): Command =>
  configured(new Command('completion'), io)
    .summary('make bash, zsh or fish complete commands')
    .description(
      `Prints a script that makes a shell complete the commands, options and values of macipd and macipctl. Addresses, VNIs and ports come from the running daemons. The packages install it already.`,
    )
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .usage('[options] <shell>')
    .addHelpText(
      'after',
      `
Examples:
  source <(macipctl completion bash)
  source <(macipctl completion zsh)
  macipctl completion fish | source`,
    )
    .addCommand(valuesCommand(io), { hidden: true })
    .action(async (shell: Shell, _given: unknown, command: Command) => {
      const [{ createMacipd }, { describe }, { completionScript }] = await Promise.all([
        import('../macipd.js'),
        import('../tree.js'),
        import('./scripts.js'),
      ])
      const program = command.parent ?? command
      print(io, completionScript(shell, [describe(createMacipd(io)), describe(program)]))
    })
