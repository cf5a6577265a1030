// Every key of the configuration file: what it means, and its default. `--help`, the manual page and
// docs/configuration.md say the same, because they are made from this table or tested against it.
import { DEFAULT_POLICY } from '../bindings/policy.js'
import { LOG_LEVELS } from '../base/log.js'
import { DEFAULT_POLICY as PROXY_POLICY } from '../proxy/decision/policy.js'
import { FRR_RELEASES } from '../zapi/releases.js'
import { DEFAULTS } from './defaults.js'
import { PROXY_DEFAULTS } from './proxy/defaults.js'

/** Texts are Markdown: what is typed stands between backticks. */
export type Key = {
  /** What it does, in so many words as fit into `--help`. */
  readonly meaning: string
  /** What follows the meaning where there is room for it, with the punctuation between the two. */
  readonly more?: string
  /** What holds without the key; empty for a key that must be there. */
  readonly default: string
  /** The option of the command line that goes before it. */
  readonly option?: string
}

const code = (text: string | number): string => `\`${text}\``
const list = (names: readonly string[]): string => names.map(code).join(', ')
const seconds = (ms: number): string => code(ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`)
const megabytes = (bytes: number): string => code(`${bytes >> 20}M`)
const { probeRate, duplicates, limits } = DEFAULT_POLICY
const proxy = PROXY_POLICY
const VNI = 'the VNI, 1 to 16777215'
const SIZES = '64k to 1G; 0 keeps none'

/** By name, in the order of the documentation: `snoop.limits.rate`, and `snoop.pin.vni` for a key of the list's items. */
export const KEYS: Readonly<Record<string, Key>> = {
  pathspace: {
    meaning: "FRR's `-N`: adds a directory to every default path, here shown as `[/NAME]`",
    default: 'none',
    option: '--pathspace',
  },
  'log.level': {
    meaning: 'the least important messages logged',
    more: `: ${list(LOG_LEVELS)}`,
    default: code(DEFAULTS.logLevel),
    option: '--log-level',
  },
  'frr.release': {
    meaning: `insist on this FRR release: ${list(FRR_RELEASES.map(({ name }) => name))}`,
    default: 'detected',
    option: '--frr-release',
  },

  'relay.listen': {
    meaning: 'socket that bgpd connects to',
    more: ': its `-z`',
    default: '`/run/macipd[/NAME]/zserv.api`',
    option: '--listen',
  },
  'relay.zebra': { meaning: "zebra's socket", default: '`/run/frr[/NAME]/zserv.api`', option: '--zebra' },
  'relay.control': {
    meaning: 'control socket for snooper and `macipctl`',
    more: '; the snooper looks for it there, too',
    default: '`/run/macipd[/NAME]/relay.sock`',
    option: '--control',
  },
  'relay.runDir': {
    meaning: 'directory of the journal and the lock',
    default: '`/run/macipd[/NAME]`',
    option: '--run-dir',
  },
  'relay.staleTime': {
    meaning: 'how long entries stay announced without a snooper',
    default: seconds(DEFAULTS.staleMs),
    option: '--stale-time',
  },
  'relay.recent': {
    meaning: `memory for recent messages, which \`macipctl zapi dump\` shows: ${SIZES}`,
    default: megabytes(DEFAULTS.recentBytes),
    option: '--recent',
  },

  'snoop.control': {
    meaning: 'control socket for `macipctl`',
    default: '`/run/macipd[/NAME]/snoop.sock`',
    option: '--control',
  },
  'snoop.relay': { meaning: "the relay's control socket", default: '`relay.control`', option: '--relay' },
  'snoop.mode': {
    meaning: '`announce`, or `observe`: decide and show everything, announce nothing',
    more: ' (`--observe`)',
    default: '`announce`',
    option: '--observe',
  },
  'snoop.exclude': {
    meaning: 'ports never to snoop, such as uplinks: names, with `*` and `?`',
    default: 'none',
    option: '--exclude',
  },
  'snoop.repeatInterval': {
    meaning: 'look at the same frame again only after this long',
    default: seconds(DEFAULTS.repeatIntervalMs),
    option: '--repeat-interval',
  },
  'snoop.age': {
    meaning: 'withdraw a MAC-IP not seen for this long',
    more: '. At least 3 s; without probes twice `snoop.repeatInterval`',
    default: "the bridge's ageing time",
    option: '--age',
  },
  'snoop.probes': {
    meaning: '`send` or `off`: whether silent hosts are asked',
    default: code(DEFAULT_POLICY.probes),
  },
  'snoop.probeRate.perPort': {
    meaning: 'probes per second on one port: a number',
    default: code(probeRate.perPort),
  },
  'snoop.probeRate.total': { meaning: 'probes per second in all: a number', default: code(probeRate.total) },
  'snoop.probeSources': {
    meaning: 'sender addresses of ARP probes for subnets in which the node has no address itself',
    more: ': IPv4 addresses that nobody else has, each with the length of its subnet. Without one, the sender is 0.0.0.0, and 169.254.0.254 in every second probe',
    default: 'none',
  },
  'snoop.neighborSolicitations': {
    meaning: '`ignore` or `learn`: whether a neighbour solicitation binds its sender',
    more: ' (RFC 9161 3.2 advises against it: it does not tell whether the sender is a router)',
    default: code(DEFAULTS.neighborSolicitations),
  },
  'snoop.linkLocal': {
    meaning: '`learn` or `ignore` IPv6 link-local addresses',
    default: code(DEFAULT_POLICY.linkLocal),
  },
  'snoop.macMismatch': {
    meaning: '`refuse` or `accept` frames whose Ethernet source is not the MAC that they speak for',
    more: '; a router may speak for its virtual MAC',
    default: code(DEFAULT_POLICY.macMismatch),
  },
  'snoop.filters': {
    meaning: '`ignore` or `heed` what nftables, ebtables and tc drop on a port',
    more: ': [bindings](bindings.md#filters)',
    default: code(DEFAULTS.filters),
  },
  'snoop.vrrp': {
    meaning: '`ignore` or `learn` virtual router MAC addresses',
    more: ' (RFC 5798 7.3), which live on several hosts at once',
    default: code(DEFAULT_POLICY.vrrp),
  },
  'snoop.duplicates.moves': {
    meaning: 'this many moves make an IP a duplicate, and this many defended claims hold a host down: 2 to 1000',
    default: code(duplicates.moves),
  },
  'snoop.duplicates.window': { meaning: 'within this time, at least 1 s', default: seconds(duplicates.windowMs) },
  'snoop.duplicates.holdDown': {
    meaning: 'for this long, at least 1 s, unless cleared before',
    default: seconds(duplicates.holdDownMs),
  },
  'snoop.duplicates.confirm': {
    meaning: 'how long an owner, here or behind another VTEP, has to object to a claim, at least 100 ms',
    default: seconds(duplicates.confirmMs),
  },
  'snoop.limits.rate': {
    meaning: 'new claims per second on one port; what is more does not leave the kernel',
    default: code(DEFAULTS.rate.perSecond),
  },
  'snoop.limits.burst': { meaning: 'new claims at once on one port', default: code(DEFAULTS.rate.burst) },
  'snoop.limits.perMac.ipv4': { meaning: 'IPv4 addresses of one MAC', default: code(limits.perMac.ipv4) },
  'snoop.limits.perMac.ipv6': { meaning: 'IPv6 addresses of one MAC', default: code(limits.perMac.ipv6) },
  'snoop.limits.perPort.ipv4': { meaning: 'IPv4 addresses on one port', default: code(limits.perPort.ipv4) },
  'snoop.limits.perPort.ipv6': { meaning: 'IPv6 addresses on one port', default: code(limits.perPort.ipv6) },
  'snoop.limits.perVni': { meaning: 'bindings in one VNI', default: code(limits.perVni) },
  'snoop.limits.total': { meaning: 'bindings in all', default: code(limits.total) },
  'snoop.allow': {
    meaning: 'VNI → prefixes: an address in the VNI must be in one of them',
    more: '. A VNI that is not here has no such rule; link-local addresses are exempt',
    default: 'none',
  },
  'snoop.deny': { meaning: 'MAC addresses, IP addresses and prefixes that are never learned', default: 'none' },
  'snoop.pin': {
    meaning: 'IPs that only certain MAC addresses may have',
    more: ', such as those of servers that others rely on',
    default: 'none',
  },
  'snoop.pin.vni': { meaning: VNI, default: '' },
  'snoop.pin.ip': { meaning: 'the IP address', default: '' },
  'snoop.pin.macs': { meaning: 'the MAC addresses that may have it, one at least', default: '' },
  'snoop.static': {
    meaning: 'bindings that you vouch for: never aged, probed, limited or taken over',
    default: 'none',
  },
  'snoop.static.vni': { meaning: VNI, default: '' },
  'snoop.static.ip': { meaning: 'the IP address', default: '' },
  'snoop.static.mac': {
    meaning: 'its MAC address',
    more: '. Announced, as any other, while zebra announces that as local',
    default: '',
  },
  'snoop.static.router': {
    meaning: "`true` or `false`: whether the IPv6 address is a router's",
    default: '`false`',
  },
  'snoop.state': {
    meaning: 'file that keeps bindings over a restart, or `none`',
    more: ' (`--state`)',
    default: '`/var/lib/macipd[/NAME]/bindings`',
    option: '--state',
  },
  'snoop.stateAge': {
    meaning: 'what was seen longer ago is not taken from the file; at least 1 s',
    default: code(`${DEFAULTS.stateAgeMs / 3_600_000}h`),
  },

  'fpm.listen': {
    meaning: "where zebra's FPM module connects, or `none`",
    more: ': a list of IP addresses with ports (`--fpm`)',
    default: '`127.0.0.1:2620` and `[::1]:2620`, if no other server has them',
    option: '--fpm',
  },
  'fpm.allowRemote': {
    meaning: '`true` or `false`: whether `fpm.listen` may name other addresses than loopback',
    more: '. Whoever can connect there is believed',
    default: '`false`',
  },
  'fpm.forward': {
    meaning: 'another FPM server, which gets the same bytes: an IP address with a port',
    default: 'none',
  },
  'fpm.ensure': {
    meaning:
      "`true` or `false`: whether zebra gets its FPM lines again after a reload of FRR's configuration took them away",
    more: ': [fpm](fpm.md#keep-it-connected)',
    default: '`false`',
  },
  'fpm.recent': {
    meaning: `memory for recent frames, which \`macipctl fpm dump\` shows: ${SIZES}`,
    default: megabytes(DEFAULTS.recentBytes),
  },

  'metrics.listen': {
    meaning: 'where the snooper answers Prometheus: a loopback address with a port, or the path of a Unix socket',
    default: 'none',
  },
  'metrics.perPort': {
    meaning: '`true` or `false`: whether each port has metrics of its own',
    default: '`false`',
  },

  'proxy.control': {
    meaning: 'control socket for `macipctl`',
    default: '`/run/macipd[/NAME]/proxy.sock`',
    option: '--control',
  },
  'proxy.snoop': {
    meaning: "the snooper's control socket",
    default: '`snoop.control`',
    option: '--snoop',
  },
  'proxy.as': { meaning: "the proxy's AS number: `65000`, or `1.10` as in RFC 5396", default: '' },
  'proxy.routerId': {
    meaning: 'an IPv4 address that no other speaker and no other proxy has for its router id',
    default: '',
  },
  'proxy.source': {
    meaning: "this node's VTEP address, or a list of one IPv4 and one IPv6",
    more: ': BGP sessions and probes leave from it',
    default: '',
  },
  'proxy.neighbors': { meaning: 'the BGP speakers to dial, one at least', default: '' },
  'proxy.neighbors.address': { meaning: 'the IP address', default: '' },
  'proxy.neighbors.as': { meaning: 'the AS number', default: '`proxy.as`' },
  'proxy.neighbors.port': { meaning: 'the TCP port', default: code(PROXY_DEFAULTS.port) },
  'proxy.neighbors.passwordFile': {
    meaning: 'file with the password, as in `neighbor … password`',
    more: ': 1 to 80 bytes (TCP MD5, RFC 2385); a newline at the end is not part of it',
    default: 'none',
  },
  'proxy.neighbors.holdTime': {
    meaning: 'the session ends after so long without a word: whole seconds, 3 s at least, or 0 for never',
    default: code(`${PROXY_DEFAULTS.holdTime}s`),
  },
  'proxy.mark': {
    meaning: 'community (RFC 1997) by which proxies know the routes of proxies',
    more: '; the same for all of a fabric',
    default: code(PROXY_DEFAULTS.mark),
  },
  'proxy.restartTime': {
    meaning: 'how long neighbours keep the routes without the proxy (graceful restart, RFC 4724)',
    more: ': whole seconds, 4095 s at most; 0 not at all',
    default: code(`${PROXY_DEFAULTS.restartTime}s`),
  },
  'proxy.staleTime': {
    meaning: 'how long learned hosts stay announced without a snooper',
    default: seconds(DEFAULTS.staleMs),
  },
  'proxy.interfaces': {
    meaning: 'devices of the underlay whose VXLAN packets are looked at: names, with `*` and `?`',
    more: '. Without one, only configured hosts are announced',
    default: 'none',
  },
  'proxy.ports': {
    meaning: 'UDP ports that VXLAN packets go to: 1 to 8',
    default: code(`[${PROXY_DEFAULTS.ports.join(', ')}]`),
  },
  'proxy.discover.from': {
    meaning: 'prefixes in which VTEPs that are not configured are found by their frames',
    default: 'none',
  },
  'proxy.discover.limit': {
    meaning: 'VTEPs found in one VNI: a number',
    default: code(proxy.discover.limit),
  },
  'proxy.learnIp': {
    meaning: '`true` or `false`: whether the IPs of learned hosts are announced, or their MACs alone',
    default: code(String(proxy.learnIp)),
  },
  'proxy.age': {
    meaning: 'withdraw a host not heard for this long',
    more: '. At least 3 s; without probes twice `proxy.repeatInterval`',
    default: seconds(proxy.ageMs),
  },
  'proxy.repeatInterval': {
    meaning: 'look at the same frame again only after this long',
    default: seconds(DEFAULTS.repeatIntervalMs),
  },
  'proxy.probes': {
    meaning: '`send` or `off`: whether silent hosts are asked',
    default: code(PROXY_DEFAULTS.probes),
  },
  'proxy.probeRate.perVtep': {
    meaning: 'probes per second to hosts behind one VTEP: a number',
    default: code(proxy.probeRate.perPort),
  },
  'proxy.probeRate.total': { meaning: 'probes per second in all: a number', default: code(proxy.probeRate.total) },
  'proxy.duplicates.moves': {
    meaning: 'this many moves make a MAC or an IP a duplicate: 2 to 1000',
    default: code(proxy.duplicates.moves),
  },
  'proxy.duplicates.window': {
    meaning: 'within this time, at least 1 s',
    default: seconds(proxy.duplicates.windowMs),
  },
  'proxy.duplicates.holdDown': {
    meaning: 'for this long, at least 1 s, unless cleared before',
    default: seconds(proxy.duplicates.holdDownMs),
  },
  'proxy.duplicates.confirm': {
    meaning: 'how long the owner of an IP has to object to a claim, at least 100 ms',
    default: seconds(proxy.duplicates.confirmMs),
  },
  'proxy.limits.rate': {
    meaning: 'new claims per second of one VTEP; what is more does not leave the kernel',
    default: code(PROXY_DEFAULTS.rate.perSecond),
  },
  'proxy.limits.burst': { meaning: 'new claims at once of one VTEP', default: code(PROXY_DEFAULTS.rate.burst) },
  'proxy.limits.macsPerVtep': {
    meaning: 'MAC addresses behind one VTEP in one VNI',
    default: code(proxy.limits.macsPerVtep),
  },
  'proxy.limits.macsPerVni': { meaning: 'MAC addresses in one VNI', default: code(proxy.limits.macsPerVni) },
  'proxy.limits.ipsPerMac': { meaning: 'IP addresses of one MAC', default: code(proxy.limits.ipsPerMac) },
  'proxy.state': {
    meaning: 'file that keeps hosts over a restart, or `none`',
    more: ' (`--state`)',
    default: '`/var/lib/macipd[/NAME]/proxy`',
    option: '--state',
  },
  'proxy.stateAge': {
    meaning: 'what was heard longer ago is not taken from the file; at least 1 s',
    default: code(`${DEFAULTS.stateAgeMs / 3_600_000}h`),
  },
  'proxy.vnis': { meaning: 'VNI → its section, one at least', more: '; all else is ignored', default: '' },
  'proxy.vnis.routeTargets': {
    meaning: 'the route targets of its routes, as `65000:100` or `192.0.2.3:100`, one at least',
    default: "FRR's: the AS number, of a longer one the lower half, and the VNI",
  },
  'proxy.vnis.vteps': {
    meaning: 'IP address → section of a VTEP that is always announced for, unless it speaks EVPN itself',
    default: 'none',
  },
  'proxy.vnis.vteps.hosts': {
    meaning: 'hosts that are always behind it: never aged, probed, limited or moved',
    default: 'none',
  },
  'proxy.vnis.vteps.hosts.mac': { meaning: 'the MAC address', default: '' },
  'proxy.vnis.vteps.hosts.ips': { meaning: 'its IP addresses', default: 'none' },
  'proxy.vnis.vteps.hosts.sticky': {
    meaning: '`true` or `false`: whether other speakers are told that it never moves',
    more: ' (RFC 7432 15.2)',
    default: '`false`',
  },
}

/** Returns a text as plain words. */
export const plain = (markdown: string): string => markdown.replaceAll('`', '')

/** Returns what `--help` says of a key, with its default. Throws if there is no such key. */
export function helpOf(name: string): string {
  const key = KEYS[name]
  if (key === undefined) throw new Error(`there is no key ${name}`)
  return key.default === 'none' || key.default === ''
    ? plain(key.meaning)
    : `${plain(key.meaning)} (default: ${plain(key.default)})`
}

/** Returns the row of a key in the tables of docs/configuration.md. */
export const rowOf = (name: string, { meaning, more = '', default: usual }: Key): string =>
  `| \`${name}\` | ${meaning}${more} |${usual === '' ? '' : ` ${usual}`} |`
