// VNIs that zebra announces (zebra_evpn.c) and bgpd's wish to hear of them (bgp_evpn.c).
import { opaque, u32, u8, vtepAddress } from '../fields.js'
import { type PayloadOf, layout } from '../message.js'

//  | vni u32 | local vtep | tenant vrf int | multicast group in_addr | svi ifindex int |      int: host byte order
const vniAddFields = {
  vni: u32,
  vtep: vtepAddress,
  tenantVrf: opaque(4),
  multicastGroup: opaque(4),
  sviIfindex: opaque(4),
}
/** ZEBRA_VNI_ADD, zebra_evpn_send_add_to_client. */
export const VNI_ADD = layout(vniAddFields)
export type VniAdd = PayloadOf<typeof vniAddFields>

//  | vni u32 |
const vniDelFields = { vni: u32 }
/** ZEBRA_VNI_DEL, zebra_evpn_send_del_to_client. */
export const VNI_DEL = layout(vniDelFields)
export type VniDel = PayloadOf<typeof vniDelFields>

//  | advertise u8 | flood control u8 |
const advertiseAllVniFields = { advertise: u8, floodControl: u8 }
/** ZEBRA_ADVERTISE_ALL_VNI, bgp_zebra_advertise_all_vni. */
export const ADVERTISE_ALL_VNI = layout(advertiseAllVniFields)
export type AdvertiseAllVni = PayloadOf<typeof advertiseAllVniFields>
