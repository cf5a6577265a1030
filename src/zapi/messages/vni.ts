// VNIs that zebra announces (zebra_evpn.c, zebra_vxlan.c). Header: the EVPN instance's vrf, for L3VNIs the tenant's.
import { ip4, mac, rawPrefix, vtepAddress } from '../addresses.js'
import { flags, h32, u32 } from '../fields.js'
import { type PayloadOf, layout } from '../message.js'
import type { Family } from './family.js'

//  | vni u32 | local vtep | tenant vrf int | multicast group in_addr | svi ifindex int |      int: host order
const vniAddFields = {
  vni: u32,
  vtep: vtepAddress,
  tenantVrf: h32,
  multicastGroup: ip4,
  sviIfindex: h32,
}
/** ZEBRA_VNI_ADD, zebra_evpn_send_add_to_client. */
export const VNI_ADD = layout(vniAddFields)
export type VniAdd = PayloadOf<typeof vniAddFields>

//  | vni u32 |
const vniDelFields = { vni: u32 }
/** ZEBRA_VNI_DEL, zebra_evpn_send_del_to_client. */
export const VNI_DEL = layout(vniDelFields)
export type VniDel = PayloadOf<typeof vniDelFields>

//  | vni u32 | svi rmac 6 | local vtep | filter int (host order) | svi ifindex u32 | vrr rmac 6 | anycast u32 |
/** ZEBRA_L3VNI_ADD, zl3vni_send_add_to_client. */
const L3VNI_ADD = layout({
  vni: u32,
  sviRmac: mac,
  vtep: vtepAddress,
  filter: flags(h32, { PREFIX_ROUTES_ONLY: 1 }),
  sviIfindex: u32,
  vrrRmac: mac,
  isAnycastMac: u32,
})

//  | vni u32 |
/** ZEBRA_L3VNI_DEL, zl3vni_send_del_to_client. */
const L3VNI_DEL = layout(vniDelFields)

//  | struct prefix 56: family u8, -, length u16 (host order), - 4, address 48 |
/** ZEBRA_IP_PREFIX_ROUTE_ADD and _DEL, ip_prefix_send_to_client. */
const IP_PREFIX_ROUTE = layout({ prefix: rawPrefix })

export const VNI: Family = {
  name: 'vni',
  toZebra: {},
  toBgpd: {
    ZEBRA_VNI_ADD: VNI_ADD,
    ZEBRA_VNI_DEL: VNI_DEL,
    ZEBRA_L3VNI_ADD: L3VNI_ADD,
    ZEBRA_L3VNI_DEL: L3VNI_DEL,
    ZEBRA_IP_PREFIX_ROUTE_ADD: IP_PREFIX_ROUTE,
    ZEBRA_IP_PREFIX_ROUTE_DEL: IP_PREFIX_ROUTE,
  },
}
