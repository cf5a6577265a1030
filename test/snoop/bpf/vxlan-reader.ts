// Finds the frame in a VXLAN packet as plainly as can be, to be compared with what the eBPF program finds.
import { formatIp } from '../../../src/base/address.js'
import { isWithin } from '../../../src/base/prefix.js'
import type { WatchVxlan } from '../../../src/control/vxlan-codec.js'

const VLANS = [0x8100, 0x88a8]
const UDP = 17
const MORE_FRAGMENTS = 0x2000

type Payload = { source: string; destination: string; bytes: Buffer; isFragment: boolean }

/** Returns undefined if there is no frame, or not one that is wanted. */
export function readVxlan(packet: Buffer, watch: WatchVxlan): { vni: number; vtep: string; frame: Buffer } | undefined {
  const ip = readIp(packet)
  if (ip === undefined || ip.bytes.length < 8) return undefined
  const [port, length] = [ip.bytes.readUInt16BE(2), ip.bytes.readUInt16BE(4)]
  if (!watch.udpPorts.includes(port) || (length > ip.bytes.length && !ip.isFragment)) return undefined
  const datagram = ip.bytes.subarray(8, length)
  if (length < 8 || datagram.length < 8 + 14) return undefined
  if (datagram.readUInt32BE(0) !== 0x0800_0000 || datagram.readUInt8(7) !== 0) return undefined
  const vni = datagram.readUIntBE(4, 3)
  const frame = datagram.subarray(8)
  if (VLANS.includes(frame.readUInt16BE(12))) return undefined
  const isWanted =
    watch.vnis.includes(vni) &&
    watch.destinations.includes(ip.destination) &&
    watch.sources.some((prefix) => isWithin(ip.source, prefix)) &&
    !isOfNoVtep(ip.source)
  return isWanted ? { vni, vtep: ip.source, frame } : undefined
}

const isOfNoVtep = (ip: string): boolean =>
  ip.includes(':') ? /^(ff..:|::|0:0:)/.test(ip) : /^(0\.0\.0\.0$|127\.|22[4-9]\.|23\d\.|255\.255\.255\.255$)/.test(ip)

function readIp(packet: Buffer): Payload | undefined {
  let at = 12
  for (let tags = 0; tags < 2 && at + 2 <= packet.length && VLANS.includes(packet.readUInt16BE(at)); tags++) at += 4
  if (at + 2 > packet.length) return undefined
  const rest = packet.subarray(at + 2)
  switch (packet.readUInt16BE(at)) {
    case 0x0800:
      return readIpv4(rest)
    case 0x86dd:
      return readIpv6(rest)
    default:
      return undefined
  }
}

function readIpv4(bytes: Buffer): Payload | undefined {
  if (bytes.length < 20) return undefined
  const [first, total, fragment] = [bytes.readUInt8(0), bytes.readUInt16BE(2), bytes.readUInt16BE(6)]
  const header = (first & 15) * 4
  if (first >> 4 !== 4 || header < 20 || bytes[9] !== UDP || (fragment & 0x1fff) !== 0 || total > bytes.length)
    return undefined
  return {
    source: formatIp(bytes.subarray(12, 16)),
    destination: formatIp(bytes.subarray(16, 20)),
    bytes: bytes.subarray(header, total),
    isFragment: (fragment & MORE_FRAGMENTS) !== 0,
  }
}

function readIpv6(bytes: Buffer): Payload | undefined {
  if (bytes.length < 40) return undefined
  const length = bytes.readUInt16BE(4)
  if (bytes.readUInt8(0) >> 4 !== 6 || bytes[6] !== UDP || 40 + length > bytes.length) return undefined
  return {
    source: formatIp(bytes.subarray(8, 24)),
    destination: formatIp(bytes.subarray(24, 40)),
    bytes: bytes.subarray(40, 40 + length),
    isFragment: false,
  }
}
