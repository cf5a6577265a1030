// MAC-IP messages of zebra_evpn_mac.c and zebra_evpn_neigh.c (zebra → bgpd), and of bgp_evpn.c (bgpd → zebra).
import { mac, opaque, sizedIp, u16, u32, u8, vtepAddress } from '../fields.js'
import { type PayloadOf, layout } from '../message.js'

/** ZEBRA_MACIP_TYPE_* of lib/zclient.h. */
export const MacIpFlag = {
  STICKY: 0x01,
  GW: 0x02,
  ROUTER: 0x04,
  OVERRIDE: 0x08,
  SVI_IP: 0x10,
  PROXY_ADVERT: 0x20,
  SYNC_PATH: 0x40,
} as const

/** enum zebra_neigh_state: what MACIP_DEL's state says. */
export const NeighState = {
  /** The local route stays; bgpd shall only install the best remote one again. */
  INACTIVE: 0,
  /** Withdraw. */
  ACTIVE: 1,
} as const

export const ESI_LENGTH = 10
export const ZERO_ESI = Buffer.alloc(ESI_LENGTH)

/** VNI, MAC, IP: what a MAC-IP is known by; without an IP it is the MAC alone. */
const key32 = { vni: u32, mac, ip: sizedIp(u32) }
const key16 = { vni: u32, mac, ip: sizedIp(u16) }

//  | vni u32 | mac 6 | ip length u32 | ip 0, 4, 16 | flags u8 | seq u32 | esi 10 |
const macIpAddFields = { ...key32, flags: u8, seq: u32, esi: opaque(ESI_LENGTH) }
/** ZEBRA_MACIP_ADD, zebra_evpn_macip_send_msg_to_client. */
export const MACIP_ADD = layout(macIpAddFields)
export type MacIpAdd = PayloadOf<typeof macIpAddFields>

//  | vni u32 | mac 6 | ip length u32 | ip 0, 4, 16 | state u32 |
const macIpDelFields = { ...key32, state: u32 }
/** ZEBRA_MACIP_DEL, zebra_evpn_macip_send_msg_to_client. */
export const MACIP_DEL = layout(macIpDelFields)
export type MacIpDel = PayloadOf<typeof macIpDelFields>

//  | vni u32 | mac 6 | ip length u16 | ip 0, 4, 16 | vtep | flags u8 | seq u32 | esi 10 |
const remoteMacIpAddFields = { ...key16, vtep: vtepAddress, flags: u8, seq: u32, esi: opaque(ESI_LENGTH) }
/** ZEBRA_REMOTE_MACIP_ADD, bgp_zebra_send_remote_macip. */
export const REMOTE_MACIP_ADD = layout(remoteMacIpAddFields)
export type RemoteMacIpAdd = PayloadOf<typeof remoteMacIpAddFields>

//  | vni u32 | mac 6 | ip length u16 | ip 0, 4, 16 | vtep |
const remoteMacIpDelFields = { ...key16, vtep: vtepAddress }
/** ZEBRA_REMOTE_MACIP_DEL, bgp_zebra_send_remote_macip. */
export const REMOTE_MACIP_DEL = layout(remoteMacIpDelFields)
export type RemoteMacIpDel = PayloadOf<typeof remoteMacIpDelFields>
