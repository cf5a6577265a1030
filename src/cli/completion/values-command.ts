// `macipctl completion values` is what the scripts ask while a person waits at the shell.
import { Argument, Command } from 'commander'
import { configured } from '../command.js'
import { type Io, print } from '../io.js'
import { LIVE, type Live } from './live.js'

export const valuesCommand = (io: Io): Command =>
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

/** Whether the words of macipctl ask for values. */
export const isForValues = ([command, below]: readonly string[]): boolean =>
  command === 'completion' && below === 'values'

/** Creates a macipctl that can do nothing else, and has nothing else to load. */
export const createValuesProgram = (io: Io): Command =>
  configured(new Command('macipctl'), io).addCommand(
    configured(new Command('completion'), io).addCommand(valuesCommand(io)),
  )
