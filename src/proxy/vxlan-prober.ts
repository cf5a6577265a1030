// Asks hosts behind VTEPs: an ARP request or a neighbour solicitation in a VXLAN packet (RFC 7348 5) from this node's VTEP
// address. The answer comes to the VXLAN port of that address, where the snooper sees it.
//
//    0  flags 0x08 (I)  u8, reserved 3 bytes
//    4  VNI             u24, reserved u8
//    8  the frame
import { createSocket, type Socket } from 'node:dgram'
import { isIPv4, isIPv6 } from 'node:net'
import { arpRequest, neighborSolicitation } from '../arp-nd/question.js'
import { sourceOf } from '../arp-nd/source.js'
import { parseIp } from '../base/address.js'
import { errnoName, reason } from '../base/exit.js'
import type { Logger } from '../base/log.js'

const VXLAN_HLEN = 8
const FLAG_VNI = 0x08000000

export type VxlanProbe = { readonly vni: number; readonly vtep: string; readonly mac: string; readonly ip: string }

/** Builds the payload of the UDP datagram. `asker` is the source of the frame in it. */
export function encodeProbe({ vni, mac, ip }: VxlanProbe, asker: string): Buffer {
  const fields = { dstMac: mac, srcMac: asker, srcIp: sourceOf(asker, ip).ip, targetIp: ip, vlan: 0 }
  const frame = isIPv4(ip) ? arpRequest(fields) : neighborSolicitation(fields)
  const header = Buffer.alloc(VXLAN_HLEN)
  header.writeUInt32BE(FLAG_VNI)
  header.writeUInt32BE((vni << 8) >>> 0, 4)
  return Buffer.concat([header, frame])
}

/**
 * The MAC that asks from a VTEP address: locally administered, always the same, and another one for each VTEP, since those
 * that are asked learn that it is behind this node.
 */
export function askerOf(source: string): string {
  const bytes = parseIp(source) ?? Buffer.alloc(4)
  return ['0a', '4d', ...[...bytes.subarray(-4)].map((byte) => byte.toString(16).padStart(2, '0'))].join(':')
}

export class VxlanProber {
  /** Probes that were `sent`, and those that failed, by the name of the error (ENETUNREACH, …). */
  readonly counters: Record<string, number> = { sent: 0 }
  private readonly sockets = new Map<4 | 6, Socket>()

  /**
   * @param sources this node's addresses as a VTEP: one of a family at most
   * @param asker the source of all questions
   * @param port of the VTEPs
   */
  constructor(
    sources: readonly string[],
    private readonly asker: string,
    private readonly port: number,
    private readonly log: Logger,
  ) {
    for (const address of sources) {
      const family = isIPv6(address) ? 6 : 4
      const socket = createSocket(family === 6 ? 'udp6' : 'udp4')
      socket.on('error', (error) => {
        this.failed(error)
      })
      socket.bind({ address, port: 0 })
      this.sockets.set(family, socket)
    }
  }

  /** Failures are only counted: routes come and go, and a host that does not answer is asked again. */
  send(probe: VxlanProbe): void {
    const socket = this.sockets.get(isIPv6(probe.vtep) ? 6 : 4)
    if (socket === undefined) {
      this.count('EAFNOSUPPORT')
      return
    }
    socket.send(encodeProbe(probe, this.asker), this.port, probe.vtep, (error) => {
      if (error === null) this.count('sent')
      else this.failed(error)
    })
  }

  close(): void {
    for (const socket of this.sockets.values()) socket.close()
    this.sockets.clear()
  }

  private failed(error: Error): void {
    this.count(errnoName(error) ?? 'failed')
    this.log.debug({ error: reason(error) }, 'probe not sent')
  }

  private count(name: string): void {
    this.counters[name] = (this.counters[name] ?? 0) + 1
  }
}
