// VTEPs to flood to, as bgpd has them from IMET routes (bgp_evpn.c).
import { u32, vtepAddress } from '../fields.js'
import { type PayloadOf, layout } from '../message.js'

/** enum vxlan_flood_control of lib/vxlan.h. */
export const FloodControl = { HEAD_END_REPL: 0, DISABLED: 1, PIM_SM: 2 } as const

//  | vni u32 | vtep | flood control u32 |
const remoteVtepFields = { vni: u32, vtep: vtepAddress, floodControl: u32 }
/** ZEBRA_REMOTE_VTEP_ADD and ZEBRA_REMOTE_VTEP_DEL, bgp_zebra_send_remote_vtep; one VTEP in a message. */
export const REMOTE_VTEP = layout(remoteVtepFields)
export type RemoteVtep = PayloadOf<typeof remoteVtepFields>
