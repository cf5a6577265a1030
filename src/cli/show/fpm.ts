// `macipctl show fpm`: what zebra programs, as its FPM connection has told the snooper.
import { Argument, Command, Option } from 'commander'
import { configured } from '../command.js'
import { askFpm, type FpmQuestion, noAnswer } from '../queries.js'
import type { FpmReport } from '../fpm/report.js'
import { otherRoutes, renderFpmMacs, renderFpmNexthops, renderFpmRoutes, whyNothing } from '../fpm/tables.js'
import {
  type Address,
  addressArgument,
  json,
  ofSnooper,
  print,
  type SnooperOnly,
  sockets,
  tableArgument,
  vniArgument,
} from '../options.js'
import { paintFor } from '../text.js'

type Given = SnooperOnly & { vni?: number; table?: number }

async function list(
  what: 'macs' | 'routes' | 'nexthops',
  render: (report: FpmReport) => string,
  given: Given,
  address?: Address,
): Promise<void> {
  const { snoop } = sockets(given)
  const { vni, table } = given
  const question: FpmQuestion = { what, ...(address && { address }), ...(vni && { vni }), ...(table && { table }) }
  const answer = await askFpm(snoop, question)
  if (!answer.running) throw noAnswer('snooper', answer)
  if (given.json) print(json({ status: answer.status, [what]: answer[what] }))
  else print(render(answer))
  const why = whyNothing(answer.status)
  if (why !== undefined) process.stderr.write(`macipctl: ${why}; see macipctl status\n`)
}

const paint = (): ReturnType<typeof paintFor> => paintFor(process.stdout, process.env)
const ofVni = (command: Command): Command =>
  ofSnooper(command).addOption(new Option('--vni <number>', 'only this VNI').argParser(vniArgument))

const macs = ofVni(new Command('macs'))
  .summary('remote MACs that zebra programs')
  .description('Lists the MACs that zebra has programmed behind other VTEPs while it was connected.')
  .addArgument(new Argument('[address]', 'only this MAC, or what is behind this VTEP').argParser(addressArgument))
  .action((address: Address | undefined, given: Given) =>
    list('macs', ({ macs }) => renderFpmMacs(macs, Date.now(), paint()), given, address),
  )

const routes = ofVni(new Command('routes'))
  .summary('host routes that zebra programs')
  .description('Lists the routes to single addresses; all others are only counted.')
  .addArgument(new Argument('[address]', 'only to this IP, or through this gateway').argParser(addressArgument))
  .addOption(new Option('--table <number>', 'only of this table').argParser(tableArgument))
  .action((address: Address | undefined, given: Given) =>
    list(
      'routes',
      ({ routes, status }) => renderFpmRoutes(routes, Date.now(), paint()) + otherRoutes(status),
      given,
      address,
    ),
  )

const nexthops = ofVni(new Command('nexthops'))
  .summary('nexthop objects that zebra programs')
  .description('Lists the nexthop objects, unless zebra has: no fpm use-next-hop-groups.')
  .addArgument(new Argument('[address]', 'only through this gateway').argParser(addressArgument))
  .action((address: Address | undefined, given: Given) =>
    list('nexthops', ({ nexthops }) => renderFpmNexthops(nexthops, Date.now(), paint()), given, address),
  )

export const showFpm = configured(new Command('fpm'))
  .summary('what zebra programs')
  .description(
    `Shows what zebra programs, as its FPM connection has told the snooper.

KNOWN says how sure it is: live (said while it happened), replayed (told again when zebra connected), stale (said before the connection there is; it proves nothing).`,
  )
  .addHelpText(
    'after',
    `
JSON: status, and a list called
  macs      vni (null: zebra does not say it), mac, vtep, nexthopId, ifindex, vlan, sticky, router
  routes    ip, table, vrf (one of them is null), protocol, type, metric, nexthopId, resolved, paths
  nexthops  id, path (null: a group or a blackhole), group
each with freshness and at; paths: gateway, ifindex, weight, onlink, vni`,
  )
  .addCommand(macs)
  .addCommand(routes)
  .addCommand(nexthops)
