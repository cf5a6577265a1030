// Interfaces and their addresses (zebra/zapi_msg.c, lib/zclient.c). Header: the interface's vrf.
import { addressPrefix, ip4, linkAddress, sameFamilyIp } from '../addresses.js'
import { bool, chars, counted, enumeration, f32, flags, inReleases, oneOf, u32, u64, u8, when } from '../fields.js'
import { layout, struct } from '../message.js'
import { InterfaceFlag } from '../enums.js'
import type { Family } from './family.js'

/** In lines that do not say whether there are any link parameters, there are. */
const enabled = ({ enabled: said }: Readonly<Record<string, unknown>>): boolean => said !== 0

//  | enabled u8 (from 8.5; 0: nothing follows) | lp_status u32 | te_metric u32 | max_bw f32 | max_rsv_bw f32 |
//  | n u32 | n * unrsv_bw f32 | admin_grp u32 | m u8, m * u32 (from 9.0) | rmt_as u32 | rmt_ip in_addr |
//  | av_delay u32 | min_delay u32 | max_delay u32 | delay_var u32 | pkt_loss f32 | res_bw f32 | ava_bw f32 | use_bw f32 |
//  | k u8, k * srlg u32 (master) |
const linkParamsFields = {
  enabled: inReleases(({ linkParamsEnabled }) => linkParamsEnabled, bool),
  lpStatus: when(enabled, u32),
  teMetric: when(enabled, u32),
  maxBw: when(enabled, f32),
  maxRsvBw: when(enabled, f32),
  unrsvBw: when(enabled, counted(u32, f32)),
  adminGroup: when(enabled, u32),
  extendedAdminGroup: when(
    enabled,
    inReleases(({ linkParamsExtendedAdminGroup }) => linkParamsExtendedAdminGroup, counted(u8, u32)),
  ),
  remoteAs: when(enabled, u32),
  remoteIp: when(enabled, ip4),
  averageDelay: when(enabled, u32),
  minDelay: when(enabled, u32),
  maxDelay: when(enabled, u32),
  delayVariation: when(enabled, u32),
  packetLoss: when(enabled, f32),
  residualBw: when(enabled, f32),
  availableBw: when(enabled, f32),
  usedBw: when(enabled, f32),
  srlgs: when(
    enabled,
    inReleases(({ linkParamsSrlg }) => linkParamsSrlg, counted(u8, u32)),
  ),
}

//  | name char[16] | ifindex u32 | status u8 | flags u64 | ptm enable u8 | ptm status u8 | metric u32 | speed u32 |
//  | txqlen u32 (from 9.1) | mtu u32 | mtu6 u32 | bandwidth u32 | link ifindex u32 | zif type u32 (from 10.6) |
//  | ll type u32 | hw addr len u32 | hw addr | has link params u8 | link params |
/** ZEBRA_INTERFACE_ADD, _DELETE, _UP, _DOWN, zserv_encode_interface. */
const INTERFACE = layout(
  {
    name: chars(16),
    ifindex: u32,
    status: flags(u8, { ACTIVE: 1, SUB: 2, LINKDETECTION: 4, VRF_LOOPBACK: 8 }),
    flags: flags(u64, InterfaceFlag),
    ptmEnable: bool,
    ptmStatus: u8,
    metric: u32,
    speed: u32,
    txqlen: inReleases(({ interfaceTxqlen }) => interfaceTxqlen, u32),
    mtu: u32,
    mtu6: u32,
    bandwidth: u32,
    linkIfindex: u32,
    zifType: inReleases(
      ({ interfaceZifType }) => interfaceZifType,
      enumeration(u32, ['other', 'vxlan', 'vrf', 'bridge', 'vlan', 'macvlan', 'veth', 'bond']),
    ),
    llType: u32,
    hwAddress: linkAddress(u32),
    hasLinkParams: bool,
    linkParams: when(oneOf('hasLinkParams', 1), struct(linkParamsFields)),
  },
  ['name', 'ifindex', 'zifType', 'linkIfindex', 'hwAddress', 'mtu', 'flags'],
)

//  | nothing |      header vrf 0: all interfaces
/** ZEBRA_INTERFACE_ADD and _DELETE as requests, zclient_send_interface_… . */
const INTERFACE_REQUEST = layout({})

//  | ifindex u32 | link params |
/** ZEBRA_INTERFACE_LINK_PARAMS, zsend_interface_link_params. */
const INTERFACE_LINK_PARAMS = layout({ ifindex: u32, ...linkParamsFields })

//  | ifindex u32 | flags u8 | family u8 | address 4, 16 | length u8 | destination 4, 16 |      zeros: no destination
/** ZEBRA_INTERFACE_ADDRESS_ADD and _DELETE, zsend_interface_address. */
const INTERFACE_ADDRESS = layout({
  ifindex: u32,
  flags: flags(u8, { SECONDARY: 1, PEER: 2, UNNUMBERED: 4 }),
  prefix: addressPrefix,
  destination: sameFamilyIp('prefix'),
})

//  | ifindex u32 | family u8 | address 4, 16 | length u8 |
/** ZEBRA_INTERFACE_NBR_ADDRESS_ADD and _DELETE, zsend_interface_nbr_address. */
const INTERFACE_NBR_ADDRESS = layout({ ifindex: u32, prefix: addressPrefix })

//  | ifindex u32 | interval u32 |      seconds
/** ZEBRA_INTERFACE_ENABLE_RADV and _DISABLE_RADV, zclient_send_interface_radv_req. */
const INTERFACE_RADV = layout({ ifindex: u32, interval: u32 })

export const INTERFACES: Family = {
  name: 'interface',
  toZebra: {
    ZEBRA_INTERFACE_ADD: INTERFACE_REQUEST,
    ZEBRA_INTERFACE_DELETE: INTERFACE_REQUEST,
    ZEBRA_INTERFACE_ENABLE_RADV: INTERFACE_RADV,
    ZEBRA_INTERFACE_DISABLE_RADV: INTERFACE_RADV,
  },
  toBgpd: {
    ZEBRA_INTERFACE_ADD: INTERFACE,
    ZEBRA_INTERFACE_DELETE: INTERFACE,
    ZEBRA_INTERFACE_UP: INTERFACE,
    ZEBRA_INTERFACE_DOWN: INTERFACE,
    ZEBRA_INTERFACE_LINK_PARAMS: INTERFACE_LINK_PARAMS,
    ZEBRA_INTERFACE_ADDRESS_ADD: INTERFACE_ADDRESS,
    ZEBRA_INTERFACE_ADDRESS_DELETE: INTERFACE_ADDRESS,
    ZEBRA_INTERFACE_NBR_ADDRESS_ADD: INTERFACE_NBR_ADDRESS,
    ZEBRA_INTERFACE_NBR_ADDRESS_DELETE: INTERFACE_NBR_ADDRESS,
  },
  nameOnly: [
    'ZEBRA_INTERFACE_SET_MASTER',
    'ZEBRA_INTERFACE_SET_PROTODOWN',
    'ZEBRA_INTERFACE_SET_ARP',
    'ZEBRA_INTERFACE_VRF_UPDATE',
    'ZEBRA_CONFIGURE_ARP',
    'ZEBRA_GRE_GET',
    'ZEBRA_GRE_UPDATE',
    'ZEBRA_GRE_SOURCE_SET',
  ],
}
