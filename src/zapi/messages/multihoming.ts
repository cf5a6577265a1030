// Ethernet segments (zebra_evpn_mh.c, bgp_evpn_mh.c) and the nexthops of remote hosts in a tenant's vrf.
import { esi, mac, rawIpaddr, vtepAddress } from '../addresses.js'
import { bool, flags, u16, u32, u8 } from '../fields.js'
import { layout } from '../message.js'
import type { Family } from './family.js'

//  | esi 10 | originator | oper up u8 | df preference u16 | bypass u8 |
/** ZEBRA_LOCAL_ES_ADD, zebra_evpn_es_send_add_to_client. */
const LOCAL_ES_ADD = layout({ esi, originator: vtepAddress, operUp: bool, dfPreference: u16, bypass: bool })

//  | esi 10 |
/** ZEBRA_LOCAL_ES_DEL, zebra_evpn_es_send_del_to_client. */
const LOCAL_ES_DEL = layout({ esi })

//  | esi 10 | vni u32 |
/** ZEBRA_LOCAL_ES_EVI_ADD and _DEL, zebra_evpn_mh_…_es_evi. */
const LOCAL_ES_EVI = layout({ esi, vni: u32 })

//  | esi 10 | vtep | flags u32 | df algorithm u8 | df preference u16 |
/** ZEBRA_REMOTE_ES_VTEP_ADD, bgp_zebra_send_remote_es_vtep. */
const REMOTE_ES_VTEP_ADD = layout({
  esi,
  vtep: vtepAddress,
  flags: flags(u32, { ESR_RECEIVED: 1 }),
  dfAlgorithm: u8,
  dfPreference: u16,
})

//  | esi 10 | vtep |
/** ZEBRA_REMOTE_ES_VTEP_DEL, bgp_zebra_send_remote_es_vtep. */
const REMOTE_ES_VTEP_DEL = layout({ esi, vtep: vtepAddress })

//  | vrf u32 | struct ipaddr 20: family int (host order), address 16 | rmac 6 |
/** ZEBRA_EVPN_REMOTE_NH_ADD, bgp_evpn_remote_nh_add. */
const EVPN_REMOTE_NH_ADD = layout({ vrfId: u32, ip: rawIpaddr, rmac: mac })

//  | vrf u32 | struct ipaddr 20 |
/** ZEBRA_EVPN_REMOTE_NH_DEL, bgp_evpn_remote_nh_del. */
const EVPN_REMOTE_NH_DEL = layout({ vrfId: u32, ip: rawIpaddr })

export const MULTIHOMING: Family = {
  name: 'multihoming',
  toZebra: {
    ZEBRA_REMOTE_ES_VTEP_ADD: REMOTE_ES_VTEP_ADD,
    ZEBRA_REMOTE_ES_VTEP_DEL: REMOTE_ES_VTEP_DEL,
    ZEBRA_EVPN_REMOTE_NH_ADD: EVPN_REMOTE_NH_ADD,
    ZEBRA_EVPN_REMOTE_NH_DEL: EVPN_REMOTE_NH_DEL,
  },
  toBgpd: {
    ZEBRA_LOCAL_ES_ADD: LOCAL_ES_ADD,
    ZEBRA_LOCAL_ES_DEL: LOCAL_ES_DEL,
    ZEBRA_LOCAL_ES_EVI_ADD: LOCAL_ES_EVI,
    ZEBRA_LOCAL_ES_EVI_DEL: LOCAL_ES_EVI,
  },
}
