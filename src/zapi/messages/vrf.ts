// VRFs and router ids (zebra/zapi_msg.c). Header: the vrf they are about.
import { addressPrefix } from '../addresses.js'
import { chars, enumeration, h32, u16, u32, u8 } from '../fields.js'
import { layout } from '../message.js'
import { LSP_TYPES } from '../enums.js'
import { type Family, afi } from './family.js'

//  | table int (host order) | netns char[36] | name char[36] |
/** ZEBRA_VRF_ADD and _DELETE, zsend_vrf_add. */
const VRF_UPDATE = layout({ table: h32, netns: chars(36), name: chars(36) })

//  | label u32 | afi u8 | label type u8 |
/** ZEBRA_VRF_LABEL, zclient_send_vrf_label. Label 0xffffffff is MPLS_LABEL_NONE. */
const VRF_LABEL = layout({
  label: enumeration(u32, { 0xffffffff: 'none' }),
  afi: afi(u8),
  labelType: enumeration(u8, LSP_TYPES),
})

//  | nothing |
/** ZEBRA_VRF_UNREGISTER, until 10.1. */
const VRF_UNREGISTER = layout({})

export const VRF: Family = {
  name: 'vrf',
  toZebra: { ZEBRA_VRF_LABEL: VRF_LABEL, ZEBRA_VRF_UNREGISTER: VRF_UNREGISTER },
  toBgpd: { ZEBRA_VRF_ADD: VRF_UPDATE, ZEBRA_VRF_DELETE: VRF_UPDATE },
}

//  | afi u16 |
/** ZEBRA_ROUTER_ID_ADD and _DELETE, zclient_send_router_id_update. */
const ROUTER_ID_REQUEST = layout({ afi: afi(u16) })

//  | family u8 | address 4, 16 | length u8 |
/** ZEBRA_ROUTER_ID_UPDATE, zsend_router_id_update. */
const ROUTER_ID_UPDATE = layout({ prefix: addressPrefix })

export const ROUTER_ID: Family = {
  name: 'router-id',
  toZebra: { ZEBRA_ROUTER_ID_ADD: ROUTER_ID_REQUEST, ZEBRA_ROUTER_ID_DELETE: ROUTER_ID_REQUEST },
  toBgpd: { ZEBRA_ROUTER_ID_UPDATE: ROUTER_ID_UPDATE },
}
