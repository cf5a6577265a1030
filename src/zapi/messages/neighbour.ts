// Kernel neighbours (lib/zclient.c, zebra/zapi_msg.c). Their messages were called NHRP_NEIGH_* until 9.1.
import { familyIp, optionalFamilyIp, prefix } from '../addresses.js'
import { flags, inReleases, u16, u32, u8 } from '../fields.js'
import { layout } from '../message.js'
import { NeighbourState } from '../enums.js'
import { type Family, afi } from './family.js'

//  | ifindex u32 | family u8 | length u8 | address 4, 16 |
/** ZEBRA_NEIGH_DISCOVER, zclient_send_neigh_discovery_req. */
const NEIGH_DISCOVER = layout({ ifindex: u32, prefix: prefix(u8) })

//  | afi u16 |
/** ZEBRA_NEIGH_REGISTER and _UNREGISTER. */
const NEIGH_REGISTER = layout({ afi: afi(u16) })

//  | family u8 | ip 4, 16 | link family u8 (0: none), link address | link address length u32 (from 10.0) |
//  | ifindex u32 | ndm_state u32 |
/**
 * ZEBRA_NEIGH_ADDED, _REMOVED, _GET, _IP_ADD, _IP_DEL: zclient_neigh_ip_encode. The link address is one of a tunnel; of an
 * Ethernet address the first 4 bytes arrive as if they were IPv4.
 */
const NEIGH = layout({
  ip: familyIp(u8),
  link: optionalFamilyIp,
  linkLength: inReleases(({ neighbourIpLength }) => neighbourIpLength, u32),
  ifindex: u32,
  state: flags(u32, NeighbourState),
})

//  | ifindex u32 | afi u16 |
/** ZEBRA_NEIGH_GET as a request, from 10.6. */
const NEIGH_GET = layout({ ifindex: u32, afi: afi(u16) })

export const NEIGHBOUR: Family = {
  name: 'neighbour',
  toZebra: {
    ZEBRA_NEIGH_DISCOVER: NEIGH_DISCOVER,
    ZEBRA_NEIGH_REGISTER: NEIGH_REGISTER,
    ZEBRA_NEIGH_UNREGISTER: NEIGH_REGISTER,
    ZEBRA_NHRP_NEIGH_REGISTER: NEIGH_REGISTER,
    ZEBRA_NHRP_NEIGH_UNREGISTER: NEIGH_REGISTER,
    ZEBRA_NEIGH_GET: NEIGH_GET,
    ZEBRA_NEIGH_IP_ADD: NEIGH,
    ZEBRA_NEIGH_IP_DEL: NEIGH,
  },
  toBgpd: {
    ZEBRA_NEIGH_ADDED: NEIGH,
    ZEBRA_NEIGH_REMOVED: NEIGH,
    ZEBRA_NEIGH_GET: NEIGH,
    ZEBRA_NHRP_NEIGH_ADDED: NEIGH,
    ZEBRA_NHRP_NEIGH_REMOVED: NEIGH,
    ZEBRA_NHRP_NEIGH_GET: NEIGH,
  },
}
