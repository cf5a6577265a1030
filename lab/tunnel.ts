// What crosses the tunnel of a node: VXLAN frames on the wire between the routers (RFC 7348 section 5).
import { unansweredFrame } from './frames.js'
import { VNI } from './frr.js'
import { PacketSocket } from './packet-socket.js'
import type { Router } from './router.js'
import { waitFor } from './wait.js'

const ETHERNET = 14
const UDP_HEADER = 8
const VXLAN_HEADER = 8
const IP_PROTOCOL_UDP = 17
const VXLAN_PORT = 4789
const FRAGMENT_OFFSET = 0x1fff

/** Source of markers: no host of a lab. */
const MARKER = '02:00:00:00:00:00'
const MARKER_HEADER = unansweredFrame(MARKER).subarray(0, ETHERNET)

export interface TunnelFrame {
  readonly vni: number
  /** The frame inside, from its destination MAC on. */
  readonly bytes: Buffer
  /** Sent by the watched node, not received by it. */
  readonly outgoing: boolean
}

let markers = 0

export class Tunnel implements Disposable {
  private taken = 0
  private readonly seen: TunnelFrame[] = []

  private constructor(
    private readonly router: Router,
    private readonly wire: PacketSocket,
  ) {}

  /** Sees every frame from the moment this returns. */
  static watch(router: Router): Tunnel {
    return new Tunnel(router, router.capture('fabric'))
  }

  /** What has crossed the tunnel so far, in either direction, oldest first; markers are left out. */
  frames(): readonly TunnelFrame[] {
    const captured = this.wire.frames()
    for (const { bytes, outgoing } of captured.slice(this.taken)) {
      const inner = decapsulate(bytes)
      if (inner !== undefined && !isMarker(inner.bytes)) this.seen.push({ ...inner, outgoing })
    }
    this.taken = captured.length
    return this.seen
  }

  /** Resolves with the first frame that is wanted. */
  async waitForFrame(description: string, wanted: (frame: TunnelFrame) => boolean): Promise<TunnelFrame> {
    let found: TunnelFrame | undefined
    await waitFor(
      `${description} in the tunnel of ${this.router.name}`,
      () => (found = this.frames().find(wanted)) !== undefined,
      (seen) => seen,
    )
    if (found === undefined) throw new Error('a frame was found and is missing')
    return found
  }

  /**
   * Everything sent until now that the node's bridge has accepted has crossed when this resolves. A frame of its own goes
   * behind it straight into the VXLAN device: no bridge learns from it, no host answers.
   */
  async flushed(): Promise<void> {
    const payload = Buffer.alloc(4)
    payload.writeUInt32BE(++markers)
    const marker = unansweredFrame(MARKER, payload)
    using device = PacketSocket.open(this.router.namespaces, `vx${VNI}`, { receive: false })
    device.send(marker)
    await waitFor(
      `a marker to cross the tunnel of ${this.router.name}`,
      () => this.wire.frames().some(({ bytes }) => decapsulate(bytes)?.bytes.equals(marker) === true),
      (crossed) => crossed,
    )
  }

  close(): void {
    this.wire.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

const isMarker = (frame: Buffer): boolean => frame.subarray(0, ETHERNET).equals(MARKER_HEADER)

function decapsulate(frame: Buffer): { vni: number; bytes: Buffer } | undefined {
  if (frame.length < ETHERNET + 20 || frame.readUInt16BE(12) !== 0x0800) return undefined
  const ip = frame.subarray(ETHERNET)
  const udp = ip.subarray(((ip[0] ?? 0) & 15) * 4)
  if (ip[9] !== IP_PROTOCOL_UDP || (ip.readUInt16BE(6) & FRAGMENT_OFFSET) !== 0) return undefined
  if (udp.length < UDP_HEADER + VXLAN_HEADER || udp.readUInt16BE(2) !== VXLAN_PORT) return undefined
  const vxlan = udp.subarray(UDP_HEADER)
  return { vni: vxlan.readUIntBE(4, 3), bytes: vxlan.subarray(VXLAN_HEADER) }
}
