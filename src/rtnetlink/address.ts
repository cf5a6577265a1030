// RTM_NEWADDR and RTM_DELADDR (linux/if_addr.h).
//
// struct ifaddrmsg
//   0  ifa_family     u8
//   1  ifa_prefixlen  u8
//   2  ifa_flags      u8
//   3  ifa_scope      u8
//   4  ifa_index      u32
import { Attributes } from '../netlink/attributes.js'
import { NetlinkDecodeError } from '../netlink/error.js'
import { afterFamilyHeader, type NetlinkMessage } from '../netlink/message.js'

export const AF_INET = 2
export const AF_INET6 = 10

const IFA_ADDRESS = 1
const IFA_LOCAL = 2

const IFA_F_DADFAILED = 0x08
const IFA_F_TENTATIVE = 0x40

const SIZEOF_IFADDRMSG = 8

export type InterfaceAddress = {
  ifindex: number
  ip: string
  prefixLength: number
  /** Whether duplicate address detection is under way (IFA_F_TENTATIVE) or has failed (IFA_F_DADFAILED). */
  tentative: boolean
}

/** Decodes an interface's own address; undefined for other families than IPv4 and IPv6. Throws NetlinkDecodeError. */
export function decodeAddress(message: NetlinkMessage): InterfaceAddress | undefined {
  const { bytes, start, end } = message
  const after = afterFamilyHeader(message, 'ifaddrmsg', SIZEOF_IFADDRMSG)
  const family = bytes.readUInt8(start)
  if (family !== AF_INET && family !== AF_INET6) return undefined
  const attributes = new Attributes(bytes, after, end)
  const size = family === AF_INET ? 4 : 16
  // with a peer address, IFA_LOCAL is the own address and IFA_ADDRESS the peer's (ip-address(8) "peer")
  const ip = attributes.ip(IFA_LOCAL, size) ?? attributes.ip(IFA_ADDRESS, size)
  if (ip === undefined) throw new NetlinkDecodeError(after, 'an address without IFA_LOCAL and IFA_ADDRESS')
  return {
    ifindex: bytes.readUInt32LE(start + 4),
    ip,
    prefixLength: bytes.readUInt8(start + 1),
    tentative: (bytes.readUInt8(start + 2) & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) !== 0,
  }
}
