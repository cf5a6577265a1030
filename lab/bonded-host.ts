import type { Holder } from './holder.js'
import { arpAnnouncement, neighborAdvertisement } from './frames.js'
import { PacketSocket } from './packet-socket.js'
import { VNI } from './frr.js'
import type { Router } from './router.js'
import { Space } from './space.js'
import { operational } from './vm.js'

/** The device of a node that the host's link to it is in: a bond, which FRR needs for an Ethernet segment. */
export const SEGMENT_PORT = 'bond1'

/** The nodes are one system to the host. */
const LACP_SYSTEM = '44:38:39:ff:ff:01'
/** Even at their ends, so that what the host sends to any of them hashes to the same link: that of ARP is the second. */
const LACP_MACS = { [SEGMENT_PORT]: '02:00:00:0b:00', br0: '02:00:00:0c:00', [`vx${VNI}`]: '02:00:00:0d:00' }

/**
 * `broadcast`: the host's bond sends every frame on both links. `lacp`: it chooses one by the addresses and the type of the
 * frame (layer2), so that what one node has asked may be answered on the link of the other.
 */
export type BondMode = 'broadcast' | 'lacp'

/** A host with one link to each node. Needs a kernel with bonding. */
export class BondedHost extends Space {
  readonly mac = 'bc:24:11:00:00:99'
  readonly ipv4 = '10.2.1.99'
  readonly ipv6 = '2001:db8::99'
  private readonly sockets = new Map<Router, PacketSocket>()

  constructor(holder: Holder) {
    super('bonded', holder, 'n1')
  }

  /** Makes the host, whose links are down, and the bonds of the nodes. */
  async plug(nodes: readonly Router[], mode: BondMode): Promise<void> {
    const lacp = 'mode 802.3ad miimon 100 lacp_rate fast'
    await this.create()
    await this.ip(
      `link add bond0 type bond ${mode === 'lacp' ? lacp : 'mode broadcast miimon 100'}`,
      `link set bond0 address ${this.mac}`,
      `addr add ${this.ipv4}/24 dev bond0`,
      `addr add ${this.ipv6}/64 dev bond0 nodad`,
    )
    for (const node of nodes) {
      await node.ip(
        `link add ${SEGMENT_PORT} type bond ${
          mode === 'lacp' ? `${lacp} ad_actor_system ${LACP_SYSTEM}` : 'mode active-backup miimon 100'
        }`,
        `link set ${SEGMENT_PORT} master br0`,
        `link set ${SEGMENT_PORT} up`,
        `link add leg type veth peer name ${legTo(node)} netns ${this.namespaces.net}`,
        `link set leg master ${SEGMENT_PORT}`,
        'link set leg up',
      )
      await this.ip(`link set ${legTo(node)} master bond0`, `link set ${legTo(node)} down`)
      if (mode !== 'lacp') continue
      for (const [device, mac] of Object.entries(LACP_MACS))
        await node.ip(`link set ${device} address ${mac}:${node.number}0`)
    }
    await this.ip('link set bond0 up')
  }

  /** Resolves when frames pass: bonds look for carrier now and then. */
  async connect(node: Router): Promise<void> {
    await this.ip(`link set ${legTo(node)} up`)
    for (const [space, device] of [
      [this, legTo(node)],
      [this, 'bond0'],
      [node, SEGMENT_PORT],
    ] as const)
      await operational(space, device)
  }

  async disconnect(node: Router): Promise<void> {
    await this.ip(`link set ${legTo(node)} down`)
  }

  /** Says both addresses on one link only. */
  announceTo(node: Router): void {
    let socket = this.sockets.get(node)
    if (socket === undefined) {
      socket = PacketSocket.open(this.namespaces, legTo(node), { receive: false })
      this.sockets.set(node, socket)
    }
    for (const frame of [arpAnnouncement(this), neighborAdvertisement(this)]) socket.send(frame)
  }

  /** The host says nothing any more, whoever asks. */
  async fallSilent(): Promise<void> {
    await this.ip('link set bond0 arp off', 'addr flush dev bond0')
  }

  close(): void {
    for (const socket of this.sockets.values()) socket.close()
    this.sockets.clear()
  }
}

const legTo = (node: Router): string => `leg-${node.name}`
