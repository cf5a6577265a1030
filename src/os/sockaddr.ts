// struct sockaddr_in and sockaddr_in6 (ip(7), ipv6(7)).
import { parseIp } from '../base/address.js'

export const AF_INET = 2
export const AF_INET6 = 10

/** The address family of an IP address: AF_INET or AF_INET6. */
export const familyOf = (ip: string): number => (ip.includes(':') ? AF_INET6 : AF_INET)

/**
 * sockaddr_in: | family u16 | port u16 BE | address 4 | zeros 8 |; sockaddr_in6: | family u16 | port u16 BE | flow u32 |
 * address 16 | scope u32 |. The family is in the byte order of the machine. Throws RangeError if `ip` is no address.
 */
export function sockaddr(ip: string, port: number): Buffer {
  const bytes = parseIp(ip)
  if (bytes === undefined) throw new RangeError(`${ip} is not an IP address`)
  const isIpv4 = bytes.length === 4
  const address = Buffer.alloc(isIpv4 ? 16 : 28)
  address.writeUInt16LE(isIpv4 ? AF_INET : AF_INET6)
  address.writeUInt16BE(port, 2)
  bytes.copy(address, isIpv4 ? 4 : 8)
  return address
}
