/** ZEBRA_MACIP_TYPE_* (lib/zclient.h): the flags of a MAC-IP, in zebra's messages and in bgpd's. */
export const MacIpFlag = {
  /** A MAC that never moves (RFC 7432 7.7). */
  STICKY: 0x01,
  /** A default gateway's MAC-IP. */
  GW: 0x02,
  ROUTER: 0x04,
  OVERRIDE: 0x08,
  SVI_IP: 0x10,
  PROXY_ADVERT: 0x20,
  /** What another member of an Ethernet segment says of a host that is behind this node, too. */
  SYNC_PATH: 0x40,
} as const
