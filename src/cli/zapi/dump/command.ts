// `macipctl zapi dump`: the conversation between bgpd and zebra, decoded.
import { Command, InvalidArgumentError, Option } from 'commander'
import { formatIp, formatMac, parseIp, parseMac } from '../../../base/address.js'
import { configured, EXIT_CODES, pathspaceOption } from '../../command.js'
import { DEFAULT_CONFIG } from '../../../config/file.js'
import { ExitCode, FatalError } from '../../../base/exit.js'
import { MAX_VNI } from '../../../base/vni.js'
import { frrRelease, FRR_RELEASES, type FrrRelease } from '../../../zapi/releases.js'
import { FAMILIES } from '../../../zapi/messages/index.js'
import { type DumpFilter, parsePrefix, type Prefix } from './filter.js'
import { CaptureOutput, jsonOutput, type Output, textOutput } from './output.js'
import { RecordedSessions } from './sessions.js'
import { fromFile, fromRelay } from './source.js'
import type { TimeStyle } from './lines.js'
import { DumpView } from './view.js'
import { interruption } from '../../follow.js'
import { lastArgument } from '../../options.js'
import { paintFor, printable } from '../../text.js'

export type RelayArguments = { relay?: string; config?: string; pathspace?: string }

type Arguments = RelayArguments &
  DumpFilter & {
    follow?: boolean
    last?: number
    time: TimeStyle
    verbose?: boolean
    hex?: boolean
    json?: boolean
    write?: string
    read?: string
    frrRelease?: FrrRelease
  }

/** How many messages are shown when nothing else is said. */
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

/** @param relaySocket the path that the arguments and the configuration name */
export const dumpCommand = (relaySocket: (given: RelayArguments) => string): Command =>
  configured(new Command('dump'))
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
      new Option('--family <names>', `only of these families: ${FAMILY_NAMES.join(', ')}`).argParser(familiesArgument),
    )
    .addOption(new Option('--vni <number>', 'only about this VNI').argParser(numberArgument(1, MAX_VNI)))
    .addOption(new Option('--mac <address>', 'only about this MAC').argParser(macArgument))
    .addOption(new Option('--ip <address>', 'only about this IP of a host').argParser(ipArgument))
    .addOption(new Option('--vrf <id>', 'only in the VRF with this id').argParser(numberArgument(0, 0xffffffff)))
    .addOption(new Option('--prefix <prefix>', 'only about this prefix and those inside it').argParser(prefixArgument))
    .addOption(
      new Option('--time <style>', 'time of day, or seconds since the first message or the one before')
        .choices(['clock', 'relative', 'delta'])
        .default('clock'),
    )
    .addOption(new Option('-v, --verbose', 'every field on a line of its own').conflicts(['json', 'write']))
    .addOption(new Option('-x, --hex', 'the bytes, too').conflicts('write'))
    .addOption(new Option('--json', 'one JSON object for each message (docs/zapi-dump.md)').conflicts('write'))
    .option('-w, --write <file>', 'write a pcapng file for Wireshark, tshark and --read; - is standard output')
    .option('-r, --read <file>', 'read such a file instead of asking the relay; - is standard input')
    .addOption(
      new Option('--frr-release <X.Y>', 'decode as this release instead of recognising it').argParser(releaseArgument),
    )
    .option('--relay <path>', "the relay's control socket (default: /run/macipd[/NAME]/relay.sock)")
    .addOption(pathspaceOption())
    .option('--config <file>', `configuration file that names the socket (default: ${DEFAULT_CONFIG}, if it exists)`)
    .addHelpText(
      'after',
      `${EXIT_CODES}

Examples:
  macipctl zapi dump --follow --command MACIP_ADD,MACIP_DEL
  macipctl zapi dump --mac bc:24:11:00:00:01 --verbose
  macipctl zapi dump --follow --last all --write evpn.pcapng
  macipctl zapi dump --read evpn.pcapng --session main --json`,
    )
    .action((given: Arguments) => dump(given, relaySocket))

async function dump(given: Arguments, relaySocket: (given: RelayArguments) => string): Promise<void> {
  const { read, write, follow = false } = given
  if (read !== undefined && read !== '-' && read === write) {
    throw new FatalError(ExitCode.usage, `${read} cannot be read and written at the same time`)
  }
  const last = lastOf(given)
  const socket = read === undefined ? relaySocket(given) : ''
  const sessions = new RecordedSessions(given.frrRelease)
  const output = outputFor(given, sessions)
  const view = new DumpView(sessions, output, filterOf(given), last)
  const interrupted = interruption()
  try {
    if (read === undefined) await fromRelay(socket, { history: last > 0, follow }, view, interrupted)
    else remark(await fromFile(read, view, interrupted))
  } finally {
    view.end()
    remark(output.end())
  }
}

function remark(remarks: readonly string[]): void {
  for (const text of remarks) process.stderr.write(`macipctl: ${text}\n`)
}

function lastOf({ last, follow, read, write }: Arguments): number {
  if (last !== undefined) return last
  if (read !== undefined || write !== undefined) return Infinity
  return follow === true ? 0 : DEFAULT_LAST
}

function filterOf({ direction, session, command, family, vni, mac, ip, vrf, prefix }: Arguments): DumpFilter {
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

function outputFor({ write, json, time, verbose = false, hex = false }: Arguments, sessions: RecordedSessions): Output {
  if (write !== undefined) return new CaptureOutput(write, sessions)
  if (json === true) return jsonOutput(hex)
  const width = process.stdout.isTTY ? process.stdout.columns : undefined
  return textOutput({ time, verbose, hex, width, paint: paintFor(process.stdout, process.env) })
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

function familiesArgument(text: string): ReadonlySet<string> {
  const names = text.split(',')
  for (const name of names) {
    if (!FAMILY_NAMES.includes(name)) throw new InvalidArgumentError(`Known are ${FAMILY_NAMES.join(', ')}.`)
  }
  return new Set(names)
}

const numberArgument =
  (min: number, max: number) =>
  (text: string): number => {
    const number = /^\d{1,10}$/.test(text) ? Number(text) : -1
    if (number < min || number > max) throw new InvalidArgumentError(`Expected a number from ${min} to ${max}.`)
    return number
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

function releaseArgument(name: string): FrrRelease {
  const release = frrRelease(name)
  if (release === undefined) {
    throw new InvalidArgumentError(`Known are ${FRR_RELEASES.map(({ name }) => name).join(', ')}.`)
  }
  return release
}
