// A proxy at the snooper's control socket, as the tests need it: says what it wants to hear, and keeps what it hears.
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { formatIp, formatMac, parseIp, parseMac } from '../../../src/base/address.js'
import { Deframer, frame } from '../../../src/control/framing.js'
import { snoop as proto } from '../../../src/gen/snoop.js'
import { Awaited } from '../../support.js'

export const bytesOf = (ip: string): Buffer => parseIp(ip) ?? Buffer.alloc(0)
export const macBytesOf = (mac: string): Buffer => parseMac(mac) ?? Buffer.alloc(0)

/** Everything from 203.0.113.0/24 and from IPv6, in VNI 100. */
export const EVERYTHING: proto.WatchVxlan.$Properties = {
  interfaces: ['under*'],
  udpPorts: [4789],
  vnis: [100],
  sources: [{ ip: bytesOf('203.0.113.0'), length: 24 }, { ip: bytesOf('::') }],
  destinations: [bytesOf('203.0.113.1'), bytesOf('2001:db8:ff::1')],
}

export class Proxy extends Awaited {
  readonly claims: proto.VxlanClaim.$Properties[] = []
  readonly statuses: proto.VxlanStatus.$Properties[] = []
  error = ''
  closed = false

  private constructor(readonly socket: Socket) {
    super()
    const deframer = new Deframer()
    socket.on('data', (chunk) => {
      deframer.feed(chunk, (bytes) => {
        this.hear(proto.FromSnoop.decode(bytes))
      })
      this.changed()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.closed = true
      this.changed()
    })
  }

  static connect(t: TestContext, path: string): Proxy {
    const proxy = new Proxy(connect(path))
    t.after(() => proxy.socket.destroy())
    return proxy
  }

  watch(changes: proto.WatchVxlan.$Properties = {}): void {
    this.socket.write(frame(proto.ToSnoop.encode({ watchVxlan: { ...EVERYTHING, ...changes } }).finish()))
  }

  private hear({ error, vxlanClaims, vxlanStatus }: proto.FromSnoop): void {
    this.error = error ?? this.error
    this.claims.push(...(vxlanClaims?.claims ?? []))
    if (vxlanStatus != null) this.statuses.push(vxlanStatus)
  }

  /** The interfaces of the last status: `under tcx`, or name and error. */
  get interfaces(): string[] {
    const { interfaces } = this.statuses.at(-1) ?? {}
    return (interfaces ?? []).map(({ name, attached, error }) => `${name} ${attached || error}`)
  }

  /** Resolves when the last status has these interfaces; `attached` stands for the way in which one is attached. */
  untilInterfaces(...expected: string[]): Promise<void> {
    const text = expected.join()
    return this.until(() => this.interfaces.map((it) => it.replace(/ (tcx|clsact)$/, ' attached')).join() === text)
  }

  /** Claims as text: kind, MAC, IP, VNI and VTEP. */
  get heard(): string[] {
    return this.claims.map(
      ({ kind, mac, ip, vni, vtep }) =>
        `${kind} ${formatMac(mac ?? Buffer.alloc(6))} ${formatIp(ip ?? Buffer.alloc(4))} in ${vni} behind ${formatIp(vtep ?? Buffer.alloc(4))}`,
    )
  }
}
