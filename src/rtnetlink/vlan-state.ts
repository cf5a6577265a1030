// The spanning tree states of single VLANs of a port (`bridge vlan set … state`, and MST, which sets those of all VLANs
// of an instance), in an RTM_NEWVLAN: see vlan.ts.
import { Attributes } from '../netlink/attributes.js'
import { afterFamilyHeader, type NetlinkMessage } from '../netlink/message.js'
import { STP_STATES, type StpState } from './bridge-port.js'

const BRIDGE_VLANDB_ENTRY = 1
const BRIDGE_VLANDB_ENTRY_INFO = 1
const BRIDGE_VLANDB_ENTRY_RANGE = 2
const BRIDGE_VLANDB_ENTRY_STATE = 3
const SIZEOF_BR_VLAN_MSG = 8

export type VlanState = { first: number; last: number; state: StpState }

export type VlanStates = { ifindex: number; states: readonly VlanState[] }

/** Entries without a state, as those of a bridge itself, are left out. Throws NetlinkDecodeError. */
export function decodeVlanStates(message: NetlinkMessage): VlanStates {
  const after = afterFamilyHeader(message, 'br_vlan_msg', SIZEOF_BR_VLAN_MSG)
  const attributes = new Attributes(message.bytes, after, message.end)
  const states: VlanState[] = []
  for (const attribute of attributes.all) {
    if (attribute.type !== BRIDGE_VLANDB_ENTRY) continue
    const entry = attributes.nestedIn(attribute)
    const info = entry.raw(BRIDGE_VLANDB_ENTRY_INFO)
    const state = STP_STATES[entry.u8(BRIDGE_VLANDB_ENTRY_STATE) ?? -1]
    if (info?.length !== 4 || state === undefined) continue
    const first = info.readUInt16LE(2)
    states.push({ first, last: entry.u16(BRIDGE_VLANDB_ENTRY_RANGE) ?? first, state })
  }
  return { ifindex: message.bytes.readUInt32LE(message.start + 4), states }
}

/** Returns `old` with what `now` says of the same VLANs; VLANs that forward are left out, since most do. */
export function mergeVlanStates(old: readonly VlanState[], now: readonly VlanState[]): VlanState[] {
  const rest = now.reduce((states, range) => without(states, range.first, range.last), [...old])
  return [...rest, ...now.filter(({ state }) => state !== 'forwarding')]
}

function without(states: readonly VlanState[], first: number, last: number): VlanState[] {
  return states.flatMap((range) => {
    const below = { ...range, last: Math.min(range.last, first - 1) }
    const above = { ...range, first: Math.max(range.first, last + 1) }
    return [below, above].filter((part) => part.first <= part.last)
  })
}
