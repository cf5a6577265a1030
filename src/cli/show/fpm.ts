// `macipctl show fpm` lists what zebra programs, as its FPM connection has told the snooper.
import { Argument, Command } from 'commander'
import { configured } from '../command.js'
import { type Io, print, remark } from '../io.js'
import { askFpm, type FpmQuestion, noAnswer } from '../queries.js'
import type { FpmReport } from '../fpm/report.js'
import { otherRoutes, renderFpmMacs, renderFpmNexthops, renderFpmRoutes, whyNothing } from '../fpm/tables.js'
import {
  type Address,
  addressArgument,
  json,
  ofSnooper,
  type SnooperOnly,
  sockets,
  tableOption,
  vniOption,
} from '../options.js'
import { paintFor } from '../text.js'

type Given = SnooperOnly & { vni?: number; table?: number }

async function list(
  io: Io,
  what: 'macs' | 'routes' | 'nexthops',
  render: (report: FpmReport) => string,
  given: Given,
  address?: Address,
): Promise<void> {
  const { snoop } = await sockets(given)
  const { vni, table } = given
  const question: FpmQuestion = { what, ...(address && { address }), ...(vni && { vni }), ...(table && { table }) }
  const answer = await askFpm(snoop, question)
  if (!answer.running) throw noAnswer('snooper', answer)
  if (given.json) print(io, json({ status: answer.status, [what]: answer[what] }))
  else print(io, render(answer))
  const why = whyNothing(answer.status)
  if (why !== undefined) remark(io, `${why}; see macipctl status`)
}

const ofVni = (command: Command, io: Io): Command => ofSnooper(command, io).addOption(vniOption('only this VNI'))

const macsCommand = (io: Io): Command =>
  ofVni(new Command('macs'), io)
    .summary('remote MACs that zebra programs')
    .description('Lists the MACs that zebra has programmed behind other VTEPs while it was connected.')
    .addArgument(new Argument('[address]', 'only this MAC, or what is behind this VTEP').argParser(addressArgument))
    .action((address: Address | undefined, given: Given) =>
      list(io, 'macs', ({ macs }) => renderFpmMacs(macs, Date.now(), paintFor(io)), given, address),
    )

const routesCommand = (io: Io): Command =>
  ofVni(new Command('routes'), io)
    .summary('host routes that zebra programs')
    .description('Lists the routes to single addresses; all others are only counted.')
    .addArgument(new Argument('[address]', 'only to this IP, or through this gateway').argParser(addressArgument))
    .addOption(tableOption('only of this table'))
    .action((address: Address | undefined, given: Given) =>
      list(
        io,
        'routes',
        ({ routes, status }) => renderFpmRoutes(routes, Date.now(), paintFor(io)) + otherRoutes(status),
        given,
        address,
      ),
    )

const nexthopsCommand = (io: Io): Command =>
  ofVni(new Command('nexthops'), io)
    .summary('nexthop objects that zebra programs')
    .description('Lists the nexthop objects, unless zebra has: no fpm use-next-hop-groups.')
    .addArgument(new Argument('[address]', 'only through this gateway').argParser(addressArgument))
    .action((address: Address | undefined, given: Given) =>
      list(io, 'nexthops', ({ nexthops }) => renderFpmNexthops(nexthops, Date.now(), paintFor(io)), given, address),
    )

export const showFpmCommand = (io: Io): Command =>
  configured(new Command('fpm'), io)
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
    .addCommand(macsCommand(io))
    .addCommand(routesCommand(io))
    .addCommand(nexthopsCommand(io))
