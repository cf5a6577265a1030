// IFLA_PROTINFO of an AF_BRIDGE link message: what a bridge does with a port (net/bridge/br_netlink.c br_port_fill_attrs).
import type { Attributes } from '../netlink/attributes.js'

export const IFLA_PROTINFO = 12

const IFLA_BRPORT_STATE = 1
const IFLA_BRPORT_LEARNING = 8
const IFLA_BRPORT_LOCKED = 39

/** BR_STATE_* of linux/if_bridge.h, in their order. */
export const STP_STATES = ['disabled', 'listening', 'learning', 'forwarding', 'blocking'] as const
export type StpState = (typeof STP_STATES)[number]

export type BridgePort = {
  state: StpState
  /** Whether the bridge learns MAC addresses from frames that the port receives. */
  learning: boolean
  /** Only frames of MAC addresses that the FDB has on the port are let in (`bridge link … locked on`; Linux 5.18). */
  locked: boolean
}

/** A port of which nothing else is known. */
export const ORDINARY_PORT: BridgePort = { state: 'forwarding', learning: true, locked: false }

export function decodeBridgePort(info: Attributes): BridgePort {
  return {
    state: STP_STATES[info.u8(IFLA_BRPORT_STATE) ?? -1] ?? ORDINARY_PORT.state,
    learning: info.u8(IFLA_BRPORT_LEARNING) !== 0,
    locked: info.u8(IFLA_BRPORT_LOCKED) === 1,
  }
}

/** Whether the bridge takes a frame in from a port, or a VLAN of it, that is in this state: at least to learn from it. */
export const takesIn = (state: StpState): boolean => state === 'forwarding' || state === 'learning'
