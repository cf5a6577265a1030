// As many hosts as a measurement needs, behind ports of the lab's VMs.
import { formatIp, formatMac } from '../src/base/address.js'
import type { Host } from './frames.js'

/** `count` hosts from number `first` on, with MACs and addresses that belong to no VM of a lab. */
export const hosts = (first: number, count: number): Host[] =>
  Array.from({ length: count }, (_, index) => host(first + index))

function host(number: number): Host {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(number)
  const prefix = Buffer.from('20010db80001000000000000', 'hex')
  return {
    mac: formatMac(Buffer.concat([Buffer.of(2, 0), bytes])),
    ipv4: formatIp(Buffer.of(10, 64 + (bytes[1] ?? 0), bytes[2] ?? 0, bytes[3] ?? 0)),
    ipv6: formatIp(Buffer.concat([prefix, bytes])),
  }
}
