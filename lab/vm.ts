import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { arpAnnouncement, neighborAdvertisement, unansweredFrame } from './frames.js'
import type { Holder } from './holder.js'
import { PacketSocket } from './packet-socket.js'
import { ping, type PingOptions, type PingResult } from './ping.js'
import type { Router } from './router.js'
import { Space } from './space.js'
import { waitFor } from './wait.js'

/**
 * A virtual machine: a namespace behind a bridge port. Its eth0 ends at `nic`, as at a hypervisor, from where everything
 * is redirected to the wire of one node, whose other end is the bridge port there. So eth0 keeps carrier, addresses and
 * neighbours wherever the VM moves. No process in the namespace listens on nic and wires themselves.
 */
export class Vm extends Space {
  readonly mac: string
  readonly ipv4: string
  readonly ipv6: string
  /** Name of the bridge port behind which this VM is, on whatever node. */
  readonly port: string
  private socket: PacketSocket | undefined

  constructor(
    /** 1 is the VM of n1, 2 that of n2, further ones as they are added. */
    readonly number: number,
    private at: Router,
    holder: Holder,
  ) {
    super(`vm${number}`, holder, at.name)
    this.mac = `bc:24:11:00:00:${number.toString(16).padStart(2, '0')}`
    this.ipv4 = `10.2.1.${10 + number}`
    this.ipv6 = `2001:db8::${10 + number}`
    this.port = `tap${number}`
  }

  /** A path of the host for files of the VM; they go with the lab. */
  file(name: string): string {
    return join(this.holder.directory, this.name, name)
  }

  /** The node this VM is on. */
  get router(): Router {
    return this.at
  }

  /** Makes the namespace and plugs it into the router's br0, which knows its MAC then, as after the boot of any guest. */
  async plug(): Promise<void> {
    await this.create()
    await this.ip(
      `link add eth0 address ${this.mac} type veth peer name nic`,
      'link set nic up arp off',
      'link set eth0 up',
      `addr add ${this.ipv4}/24 dev eth0`,
      // no duplicate address detection: a VM sends nothing a test did not ask for
      `addr add ${this.ipv6}/64 dev eth0 nodad`,
    )
    await this.tc('qdisc add dev nic clsact')
    await this.prepare(this.at)
    await this.tc(...this.connection(this.at))
    await operational(this, 'eth0')
    this.send(unansweredFrame(this.mac))
  }

  /** Makes a port on a node's br0, as a hypervisor does before a VM arrives: it has carrier, and nothing passes it. */
  async prepare(node: Router): Promise<void> {
    const wire = wireTo(node)
    await node.ip(
      `link add ${this.port} type veth peer name ${wire} netns ${this.namespaces.net}`,
      `link set ${this.port} master br0 up`,
    )
    await this.ip(`link set ${wire} up arp off`)
    await operational(node, this.port)
    await operational(this, wire)
  }

  /** Takes the port down for a while, and waits until frames pass again. */
  async flap(downMs: number): Promise<void> {
    await this.at.ip(`link set ${this.port} down`)
    await delay(downMs)
    await this.at.ip(`link set ${this.port} up`)
    await operational(this.at, this.port)
    await operational(this, wireTo(this.at))
  }

  /** From now on the VM is behind its prepared port on that node; the port it was behind falls silent, and stays up. */
  async switchTo(node: Router): Promise<void> {
    const left = this.at
    await this.tc(
      ...this.connection(node),
      `qdisc del dev ${wireTo(left)} clsact`,
      `filter del dev nic ingress pref ${left.number}`,
    )
    this.at = node
  }

  /** Takes away the port on a node the VM is no longer behind. */
  async leave(node: Router): Promise<void> {
    if (node === this.at) throw new Error(`${this.name} is behind its port on ${node.name}`)
    await this.ip(`link del ${wireTo(node)}`)
  }

  /** Both directions of nic and the wire to a node; the filter with the lower preference wins at nic. */
  private connection(node: Router): string[] {
    const wire = wireTo(node)
    const redirect = (from: string, to: string, preference: number): string =>
      `filter add dev ${from} ingress protocol all pref ${preference} u32 match u32 0 0 action mirred egress redirect dev ${to}`
    return [`qdisc add dev ${wire} clsact`, redirect(wire, 'nic', 1), redirect('nic', wire, node.number)]
  }

  private async tc(...lines: string[]): Promise<void> {
    await this.exec(['tc', '-batch', '-'], `${lines.join('\n')}\n`)
  }

  /** Sends whole Ethernet frames out of eth0, in order. */
  sendFrames(frames: readonly Uint8Array[]): void {
    this.socket ??= PacketSocket.open(this.namespaces, 'eth0', { receive: false })
    for (const frame of frames) this.socket.send(frame)
  }

  send(frame: Uint8Array): void {
    this.sendFrames([frame])
  }

  /** A gratuitous ARP request and an unsolicited neighbour advertisement, as a guest sends them when it has moved. */
  announce(): void {
    this.sendFrames([arpAnnouncement(this), neighborAdvertisement(this)])
  }

  /** One more IPv4 address, for which the VM's kernel answers from now on. */
  async take(ip: string): Promise<void> {
    await this.ip(`addr add ${ip}/32 dev eth0`)
  }

  /** The opposite of `take`, without a word. */
  async giveUp(ip: string): Promise<void> {
    await this.ip(`addr del ${ip}/32 dev eth0`)
  }

  /** Tells everyone that the VM has an IPv4 address, whether it does or not. */
  claim(ip: string): void {
    const { mac, ipv6 } = this
    this.send(arpAnnouncement({ mac, ipv4: ip, ipv6 }))
  }

  /** Collects every frame on eth0 from now on, wherever the VM moves. */
  override capture(device = 'eth0'): PacketSocket {
    return super.capture(device)
  }

  /** Echo requests of the VM's own kernel, which asks for the address first where it has to. */
  ping(ip: string, options?: PingOptions): Promise<PingResult> {
    return ping(this.namespaces, ip, options)
  }

  /** Closes what `sendFrames` keeps open. */
  close(): void {
    this.socket?.close()
    this.socket = undefined
  }
}

const wireTo = (node: Router): string => `wire-${node.name}`

/** The kernel gives a device that has just got its carrier a queue up to a second later; until then frames are lost. */
export async function operational(space: Space, device: string): Promise<void> {
  await waitFor(
    `${space.name}'s ${device} to be operational`,
    () => space.exec(['ip', 'link', 'show', device, 'up']),
    (text) => text.includes('state UP'),
  )
}
