// MAC-IP messages of zebra_evpn_mac.c and zebra_evpn_neigh.c (zebra → bgpd), and of bgp_evpn.c (bgpd → zebra).
import { MacIpFlag } from '../../base/macip-flags.js'
import { esi, mac, sizedIp, vtepAddress } from '../addresses.js'
import { enumeration, flags, u16, u32, u8 } from '../fields.js'
import { type PayloadOf, layout } from '../message.js'
import { NeighState, namesOf } from '../enums.js'
import type { Family } from './family.js'

export { NeighState }

export const ZERO_ESI = Buffer.alloc(10)

/** VNI, MAC, IP: what a MAC-IP is known by; without an IP it is the MAC alone. */
const key32 = { vni: u32, mac, ip: sizedIp(u32) }
const key16 = { vni: u32, mac, ip: sizedIp(u16) }
const macIpFlags = flags(u8, MacIpFlag)

//  | vni u32 | mac 6 | ip length u32 | ip 0, 4, 16 | flags u8 | seq u32 | esi 10 |
const macIpAddFields = { ...key32, flags: macIpFlags, seq: u32, esi }
/** ZEBRA_MACIP_ADD, zebra_evpn_macip_send_msg_to_client. */
export const MACIP_ADD = layout(macIpAddFields)
export type MacIpAdd = PayloadOf<typeof macIpAddFields>

//  | vni u32 | mac 6 | ip length u32 | ip 0, 4, 16 | state u32 |
const macIpDelFields = { ...key32, state: enumeration(u32, namesOf(NeighState)) }
/** ZEBRA_MACIP_DEL, zebra_evpn_macip_send_msg_to_client. */
export const MACIP_DEL = layout(macIpDelFields)
export type MacIpDel = PayloadOf<typeof macIpDelFields>

//  | vni u32 | mac 6 | ip length u16 | ip 0, 4, 16 | vtep | flags u8 | seq u32 | esi 10 |
const remoteMacIpAddFields = { ...key16, vtep: vtepAddress, flags: macIpFlags, seq: u32, esi }
/** ZEBRA_REMOTE_MACIP_ADD, bgp_zebra_send_remote_macip. */
export const REMOTE_MACIP_ADD = layout(remoteMacIpAddFields)
export type RemoteMacIpAdd = PayloadOf<typeof remoteMacIpAddFields>

//  | vni u32 | mac 6 | ip length u16 | ip 0, 4, 16 | vtep |
const remoteMacIpDelFields = { ...key16, vtep: vtepAddress }
/** ZEBRA_REMOTE_MACIP_DEL, bgp_zebra_send_remote_macip. */
export const REMOTE_MACIP_DEL = layout(remoteMacIpDelFields)
export type RemoteMacIpDel = PayloadOf<typeof remoteMacIpDelFields>

export const MACIP: Family = {
  name: 'macip',
  toZebra: { ZEBRA_REMOTE_MACIP_ADD: REMOTE_MACIP_ADD, ZEBRA_REMOTE_MACIP_DEL: REMOTE_MACIP_DEL },
  toBgpd: { ZEBRA_MACIP_ADD: MACIP_ADD, ZEBRA_MACIP_DEL: MACIP_DEL },
}
