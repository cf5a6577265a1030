// Every family, and the way from a command's name to its family and layout.
import type { CommandName } from '../commands.js'
import type { Layout } from '../message.js'
import { EVPN } from './evpn.js'
import type { Family } from './family.js'
import { INTERFACES } from './interface.js'
import { LABEL, TABLE } from './label.js'
import { MACIP } from './macip.js'
import { MULTIHOMING } from './multihoming.js'
import { NEIGHBOUR } from './neighbour.js'
import { NEXTHOPS, NEXTHOP_GROUPS } from './nexthop.js'
import { OPAQUE } from './opaque.js'
import { OTHERS } from './others.js'
import { ROUTES } from './route.js'
import { SESSION } from './session.js'
import { VNI } from './vni.js'
import { ROUTER_ID, VRF } from './vrf.js'
import { VTEP } from './vtep.js'

export type Direction = 'to-zebra' | 'to-bgpd'

export const FAMILIES: readonly Family[] = [
  SESSION,
  ROUTER_ID,
  VRF,
  INTERFACES,
  EVPN,
  VNI,
  MACIP,
  VTEP,
  MULTIHOMING,
  ROUTES,
  NEXTHOPS,
  NEXTHOP_GROUPS,
  OPAQUE,
  NEIGHBOUR,
  LABEL,
  TABLE,
  ...OTHERS,
]

const familyNames = new Map<string, string>(
  FAMILIES.flatMap(({ name, toZebra, toBgpd, nameOnly = [] }) =>
    [...Object.keys(toZebra), ...Object.keys(toBgpd), ...nameOnly].map((command) => [command, name] as const),
  ),
)
const layouts = {
  'to-zebra': layoutsOf(({ toZebra }) => toZebra),
  'to-bgpd': layoutsOf(({ toBgpd }) => toBgpd),
}

function layoutsOf(side: (family: Family) => Partial<Record<CommandName, Layout<unknown>>>) {
  return new Map<string, Layout<unknown>>(FAMILIES.flatMap((family) => Object.entries(side(family))))
}

/** The family of a command; undefined for one that no family lists. */
export const familyOf = (command: CommandName): string | undefined => familyNames.get(command)

/** The layout of a command in a direction; undefined when it is not known. */
export const layoutOf = (command: CommandName, direction: Direction): Layout<unknown> | undefined =>
  layouts[direction].get(command)
