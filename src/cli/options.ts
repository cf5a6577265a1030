// Options and arguments that macipctl's commands have in common, and how they print.
import type { Command } from 'commander'
import { InvalidArgumentError } from 'commander'
import { formatIp, formatMac, parseIp, parseMac } from '../address.js'
import { configured, pathspaceOption } from '../daemon/command.js'
import { DEFAULT_CONFIG, loadConfig } from '../daemon/config.js'
import { defaultPaths } from '../daemon/settings.js'
import { checkSocketPath } from '../daemon/unix-socket.js'

export type Common = { relay?: string; snoop?: string; config?: string; pathspace?: string; json?: true }

const VNI_MAX = 0xffffff

const RELAY = ['--relay <path>', "the relay's control socket (default: /run/macipd[/NAME]/relay.sock)"] as const
const SNOOP = ['--snoop <path>', "the snooper's control socket (default: /run/macipd[/NAME]/snoop.sock)"] as const

const everywhere = (command: Command): Command =>
  command
    .addOption(pathspaceOption())
    .option('--config <file>', `configuration file that names the sockets (default: ${DEFAULT_CONFIG}, if it exists)`)
    .option('--json', 'print JSON: times in milliseconds since the epoch')

/** Of commands that ask the relay only. */
export const ofRelay = (command: Command): Command => everywhere(configured(command).option(...RELAY))

/** Of commands that ask the snooper only. */
export const ofSnooper = (command: Command): Command => everywhere(configured(command).option(...SNOOP))
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
  if (vni < 1 || vni > VNI_MAX) throw new InvalidArgumentError(`Expected a number from 1 to ${VNI_MAX}.`)
  return vni
}

export const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`

export function print(text: string): void {
  process.stdout.write(text)
}
