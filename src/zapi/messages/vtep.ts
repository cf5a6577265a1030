// Remote VTEPs of a VNI (bgp_evpn.c, bgp_zebra_send_remote_vtep).
import { vtepAddress } from '../addresses.js'
import { enumeration, u32, untilEnd } from '../fields.js'
import { type PayloadOf, layout, struct } from '../message.js'
import { FLOOD_CONTROLS } from '../enums.js'
import type { Family } from './family.js'

const vtepFields = { vni: u32, vtep: vtepAddress, floodControl: enumeration(u32, FLOOD_CONTROLS) }

//  | vni u32 | vtep | flood control u32 |      zebra takes several, bgpd sends one
const remoteVtepFields = { ...vtepFields, more: untilEnd(struct(vtepFields)) }
/** ZEBRA_REMOTE_VTEP_ADD and _DEL. */
export const REMOTE_VTEP = layout(remoteVtepFields)
export type RemoteVtep = PayloadOf<typeof remoteVtepFields>

export const VTEP: Family = {
  name: 'vtep',
  toZebra: { ZEBRA_REMOTE_VTEP_ADD: REMOTE_VTEP, ZEBRA_REMOTE_VTEP_DEL: REMOTE_VTEP },
  toBgpd: {},
}
