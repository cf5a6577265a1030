// Sends the questions that the rules want asked: to hosts behind ports of this node, and to hosts behind other VTEPs.
import type { ProbeForm } from '../bindings/model.js'
import type { Action } from '../bindings/step.js'
import type { Attachments } from './bpf/attachments.js'
import { sourceOf } from '../arp-nd/source.js'
import type { PortMap, ProbeOutlet } from './sources.js'
import type { TunnelListener } from './tunnel/listener.js'

/** A host behind a port, and the tag of its frames there. */
type Place = { ifindex: number; vlan: number; mac: string; ip: string }

export class Questions {
  /** Probes that were not sent, because no port that forwards leads to the host. */
  withheld = 0

  /** @param outlet undefined if no probes are sent */
  constructor(
    private readonly ports: PortMap,
    private readonly attachments: Pick<Attachments, 'forget'>,
    private readonly outlet: ProbeOutlet | undefined,
    private readonly listener: TunnelListener,
    private readonly repeatIntervalMs: number,
  ) {}

  /** Asks a host behind a port of this node. */
  probe({ anchor, mac, ip, lastSeen, form }: Extract<Action, { type: 'probe' }>, now: number): void {
    const place = this.ports.placeToAsk(anchor.ifindex, anchor.vlan, mac)
    if (place === undefined) {
      this.withheld += 1
      return
    }
    const { ifindex, vlan } = place
    // only the answer of a host seen just before would be dropped as a repetition; forgetting costs time
    if (now - lastSeen < this.repeatIntervalMs) this.attachments.forget(ifindex, vlan, mac, ip)
    this.send({ ifindex, vlan, mac, ip }, form)
  }

  /**
   * Asks through the tunnel, from the VXLAN device's own MAC: no bridge learns a host from it, and only the host that is
   * asked answers. A host on an Ethernet segment that this node has, too, is also asked there (`alsoHere`).
   */
  askRemote({ key, form, alsoHere }: Extract<Action, { type: 'ask-remote' }>): void {
    const { vni, mac, ip } = key
    const place = alsoHere ? this.ports.placeOfMac(vni, mac) : undefined
    if (place !== undefined) {
      this.attachments.forget(place.ifindex, place.vlan, mac, ip)
      this.send({ mac, ip, ...place }, form)
    }
    const tunnel = this.ports.tunnelOf(vni)
    if (tunnel === undefined) {
      this.listener.counters.unreachable += 1
      return
    }
    const { device, through, vlan, vlanProtocol } = tunnel
    this.listener.expect(device, key)
    this.outlet?.send({ ifindex: through, vlan, vlanProtocol, mac, ip, source: sourceOf(tunnel.mac, ip), form })
  }

  private send({ ifindex, vlan, mac, ip }: Place, form: ProbeForm): void {
    const vlanProtocol = this.ports.vlanProtocol(ifindex)
    const source = this.ports.probeSource(ifindex, vlan, ip)
    this.outlet?.send({ ifindex, vlan, vlanProtocol, mac, ip, source, form })
  }
}
