// `macipctl clear`: what an operator may undo.
import { Argument, Command, Option } from 'commander'
import { configured, EXIT_CODES } from '../command.js'
import { ExitCode, FatalError } from '../../base/exit.js'
import { askClear, noAnswer } from '../queries.js'
import { eventText } from '../events/text.js'
import {
  type Address,
  addressArgument,
  json,
  ofSnooper,
  print,
  type SnooperOnly,
  sockets,
  vniArgument,
} from '../options.js'
import { count } from '../text.js'

type Given = SnooperOnly & { vni?: number }
type What = 'duplicate' | 'binding'

async function act(what: What, address: Address | undefined, given: Given): Promise<void> {
  const { snoop } = sockets(given)
  const answer = await askClear(snoop, what, address, given.vni)
  if (!answer.running) throw noAnswer('snooper', answer)
  const { cleared, events } = answer
  if (given.json) print(json({ cleared, events }))
  else if (cleared > 0) print([`cleared ${count(cleared, what)}`, ...events.map(eventText), ''].join('\n'))
  if (cleared === 0)
    throw new FatalError(ExitCode.notFound, `no ${what}${about(address, given.vni)}: nothing was cleared`)
}

function about(address: Address | undefined, vni: number | undefined): string {
  const name = address === undefined ? '' : ` ${'ip' in address ? address.ip : address.mac}`
  return `${name}${vni === undefined ? '' : ` in VNI ${vni}`}`
}

const ofVni = (command: Command): Command =>
  ofSnooper(command).addOption(new Option('--vni <number>', 'only in this VNI').argParser(vniArgument))

const duplicate = ofVni(new Command('duplicate'))
  .summary('announce frozen addresses again')
  .description(
    `Ends the hold-down of an address that moved too often, or of all: it counts from here on as if it had never moved.

Do so when only one host has the address: otherwise it is a duplicate again soon.`,
  )
  .addArgument(new Argument('[address]', 'only this IP or MAC address').argParser(addressArgument))
  .action((address: Address | undefined, given: Given) => act('duplicate', address, given))

const binding = ofVni(new Command('binding'))
  .summary('forget what was learned about an address')
  .description(
    `Withdraws the bindings of an IP or MAC address, as if it had never been seen. A host that is there is learned again with the next ARP or ND that it sends.`,
  )
  .addArgument(new Argument('<address>', 'this IP or MAC address').argParser(addressArgument))
  .action((address: Address, given: Given) => act('binding', address, given))

export const clear = configured(new Command('clear'))
  .summary('undo: frozen duplicates, wrong bindings')
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
for (const command of [duplicate, binding]) clear.addCommand(command)
