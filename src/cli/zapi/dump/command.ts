// `macipctl zapi dump` shows the conversation between bgpd and zebra, decoded.
import { Command, InvalidArgumentError, Option } from 'commander'
import { formatIp, formatMac, parseIp, parseMac } from '../../../base/address.js'
import { EXIT_CODES, releaseArgument } from '../../command.js'
import { ExitCode, FatalError } from '../../../base/exit.js'
import { FRR_RELEASES, type FrrRelease } from '../../../zapi/releases.js'
import { FAMILIES } from '../../../zapi/messages/index.js'
import { type DumpFilter, parsePrefix, type Prefix } from './filter.js'
import { CaptureOutput, jsonOutput, type Output, textOutput } from './output.js'
import { RecordedSessions } from './sessions.js'
import { fromFile, fromRelay } from './source.js'
import type { TimeStyle } from './lines.js'
import { DumpView } from './view.js'
import { type Io, remark, terminalWidth } from '../../io.js'
import {
  lastArgument,
  MAX_U32,
  namesArgument,
  numberArgument,
  ofRelay,
  type RelayOnly,
  sockets,
  vniOption,
} from '../../options.js'
import { paintFor, printable } from '../../text.js'

type Given = RelayOnly &
  DumpFilter & {
    follow?: boolean
    last?: number
    time: TimeStyle
    verbose?: boolean
    hex?: boolean
    write?: string
    read?: string
    frrRelease?: FrrRelease
  }

/** So many messages are shown without --last. */
const DEFAULT_LAST = 100
const FAMILY_NAMES = FAMILIES.map(({ name }) => name)
const KNOWN_COMMANDS = commandNames()

function commandNames(): ReadonlySet<string> {
  const names = new Set<string>()
  for (const release of FRR_RELEASES) {
    for (let number = 0, name = release.commandName(0); name !== undefined; name = release.commandName(++number)) {
      names.add(name)
    }
  }
  return names
}

export const dumpCommand = (io: Io): Command =>
  ofRelay(new Command('dump'), io, { notWithJson: ['write'] })
    .summary('the conversation between bgpd and zebra, decoded')
    .description(
      `Shows the messages between bgpd and zebra as the relay has recorded them, and what macipd does to them: INJECTED (bgpd was told by macipd), DROPPED (zebra's message was kept from bgpd).

→ zebra: bgpd's messages; ← zebra: zebra's. Filters are combined: what is shown matches all of them.`,
    )
    .addOption(new Option('-f, --follow', 'go on with what comes, until interrupted').conflicts('read'))
    .addOption(
      new Option(
        '-n, --last <number>',
        `only the last ones that match, or all (default: ${DEFAULT_LAST}; with --follow 0; with --read or --write all)`,
      ).argParser((text) => lastArgument(text, Infinity)),
    )
    .addOption(new Option('--direction <where>', 'only in this direction').choices(['to-zebra', 'to-bgpd']))
    .addOption(
      new Option('--session <which>', 'only this session: its number, main, vnc or synchronous').argParser(
        sessionArgument,
      ),
    )
    .addOption(
      new Option('--command <names>', 'only these commands: MACIP_ADD,VNI_ADD,…, with or without ZEBRA_').argParser(
        commandsArgument,
      ),
    )
    .addOption(
      new Option('--family <names>', `only of these families: ${FAMILY_NAMES.join(', ')}`).argParser((text) =>
        namesArgument(text, FAMILY_NAMES),
      ),
    )
    .addOption(vniOption('only about this VNI'))
    .addOption(new Option('--mac <address>', 'only about this MAC').argParser(macArgument))
    .addOption(new Option('--ip <address>', 'only about this IP of a host').argParser(ipArgument))
    .addOption(new Option('--vrf <id>', 'only in the VRF with this id').argParser(numberArgument(0, MAX_U32)))
    .addOption(new Option('--prefix <prefix>', 'only about this prefix and those inside it').argParser(prefixArgument))
    .addOption(
      new Option('--time <style>', 'time of day, or seconds since the first message or the one before')
        .choices(['clock', 'relative', 'delta'])
        .default('clock'),
    )
    .addOption(new Option('-v, --verbose', 'every field on a line of its own').conflicts(['json', 'write']))
    .addOption(new Option('-x, --hex', 'the bytes, too').conflicts('write'))
    .option('-w, --write <file>', 'write a pcapng file for Wireshark, tshark and --read; - is standard output')
    .option('-r, --read <file>', 'read such a file instead of asking the relay; - is standard input')
    .addOption(
      new Option('--frr-release <X.Y>', 'decode as this release instead of detecting it').argParser(releaseArgument),
    )
    .addHelpText(
      'after',
      `
JSON: one object for each message (docs/zapi-dump.md)
${EXIT_CODES}

Examples:
  macipctl zapi dump --follow --command MACIP_ADD,MACIP_DEL
  macipctl zapi dump --mac bc:24:11:00:00:01 --verbose
  macipctl zapi dump --follow --last all --write evpn.pcapng
  macipctl zapi dump --read evpn.pcapng --session main --json`,
    )
    .action((given: Given) => dump(io, given))

async function dump(io: Io, given: Given): Promise<void> {
  const { read, write, follow = false } = given
  if (read !== undefined && read !== '-' && read === write) {
    throw new FatalError(ExitCode.usage, `${read} cannot be read and written at the same time`)
  }
  const last = lastOf(given)
  const socket = read === undefined ? (await sockets(given)).relay : ''
  const sessions = new RecordedSessions(given.frrRelease)
  const output = outputFor(io, given, sessions)
  const view = new DumpView(sessions, output, filterOf(given), last)
  const interrupted = io.interruption()
  try {
    if (read === undefined) await fromRelay(socket, { history: last > 0, follow }, view, interrupted)
    else remark(io, ...(await fromFile(io, read, view, interrupted)))
  } finally {
    view.end()
    remark(io, ...output.end())
  }
}

function lastOf({ last, follow, read, write }: Given): number {
  if (last !== undefined) return last
  if (read !== undefined || write !== undefined) return Infinity
  return follow === true ? 0 : DEFAULT_LAST
}

function filterOf({ direction, session, command, family, vni, mac, ip, vrf, prefix }: Given): DumpFilter {
  return {
    ...(direction !== undefined && { direction }),
    ...(session !== undefined && { session }),
    ...(command !== undefined && { command }),
    ...(family !== undefined && { family }),
    ...(vni !== undefined && { vni }),
    ...(mac !== undefined && { mac }),
    ...(ip !== undefined && { ip }),
    ...(vrf !== undefined && { vrf }),
    ...(prefix !== undefined && { prefix }),
  }
}

function outputFor(
  io: Io,
  { write, json, time, verbose = false, hex = false }: Given,
  sessions: RecordedSessions,
): Output {
  if (write !== undefined) return new CaptureOutput(io, write, sessions)
  if (json === true) return jsonOutput(io, hex)
  return textOutput(io, { time, verbose, hex, width: terminalWidth(io), paint: paintFor(io) })
}

function sessionArgument(text: string): number | string {
  if (['main', 'vnc', 'synchronous', 'other', 'unknown'].includes(text)) return text
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('Expected a number, main, vnc or synchronous.')
  return Number(text)
}

function commandsArgument(text: string): ReadonlySet<string> {
  const names = text.split(',').map((name) => `ZEBRA_${name.toUpperCase().replace(/^ZEBRA_/, '')}`)
  for (const name of names) {
    if (!KNOWN_COMMANDS.has(name)) throw new InvalidArgumentError(`No FRR release has the command ${printable(name)}.`)
  }
  return new Set(names)
}

function macArgument(text: string): string {
  const mac = parseMac(text)
  if (mac === undefined) throw new InvalidArgumentError('Expected a MAC address such as bc:24:11:00:00:01.')
  return formatMac(mac)
}

function ipArgument(text: string): string {
  const ip = parseIp(text)
  if (ip === undefined) throw new InvalidArgumentError('Expected an IP address.')
  return formatIp(ip)
}

function prefixArgument(text: string): Prefix {
  const prefix = parsePrefix(text)
  if (prefix === undefined) throw new InvalidArgumentError('Expected a prefix such as 10.0.0.0/8 or 2001:db8::/32.')
  return prefix
}
