// The first messages of every connection, and what zebra and its clients tell each other about themselves.
import { bool, either, enumeration, h32, inReleases, oneOf, u16, u32, u8, when } from '../fields.js'
import type { Features } from '../releases.js'
import { type PayloadOf, layout } from '../message.js'
import { ClientCapability, ERRORS, VRF_BACKENDS, namesOf } from '../enums.js'
import { type Family, afi, clientFields, routeType, safi } from './family.js'

//  | proto u8 | instance u16 | session u32 | receive_notify u8 (until 9.1) | synchronous u8 |
const helloFields = {
  proto: routeType(u8),
  instance: u16,
  sessionId: u32,
  receiveNotify: inReleases(({ helloReceiveNotify }) => helloReceiveNotify, bool),
  synchronous: bool,
}
/** ZEBRA_HELLO, zclient_send_hello. */
export const HELLO = layout(helloFields)
export type Hello = PayloadOf<typeof helloFields>

//  | vrf_backend u32 (from 10.6: u8) | mpls u8 | multipath u32 | mlag role u8 | v6 with v4 nexthop u8 (from 9.1) |
//  | graceful restart u8 (from 10.2) |
/** ZEBRA_CAPABILITIES, zsend_capabilities. */
const CAPABILITIES = layout({
  vrfBackend: enumeration(
    either(({ capabilitiesVrfBackend }) => (capabilitiesVrfBackend === 'u32' ? u32 : u8), u8),
    VRF_BACKENDS,
  ),
  mplsEnabled: bool,
  multipath: u32,
  mlagRole: u8,
  v6WithV4Nexthop: inReleases(({ capabilitiesV6WithV4 }) => capabilitiesV6WithV4, bool),
  gracefulRestart: inReleases(({ capabilitiesGracefulRestart }) => capabilitiesGracefulRestart, bool),
})

//  | error enum (host order) |      header: the vrf of the message that was refused
/** ZEBRA_ERROR, zsend_error_msg. */
const ERROR = layout({ error: enumeration(h32, ERRORS) })

const { GR_CAPABILITIES, ROUTE_UPDATE_COMPLETE, ROUTE_UPDATE_PENDING, GR_DISABLE, RIB_STALE_TIME } = ClientCapability
const ofOneFamily = oneOf('capability', ROUTE_UPDATE_COMPLETE, ROUTE_UPDATE_PENDING)
const timed = oneOf('capability', GR_CAPABILITIES, RIB_STALE_TIME)

//  | capability u32 | stale removal time u32 (1, 5) | afi u32, safi u32 (2, 3) | vrf u32 (1 … 5) |
/** ZEBRA_CLIENT_CAPABILITIES, zclient_capabilities_send. */
const CLIENT_CAPABILITIES = layout({
  capability: enumeration(u32, namesOf(ClientCapability)),
  staleRemovalTime: when(timed, u32),
  afi: when(ofOneFamily, afi(u32)),
  safi: when(ofOneFamily, safi(u32)),
  vrfId: when((scope) => timed(scope) || ofOneFamily(scope) || oneOf('capability', GR_DISABLE)(scope), u32),
})

//  | proto u8 | instance u16 | session u32 |
/** ZEBRA_CLIENT_CLOSE_NOTIFY, zsend_client_close_notify. */
const CLIENT_CLOSE_NOTIFY = layout(clientFields)

export const SESSION: Family = {
  name: 'session',
  toZebra: { ZEBRA_HELLO: HELLO, ZEBRA_CLIENT_CAPABILITIES: CLIENT_CAPABILITIES },
  toBgpd: {
    ZEBRA_CAPABILITIES: CAPABILITIES,
    ZEBRA_ERROR: ERROR,
    ZEBRA_CLIENT_CLOSE_NOTIFY: CLIENT_CLOSE_NOTIFY,
  },
}

/** What a connection is for; only the main one carries EVPN. */
export type SessionKind = 'main' | 'synchronous' | 'vnc' | 'other'

/** The kind of a connection that begins with this HELLO. */
export function sessionKind(hello: Hello, features: Features): SessionKind {
  if (hello.synchronous !== 0) return 'synchronous'
  if (hello.proto === features.protoVnc) return 'vnc'
  return hello.proto === features.protoBgp && hello.instance === 0 && hello.sessionId === 0 ? 'main' : 'other'
}
