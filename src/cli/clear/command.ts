// `macipctl clear` makes the snooper forget something.
import { Argument, Command } from 'commander'
import { configured, EXIT_CODES } from '../command.js'
import { ExitCode, FatalError } from '../../base/exit.js'
import { type Io, print } from '../io.js'
import { askClear, noAnswer } from '../queries.js'
import { eventText } from '../events/text.js'
import { type Address, addressArgument, json, ofSnooper, type SnooperOnly, sockets, vniOption } from '../options.js'
import { count } from '../text.js'

type Given = SnooperOnly & { vni?: number }
type What = 'duplicate' | 'binding'

async function act(io: Io, what: What, address: Address | undefined, given: Given): Promise<void> {
  const { snoop } = await sockets(given)
  const answer = await askClear(snoop, what, address, given.vni)
  if (!answer.running) throw noAnswer('snooper', answer)
  const { cleared, events } = answer
  if (given.json) print(io, json({ cleared, events }))
  else if (cleared > 0) print(io, [`cleared ${count(cleared, what)}`, ...events.map(eventText), ''].join('\n'))
  if (cleared === 0)
    throw new FatalError(ExitCode.notFound, `no ${what}${about(address, given.vni)}: nothing was cleared`)
}

function about(address: Address | undefined, vni: number | undefined): string {
  const name = address === undefined ? '' : ` ${'ip' in address ? address.ip : address.mac}`
  return `${name}${vni === undefined ? '' : ` in VNI ${vni}`}`
}

const ofVni = (command: Command, io: Io): Command => ofSnooper(command, io).addOption(vniOption('only in this VNI'))

const duplicateCommand = (io: Io): Command =>
  ofVni(new Command('duplicate'), io)
    .summary('announce frozen addresses again, and believe held-down hosts')
    .description(
      `Ends the hold-down of an address that moved too often, of a host that claimed it from an owner who answered, or of all: they count from here on as if nothing had happened.

Do so when only one host has the address: otherwise it is held down again soon.`,
    )
    .addArgument(new Argument('[address]', 'only this IP or MAC address').argParser(addressArgument))
    .action((address: Address | undefined, given: Given) => act(io, 'duplicate', address, given))

const bindingCommand = (io: Io): Command =>
  ofVni(new Command('binding'), io)
    .summary('forget what was learned about an address')
    .description(
      `Withdraws the bindings of an IP or MAC address, as if it had never been seen. A host that is there is learned again with the next ARP or ND that it sends.`,
    )
    .addArgument(new Argument('<address>', 'this IP or MAC address').argParser(addressArgument))
    .action((address: Address, given: Given) => act(io, 'binding', address, given))

export const clearCommand = (io: Io): Command =>
  configured(new Command('clear'), io)
    .summary('undo: frozen duplicates, held-down hosts, wrong bindings')
    .description('Lets the snooper forget something, and shows what that did.')
    .addHelpText(
      'after',
      `
JSON: cleared (a number), events (what it did)
${EXIT_CODES}

Examples:
  macipctl clear duplicate
  macipctl clear duplicate 10.0.0.5 --vni 100
  macipctl clear binding bc:24:11:00:00:01`,
    )
    .addCommand(duplicateCommand(io))
    .addCommand(bindingCommand(io))
