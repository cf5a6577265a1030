// Follows the devices of the underlay for one proxy: attaches the eBPF program to those with the right names.
import { isDeepStrictEqual } from 'node:util'
import { reason } from '../../base/exit.js'
import { globSet } from '../../base/glob.js'
import type { Logger } from '../../base/log.js'
import { type VxlanInterface, vxlanStatusToProto, type WatchVxlan } from '../../control/vxlan-codec.js'
import type { Link } from '../../rtnetlink/link.js'
import type { PortMap, VxlanSource } from '../sources.js'
import { Outbox, type ProxyClient } from './outbox.js'

export type LinkSource = Pick<PortMap, 'links' | 'on' | 'off'>

/** How often the proxy is told how things are, and what failed is tried again. */
const STATUS_MS = 10_000

export class Watcher {
  private request: WatchVxlan | undefined
  private names: { has(name: string): boolean } = new Set<string>()
  /** By ifindex. */
  private readonly devices = new Map<number, VxlanInterface>()
  private readonly outbox: Outbox
  private readonly timer: NodeJS.Timeout
  private readonly onLinks = (gone: ReadonlySet<number>): void => {
    for (const ifindex of gone) this.remove(ifindex)
    this.update()
  }

  constructor(
    private readonly client: ProxyClient,
    private readonly links: LinkSource,
    private readonly source: VxlanSource,
    private readonly log: Logger,
  ) {
    this.outbox = new Outbox(client, () => this.status(), log)
    source.start((claim) => {
      this.outbox.putClaim(claim)
    })
    links.on('links', this.onLinks)
    this.timer = setInterval(() => {
      this.retry()
      this.outbox.putStatus()
    }, STATUS_MS)
  }

  /** Throws BpfError if the kernel does not take the filters. */
  replace(request: WatchVxlan): void {
    if (!isDeepStrictEqual(request, this.request)) {
      this.source.configure(request)
      this.request = request
      this.names = globSet(request.interfaces)
      this.log.info({ pid: this.client.peer.pid, ...summary(request) }, 'VXLAN is watched for a proxy')
      this.update()
    }
    this.outbox.putStatus()
  }

  close(): void {
    clearInterval(this.timer)
    this.links.off('links', this.onLinks)
    this.source.close()
    this.log.info({ pid: this.client.peer.pid }, 'VXLAN is no longer watched')
  }

  /** Brings the attachments in line with the devices that there are, and tells of changes. */
  private update(): void {
    const before = [...this.devices.values()]
    for (const ifindex of this.devices.keys()) {
      const name = this.links.links.get(ifindex)?.name
      if (name === undefined || !this.names.has(name)) this.remove(ifindex)
    }
    for (const link of this.links.links.values()) if (this.names.has(link.name)) this.add(link)
    if (!isDeepStrictEqual(before, [...this.devices.values()])) this.outbox.putStatus()
  }

  private add({ ifindex, name, mac }: Link): void {
    const known = this.devices.get(ifindex)
    if (known !== undefined) {
      if (known.name !== name) this.devices.set(ifindex, { ...known, name })
      return
    }
    // the program looks for an Ethernet header
    if (mac === undefined) this.devices.set(ifindex, { name, attached: '', error: 'it is not an Ethernet device' })
    else this.devices.set(ifindex, this.attach(ifindex, name))
  }

  private attach(ifindex: number, name: string): VxlanInterface {
    try {
      const attached = this.source.attach(ifindex)
      this.log.info({ device: name, mode: attached }, 'VXLAN is snooped on a device of the underlay')
      return { name, attached, error: '' }
    } catch (error) {
      this.log.error({ device: name, error: reason(error) }, 'VXLAN cannot be snooped on a device of the underlay')
      return { name, attached: '', error: reason(error) }
    }
  }

  private remove(ifindex: number): void {
    if (!this.devices.delete(ifindex)) return
    try {
      this.source.detach(ifindex)
    } catch (error) {
      // harmless on a device that is just going away
      this.log.debug({ ifindex, error: reason(error) }, 'eBPF')
    }
  }

  private retry(): void {
    for (const [ifindex, { error }] of this.devices) if (error !== '') this.devices.delete(ifindex)
    this.update()
  }

  private status(): ReturnType<typeof vxlanStatusToProto> {
    const found = [...this.devices.values()]
    const names = new Set(found.map(({ name }) => name))
    const missing = (this.request?.interfaces ?? [])
      .filter((pattern) => !/[*?]/.test(pattern) && !names.has(pattern))
      .map((name) => ({ name, attached: '', error: 'there is no such device' }))
    return vxlanStatusToProto({
      interfaces: [...found, ...missing],
      frames: this.source.counters(),
      dropped: this.outbox.dropped,
    })
  }
}

const summary = ({ interfaces, vnis, sources, destinations }: WatchVxlan) => ({
  interfaces,
  vnis: vnis.length,
  sources: sources.length,
  destinations: destinations.length,
})
