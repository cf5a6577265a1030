// FRR releases: what differs on the wire, as data. No codec compares versions; it asks for a feature.
import { type CommandName, commandsAfter } from './commands.js'
import { ROUTE_TYPES_FROM_10_0, ROUTE_TYPES_UNTIL_9_1 } from './route-types.js'

/** Differences of layout between releases, in the order in which they came. */
export type Features = {
  /** NHG_ADD and NHG_DEL carry resilience: buckets, idle timer, unbalanced timer (from 8.5). */
  readonly nhgResilience: boolean
  /** Link parameters begin with whether there are any (from 8.5). */
  readonly linkParamsEnabled: boolean
  /** sizeof(struct seg6local_context) on 64-bit machines, in bytes. */
  readonly seg6LocalContext: 24 | 28 | 36 | 40
  /** The labels of a nexthop carry their type (from 9.0). */
  readonly labelType: boolean
  /** Link parameters carry the extended admin group (from 9.0). */
  readonly linkParamsExtendedAdminGroup: boolean
  /** CAPABILITIES carries v6_with_v4_nexthop (from 9.1). */
  readonly capabilitiesV6WithV4: boolean
  /** Interfaces carry their transmit queue length (from 9.1). */
  readonly interfaceTxqlen: boolean
  /** A SEG6 nexthop has one segment without a count, or (from 9.1) a count and as many. */
  readonly seg6Segments: 'one' | 'counted'
  /** OPAQUE_MESSAGE says who sent it (from 9.1). */
  readonly opaqueSource: boolean
  /** HELLO carries receive_notify before synchronous (until 9.1). */
  readonly helloReceiveNotify: boolean
  /** Names of route types by number. */
  readonly routeTypes: readonly string[]
  /** ZEBRA_ROUTE_BGP of lib/route_types.txt. */
  readonly protoBgp: number
  /** ZEBRA_ROUTE_VNC of lib/route_types.txt. */
  readonly protoVnc: number
  /** A neighbour carries the real length of its link address (from 10.0). */
  readonly neighbourIpLength: boolean
  /** Weight of a nexthop; u64 from 10.1. */
  readonly nexthopWeight: 'u32' | 'u64'
  /** CAPABILITIES carries graceful_restart (from 10.2). */
  readonly capabilitiesGracefulRestart: boolean
  /** Number of nexthops in NEXTHOP_UPDATE; u16 from 10.3. */
  readonly nexthopUpdateCount: 'u8' | 'u16'
  /** ROUTE_NOTIFY_OWNER carries the source prefix (from 10.3). */
  readonly notifyOwnerSource: boolean
  /** A SEG6 nexthop carries its encapsulation behaviour (from 10.4). */
  readonly seg6EncapBehavior: boolean
  /** VXLAN_FLOOD_CONTROL is for one VNI (from 10.5). */
  readonly floodControlVni: boolean
  /** VTEP and originator addresses: a bare in_addr (until 10.5) or u16 family and address. */
  readonly vtepAddress: 'in_addr' | 'ipaddr'
  /** vrf_backend of CAPABILITIES; u8 from 10.6. */
  readonly capabilitiesVrfBackend: 'u32' | 'u8'
  /** Interfaces carry zebra's type of them (from 10.6). */
  readonly interfaceZifType: boolean
  /** A SEG6 nexthop carries the source address of its encapsulation (master). */
  readonly seg6EncapSource: boolean
  /** Link parameters carry shared risk link groups (master). */
  readonly linkParamsSrlg: boolean
}

/** A release; all its patch releases have the same numbers and layouts. */
export type FrrRelease = {
  readonly name: string
  readonly features: Features
  /** The command's name, undefined for a number the release does not have. */
  commandName(number: number): CommandName | undefined
  /** The command's number, undefined when the release does not have it. */
  commandNumber(name: CommandName): number | undefined
}

const in84: Features = {
  nhgResilience: false,
  linkParamsEnabled: false,
  seg6LocalContext: 24,
  labelType: false,
  linkParamsExtendedAdminGroup: false,
  capabilitiesV6WithV4: false,
  interfaceTxqlen: false,
  seg6Segments: 'one',
  opaqueSource: false,
  helloReceiveNotify: true,
  routeTypes: ROUTE_TYPES_UNTIL_9_1,
  protoBgp: ROUTE_TYPES_UNTIL_9_1.indexOf('bgp'),
  protoVnc: ROUTE_TYPES_UNTIL_9_1.indexOf('vnc'),
  neighbourIpLength: false,
  nexthopWeight: 'u32',
  capabilitiesGracefulRestart: false,
  nexthopUpdateCount: 'u8',
  notifyOwnerSource: false,
  seg6EncapBehavior: false,
  floodControlVni: false,
  vtepAddress: 'in_addr',
  capabilitiesVrfBackend: 'u32',
  interfaceZifType: false,
  seg6EncapSource: false,
  linkParamsSrlg: false,
}
const from85: Features = { ...in84, nhgResilience: true, linkParamsEnabled: true, seg6LocalContext: 28 }
const from90: Features = { ...from85, labelType: true, linkParamsExtendedAdminGroup: true }
const from91: Features = {
  ...from90,
  capabilitiesV6WithV4: true,
  interfaceTxqlen: true,
  seg6Segments: 'counted',
  seg6LocalContext: 36,
  opaqueSource: true,
}
const from100: Features = {
  ...from91,
  helloReceiveNotify: false,
  routeTypes: ROUTE_TYPES_FROM_10_0,
  protoBgp: ROUTE_TYPES_FROM_10_0.indexOf('bgp'),
  protoVnc: ROUTE_TYPES_FROM_10_0.indexOf('vnc'),
  neighbourIpLength: true,
}
const from101: Features = { ...from100, nexthopWeight: 'u64' }
const from102: Features = { ...from101, capabilitiesGracefulRestart: true }
const from103: Features = { ...from102, nexthopUpdateCount: 'u16', notifyOwnerSource: true }
const from104: Features = { ...from103, seg6EncapBehavior: true }
const from105: Features = { ...from104, floodControlVni: true }
const from106: Features = {
  ...from105,
  vtepAddress: 'ipaddr',
  capabilitiesVrfBackend: 'u8',
  interfaceZifType: true,
  seg6LocalContext: 40,
}
const inMaster: Features = { ...from106, seg6EncapSource: true, linkParamsSrlg: true }

/** Layouts of every known release, oldest first. */
const FEATURES: readonly (readonly [release: string, Features])[] = [
  ['8.4', in84],
  ['8.5', from85],
  ['9.0', from90],
  ['9.1', from91],
  ['10.0', from100],
  ['10.1', from101],
  ['10.2', from102],
  ['10.3', from103],
  ['10.4', from104],
  ['10.5', from105],
  ['10.6', from106],
  ['10.7', from106],
  ['master', inMaster],
]

/** Every known release, oldest first. */
export const FRR_RELEASES: readonly FrrRelease[] = FEATURES.map(([name, features], index) => {
  const commands = commandsAfter(FEATURES.slice(0, index + 1).map(([release]) => release))
  const numbers = new Map(commands.map((command, number) => [command, number]))
  return {
    name,
    features,
    commandName: (number) => commands[number],
    commandNumber: (command) => numbers.get(command),
  }
})

/** The release called `name` (`8.4`, `10.3`, `master`, …), undefined if there is none. */
export const frrRelease = (name: string): FrrRelease | undefined => FRR_RELEASES.find((known) => known.name === name)

/** Length of HELLO's payload, in bytes. */
export const helloLength = ({ helloReceiveNotify }: Features): number => (helloReceiveNotify ? 9 : 8)

/** Length of CAPABILITIES' payload, in bytes: vrf_backend, MPLS u8, multipath u32, MLAG u8, and what came later. */
export const capabilitiesLength = (features: Features): number =>
  (features.capabilitiesVrfBackend === 'u32' ? 4 : 1) +
  6 +
  (features.capabilitiesV6WithV4 ? 1 : 0) +
  (features.capabilitiesGracefulRestart ? 1 : 0)
