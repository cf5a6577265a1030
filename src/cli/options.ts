// Options and arguments that macipctl's commands have in common.
import { type Command, InvalidArgumentError, Option } from 'commander'
import { dirname, join } from 'node:path'
import { formatIp, formatMac, parseIp, parseMac } from '../base/address.js'
import { MAX_VNI } from '../base/vni.js'
import { configOption, configured, pathspaceOption, RELAY_OPTION } from './command.js'
import type { Io } from './io.js'
import { loadConfig } from '../config/file.js'
import { defaultPaths } from '../config/settings.js'
import { checkSocketPath } from '../os/unix-socket.js'

export type Common = { relay?: string; snoop?: string; config?: string; pathspace?: string; json?: true }

const SNOOP = ['--snoop <path>', "the snooper's control socket (default: /run/macipd[/NAME]/snoop.sock)"] as const

/** Options that `--json` cannot be combined with. */
type Limits = { notWithJson?: string[] }

const withPaths = (command: Command): Command =>
  command.addOption(pathspaceOption()).addOption(configOption('configuration file that names the sockets'))

const everywhere = (command: Command, { notWithJson = [] }: Limits = {}): Command =>
  withPaths(command).addOption(
    new Option('--json', 'print JSON: times in milliseconds since the epoch').conflicts(notWithJson),
  )

/** Makes a command one that asks the relay only. */
export const ofRelay = (command: Command, io: Io, limits?: Limits): Command =>
  everywhere(configured(command, io).option(...RELAY_OPTION), limits)
export type RelayOnly = Omit<Common, 'snoop'>

/** Makes a command one that asks the snooper only. */
export const ofSnooper = (command: Command, io: Io, limits?: Limits): Command =>
  everywhere(configured(command, io).option(...SNOOP), limits)
export type SnooperOnly = Omit<Common, 'relay'>

/** Makes a command one that asks both. */
export const ofBoth = (command: Command, io: Io): Command => ofRelay(command, io).option(...SNOOP)

/** Makes a command one that asks both, and has a format of its own instead of --json. */
export const ofBothPlain = (command: Command, io: Io): Command =>
  withPaths(configured(command, io).option(...RELAY_OPTION)).option(...SNOOP)

export async function sockets(given: Common): Promise<{ relay: string; snoop: string }> {
  const config = await loadConfig(given.config)
  const paths = defaultPaths(given.pathspace ?? config.pathspace)
  return {
    relay: checkSocketPath(given.relay ?? config.relay?.control ?? paths.relayControl, 'relay'),
    snoop: checkSocketPath(given.snoop ?? config.snoop?.control ?? paths.snoopControl, 'snoop'),
  }
}

export const RUN_DIR_OPTION = [
  '--run-dir <path>',
  "the relay's run directory (default: the one of --relay, or /run/macipd[/NAME])",
] as const

/** The socket of the relay's keeper, which is in its run directory. */
export async function keeperSocket(given: Common & { runDir?: string }): Promise<string> {
  const { runDir, relay, pathspace } = given
  const config = await loadConfig(given.config)
  const named = runDir ?? (relay === undefined ? config.relay?.runDir : dirname(relay))
  return checkSocketPath(join(named ?? defaultPaths(pathspace ?? config.pathspace).runDir, 'keeper.sock'), 'run-dir')
}

/** A MAC or an IP address, in canonical text. */
export type Address = { mac: string } | { ip: string }

export function parseAddress(text: string): Address | undefined {
  const mac = parseMac(text)
  if (mac !== undefined) return { mac: formatMac(mac) }
  const ip = parseIp(text)
  return ip === undefined ? undefined : { ip: formatIp(ip) }
}

export function addressArgument(text: string): Address {
  const address = parseAddress(text)
  if (address === undefined) {
    throw new InvalidArgumentError('Expected an IP address or a MAC address such as bc:24:11:00:00:01.')
  }
  return address
}

/** Encodes an address and a VNI for the control sockets; what is not named is left out. */
export function targetToProto(
  address: Address | undefined,
  vni: number | undefined,
): { vni: number; mac?: Uint8Array; ip?: Uint8Array } {
  const bytes = address && ('mac' in address ? parseMac(address.mac) : parseIp(address.ip))
  if (address === undefined || bytes === undefined) return { vni: vni ?? 0 }
  return { vni: vni ?? 0, ['mac' in address ? 'mac' : 'ip']: bytes }
}

/** The highest number of a VRF or a routing table. */
export const MAX_U32 = 0xffffffff

export const numberArgument =
  (min: number, max: number) =>
  (text: string): number => {
    const number = /^\d{1,10}$/.test(text) ? Number(text) : -1
    if (number < min || number > max) throw new InvalidArgumentError(`Expected a number from ${min} to ${max}.`)
    return number
  }

export const vniArgument = numberArgument(1, MAX_VNI)

/** `what`: how the option limits what is shown or done. */
export const vniOption = (what: string): Option => new Option('--vni <number>', what).argParser(vniArgument)

export const tableOption = (what: string): Option =>
  new Option('--table <number>', what).argParser(numberArgument(1, MAX_U32))

export function lastArgument(text: string, all: number): number {
  if (text === 'all') return all
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("Expected a number, or 'all'.")
  return Number(text)
}

/** Parses names with commas between. */
export function namesArgument<Name extends string>(text: string, known: readonly Name[]): ReadonlySet<Name> {
  const names = text.split(',').map((name) => known.find((it) => it === name))
  if (names.includes(undefined)) throw new InvalidArgumentError(`Known are ${known.join(', ')}.`)
  return new Set(names.filter((name) => name !== undefined))
}

export const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`
