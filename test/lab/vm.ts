import type { Holder } from './holder.js'
import { PacketSocket } from './packet-socket.js'
import type { Router } from './router.js'
import { Space } from './space.js'
import { waitFor } from './wait.js'

/** A virtual machine: a namespace behind a bridge port. */
export class Vm extends Space {
  readonly mac: string
  readonly ipv4: string
  readonly ipv6: string
  /** The node's bridge port behind which this VM is. */
  readonly port: string
  private socket: PacketSocket | undefined

  constructor(
    /** 1 is the VM of n1, 2 that of n2, further ones as they are added. */
    readonly number: number,
    private readonly router: Router,
    holder: Holder,
  ) {
    super(`vm${number}`, holder, router.name)
    this.mac = `bc:24:11:00:00:${number.toString(16).padStart(2, '0')}`
    this.ipv4 = `10.2.1.${10 + number}`
    this.ipv6 = `2001:db8::${10 + number}`
    this.port = `tap${number}`
  }

  /** Makes the namespace and plugs it into the router's br0. */
  async plug(): Promise<void> {
    await this.create()
    await this.router.ip(
      `link add ${this.port} type veth peer name eth0 address ${this.mac} netns ${this.namespaces.net}`,
      `link set ${this.port} master br0 up`,
    )
    await this.ip(
      'link set eth0 up',
      `addr add ${this.ipv4}/24 dev eth0`,
      // no duplicate address detection: a VM sends nothing a test did not ask for
      `addr add ${this.ipv6}/64 dev eth0 nodad`,
    )
    // the kernel gives a device that has just got its carrier a queue up to a second later; until then frames are lost
    await waitFor(
      `${this.name}'s eth0 to be operational`,
      () => this.exec(['ip', 'link', 'show', 'eth0', 'up']),
      (text) => text.includes('state UP'),
    )
  }

  /** Sends whole Ethernet frames out of eth0, in order. */
  sendFrames(frames: readonly Uint8Array[]): void {
    this.socket ??= PacketSocket.open(this.namespaces, 'eth0', { receive: false })
    for (const frame of frames) this.socket.send(frame)
  }

  send(frame: Uint8Array): void {
    this.sendFrames([frame])
  }

  /** Closes what `sendFrames` keeps open. */
  close(): void {
    this.socket?.close()
    this.socket = undefined
  }
}
