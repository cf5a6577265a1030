// Options and arguments that macipctl's commands have in common, and how they print.
import { type Command, InvalidArgumentError, Option } from 'commander'
import { formatIp, formatMac, parseIp, parseMac } from '../base/address.js'
import { isVni, MAX_VNI } from '../base/vni.js'
import { configured, pathspaceOption } from './command.js'
import { DEFAULT_CONFIG, loadConfig } from '../config/file.js'
import { defaultPaths } from '../config/settings.js'
import { checkSocketPath } from '../os/unix-socket.js'

export type Common = { relay?: string; snoop?: string; config?: string; pathspace?: string; json?: true }

const RELAY = ['--relay <path>', "the relay's control socket (default: /run/macipd[/NAME]/relay.sock)"] as const
const SNOOP = ['--snoop <path>', "the snooper's control socket (default: /run/macipd[/NAME]/snoop.sock)"] as const

const everywhere = (command: Command, json: (option: Option) => Option = (option) => option): Command =>
  command
    .addOption(pathspaceOption())
    .option('--config <file>', `configuration file that names the sockets (default: ${DEFAULT_CONFIG}, if it exists)`)
    .addOption(json(new Option('--json', 'print JSON: times in milliseconds since the epoch')))

/** Of commands that ask the relay only. */
export const ofRelay = (command: Command): Command => everywhere(configured(command).option(...RELAY))

/** Of commands that ask the snooper only. */
export const ofSnooper = (command: Command, json?: (option: Option) => Option): Command =>
  everywhere(configured(command).option(...SNOOP), json)
export type SnooperOnly = Omit<Common, 'relay'>

export const common = (command: Command): Command => ofRelay(command).option(...SNOOP)

export function sockets(given: Common): { relay: string; snoop: string } {
  const config = loadConfig(given.config)
  const paths = defaultPaths(given.pathspace ?? config.pathspace)
  return {
    relay: checkSocketPath(given.relay ?? config.relay?.control ?? paths.relayControl, 'relay'),
    snoop: checkSocketPath(given.snoop ?? config.snoop?.control ?? paths.snoopControl, 'snoop'),
  }
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

/** How the control sockets name an address and a VNI; what is not named is left out. */
export function targetToProto(
  address: Address | undefined,
  vni: number | undefined,
): { vni: number; mac?: Uint8Array; ip?: Uint8Array } {
  const bytes = address && ('mac' in address ? parseMac(address.mac) : parseIp(address.ip))
  if (address === undefined || bytes === undefined) return { vni: vni ?? 0 }
  return { vni: vni ?? 0, ['mac' in address ? 'mac' : 'ip']: bytes }
}

export function vniArgument(text: string): number {
  const vni = /^\d+$/.test(text) ? Number(text) : 0
  if (!isVni(vni)) throw new InvalidArgumentError(`Expected a number from 1 to ${MAX_VNI}.`)
  return vni
}

export function tableArgument(text: string): number {
  const table = /^\d{1,10}$/.test(text) ? Number(text) : 0
  if (table < 1 || table > 0xffffffff) throw new InvalidArgumentError('Expected the number of a routing table.')
  return table
}

export function lastArgument(text: string, all: number): number {
  if (text === 'all') return all
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("Expected a number, or 'all'.")
  return Number(text)
}

/** Names with commas between. */
export function namesArgument<Name extends string>(text: string, known: readonly Name[]): ReadonlySet<Name> {
  const names = text.split(',').map((name) => known.find((it) => it === name))
  if (names.includes(undefined)) throw new InvalidArgumentError(`Known are ${known.join(', ')}.`)
  return new Set(names.filter((name) => name !== undefined))
}

export const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`

export function print(text: string): void {
  process.stdout.write(text)
}
