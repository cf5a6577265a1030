// `macipctl completion` prints what makes a shell complete the commands.
import { Argument, Command } from 'commander'
import { configured } from '../command.js'
import { type Io, print } from '../io.js'
import { type Shell, SHELLS } from './shell.js'
import { valuesCommand } from './values-command.js'

export const completionCommand = (io: Io): Command =>
  configured(new Command('completion'), io)
    .summary('make bash, zsh or fish complete commands')
    .description(
      `Prints a script that makes a shell complete the commands, options and values of macipd and macipctl. Addresses, VNIs and ports come from the running daemons.`,
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
