// bgpd's wishes about EVPN (bgp_evpn.c, bgp_zebra.c). Header: the vrf of the EVPN instance.
import { bool, enumeration, inReleases, u24, u32, u8 } from '../fields.js'
import { type PayloadOf, layout } from '../message.js'
import { FLOOD_CONTROLS } from '../enums.js'
import type { Family } from './family.js'

const floodControl = enumeration(u8, FLOOD_CONTROLS)

//  | advertise u8 | flood control u8 |
const advertiseAllVniFields = { advertise: bool, floodControl }
/** ZEBRA_ADVERTISE_ALL_VNI, bgp_zebra_advertise_all_vni. */
export const ADVERTISE_ALL_VNI = layout(advertiseAllVniFields)
export type AdvertiseAllVni = PayloadOf<typeof advertiseAllVniFields>

//  | advertise u8 | vni u32 |      vni 0: all
/** ZEBRA_ADVERTISE_DEFAULT_GW and ZEBRA_ADVERTISE_SVI_MACIP: bgp_zebra_advertise_gw_macip, _svi_macip. */
const ADVERTISE_OF_VNI = layout({ advertise: bool, vni: u32 })

//  | advertise u8 | vni 3 |      zebra copies the 3 bytes into an int: on little endian machines it finds another VNI
/** ZEBRA_ADVERTISE_SUBNET, bgp_zebra_advertise_subnet. */
const ADVERTISE_SUBNET = layout({ advertise: bool, vni: u24 })

//  | enabled u32 | time u32 | max moves u32 | freeze u32 | freeze time u32 |      seconds
/** ZEBRA_DUPLICATE_ADDR_DETECTION, bgp_zebra_dup_addr_detection. */
const DUPLICATE_ADDR_DETECTION = layout({ enabled: u32, time: u32, maxMoves: u32, freeze: u32, freezeTime: u32 })

//  | flood control u8 | vni u32 (from 10.5; 16777215: all) |
/** ZEBRA_VXLAN_FLOOD_CONTROL, bgp_zebra_vxlan_flood_control. */
const VXLAN_FLOOD_CONTROL = layout({
  floodControl,
  vni: inReleases(({ floodControlVni }) => floodControlVni, u32),
})

export const EVPN: Family = {
  name: 'evpn',
  toZebra: {
    ZEBRA_ADVERTISE_ALL_VNI: ADVERTISE_ALL_VNI,
    ZEBRA_ADVERTISE_DEFAULT_GW: ADVERTISE_OF_VNI,
    ZEBRA_ADVERTISE_SVI_MACIP: ADVERTISE_OF_VNI,
    ZEBRA_ADVERTISE_SUBNET: ADVERTISE_SUBNET,
    ZEBRA_DUPLICATE_ADDR_DETECTION: DUPLICATE_ADDR_DETECTION,
    ZEBRA_VXLAN_FLOOD_CONTROL: VXLAN_FLOOD_CONTROL,
  },
  toBgpd: {},
  nameOnly: ['ZEBRA_VXLAN_SG_ADD', 'ZEBRA_VXLAN_SG_DEL', 'ZEBRA_VXLAN_SG_REPLAY'],
}
