// `macipctl show` lists what zebra and bgpd have announced to each other, as the relay saw it.
import { Argument, Command } from 'commander'
import { configured } from '../command.js'
import { askOverlay, askRelay, askViews, noAnswer } from '../queries.js'
import { type Io, print, remark } from '../io.js'
import { showFpmCommand } from './fpm.js'
import { sessionFindings } from '../status/relay-health.js'
import { type Address, addressArgument, json, ofRelay, type RelayOnly, sockets, vniOption } from '../options.js'
import type { RelayReport, Running } from '../report.js'
import { type Rows, rowsOf } from './rows.js'
import { renderMacs, renderRemote, renderSessions, renderVnis, renderVteps } from './tables.js'
import { type Paint, paintFor } from '../text.js'

type Given = RelayOnly & { vni?: number }
type Row = { vni: number; mac?: string; ip?: string | null; vtep?: string | null }

/** Prints one table of the views; `name` is its key in JSON. */
async function list<Name extends keyof Rows>(
  io: Io,
  name: Name,
  render: (rows: Rows[Name], paint: Paint) => string,
  given: Given,
  address?: Address,
): Promise<void> {
  const { relay } = await sockets(given)
  const [views, overlay, status] = await Promise.all([askViews(relay), askOverlay(relay), askRelay(relay)])
  if (!views.running) throw noAnswer('relay', views)
  const all = rowsOf(views, overlay.running ? overlay.bindings : [])[name]
  const rows = all.filter((row) => matches(row, given.vni, address)) as Rows[Name]
  if (given.json) print(io, json({ [name]: rows }))
  else print(io, render(rows, paintFor(io)))
  if (all.length === 0 && status.running) explainEmptiness(io, status)
}

function matches(row: Row, vni: number | undefined, address: Address | undefined): boolean {
  if (vni !== undefined && row.vni !== vni) return false
  if (address === undefined) return true
  return 'mac' in address ? row.mac === address.mac : row.ip === address.ip || row.vtep === address.ip
}

/** Says what is wrong beside an empty table, which is no answer then. */
function explainEmptiness(io: Io, relay: Running<RelayReport>): void {
  for (const { what, todo } of sessionFindings(relay)) {
    remark(io, `${what}; ${todo}`)
  }
}

const ofVni = (command: Command, io: Io): Command => ofRelay(command, io).addOption(vniOption('only this VNI'))

const addressOf = (what: string): Argument => new Argument('[address]', `only ${what}`).argParser(addressArgument)

const vniCommand = (io: Io): Command =>
  ofVni(new Command('vni'), io)
    .summary('the VNIs, and how much is known in each')
    .description('Lists the VNIs that zebra has announced to bgpd, and those that only bgpd has routes for.')
    .action((given: Given) => list(io, 'vnis', renderVnis, given))

const macsCommand = (io: Io): Command =>
  ofVni(new Command('macs'), io)
    .summary('local MACs and MAC-IPs, as bgpd was told')
    .description('Lists the MACs and MAC-IPs that bgpd was told are local: BY zebra, or BY macipd.')
    .addArgument(addressOf('this MAC or IP address'))
    .action((address: Address | undefined, given: Given) => list(io, 'macs', renderMacs, given, address))

const remoteCommand = (io: Io): Command =>
  ofVni(new Command('remote'), io)
    .summary('remote MACs and MAC-IPs, as bgpd told zebra')
    .description('Lists the MACs and MAC-IPs that bgpd has told zebra are behind other VTEPs.')
    .addArgument(addressOf('this MAC or IP address, or what is behind this VTEP'))
    .action((address: Address | undefined, given: Given) => list(io, 'remote', renderRemote, given, address))

const vtepsCommand = (io: Io): Command =>
  ofVni(new Command('vteps'), io)
    .summary('the VTEPs that zebra floods to, as bgpd told it')
    .description('Lists the remote VTEPs of each VNI, and how much is behind each.')
    .addArgument(addressOf('this VTEP'))
    .action((address: Address | undefined, given: Given) => list(io, 'vteps', renderVteps, given, address))

const sessionsCommand = (io: Io): Command =>
  ofRelay(new Command('sessions'), io)
    .summary("bgpd's connections to zebra")
    .description("Lists bgpd's connections through the relay, what each is for and what went over it.")
    .action(async (given: RelayOnly) => {
      const status = await askRelay((await sockets(given)).relay)
      if (!status.running) throw noAnswer('relay', status)
      if (given.json) print(io, json({ sessions: status.sessions }))
      else print(io, renderSessions(status.sessions, Date.now(), paintFor(io)))
      if (status.sessions.length === 0) explainEmptiness(io, status)
    })

export const showCommand = (io: Io): Command =>
  configured(new Command('show'), io)
    .summary('what zebra and bgpd have announced to each other, and what zebra programs')
    .description(
      `Shows what zebra and bgpd have announced to each other, as the relay saw it; fpm: what zebra programs.

The last column says what is odd: a VNI that is not live, a MAC that is local and remote at once, an IP with two MACs.`,
    )
    .addHelpText(
      'after',
      `
JSON: one object with a list called
  vnis      vni, live, vtep (null while not live), macs, macIps, remoteMacs, remoteMacIps, vteps, notes
  macs      vni, mac, ip (null: the MAC alone), seq, flags, esi (null: none), by (zebra, macipd), notes
  remote    vni, mac, ip, vtep, seq, flags, notes
  vteps     vni, vtep, flood (head-end-repl, disabled, pim-sm; none: only routes point there), macs, macIps, notes
  sessions  as in macipctl status --json
of fpm: macipctl show fpm --help`,
    )
    .addCommand(vniCommand(io))
    .addCommand(macsCommand(io))
    .addCommand(remoteCommand(io))
    .addCommand(vtepsCommand(io))
    .addCommand(sessionsCommand(io))
    .addCommand(showFpmCommand(io))
