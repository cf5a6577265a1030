// From the frames that the eBPF program passes on to evidence for the binding table: what the node knows about their
// origin at this moment, and what the program must forget so that a repetition is news again.
import { monotonicMs } from '../base/clock.js'
import type { Anchor, BridgeRefusal, Evidence as TableEvidence } from '../bindings/model.js'
import type { Table } from '../bindings/table.js'
import type { Attachments } from './bpf/attachments.js'
import type { Evidence } from './bpf/evidence.js'
import type { Port } from './ports/ports.js'
import type { PortMap } from './sources.js'

/**
 * A frame that the bridge does not seem to accept is judged again after this time, milliseconds: the kernel may have
 * said just before that the port forwards now, or that the FDB has the MAC, and that message not have been read yet.
 */
const AGAIN_MS = 20
/** So many frames may wait; of more, the refusal is believed at once. */
const MAX_WAITING = 1024

export class Hearing {
  /** Ports on which a frame belonged to no VNI, or not to the bridge: after a change, what the program saw may be valid. */
  private readonly unheard = new Set<number>()
  /** When each port was last found down. */
  private readonly downAt = new Map<number, number>()
  /** Since when each port is looked at, and whether anything was heard. */
  private readonly ears = new Map<number, { since: number; isHeard: boolean }>()
  private waiting: { frame: Evidence; since: number }[] = []
  private timer: NodeJS.Timeout | undefined

  constructor(
    private readonly ports: PortMap,
    private readonly attachments: Attachments,
    private readonly table: Table,
    private readonly onEvidence: (evidence: TableEvidence) => void,
    private readonly onDoubt: (frame: Evidence, port: Port) => void,
  ) {}

  /** The program looks at a port from now on. */
  onAttached(ifindex: number): void {
    if (!this.ears.has(ifindex)) this.ears.set(ifindex, { since: monotonicMs(), isHeard: false })
  }

  /** How long a port has been looked at without any claim, in milliseconds; 0 if there was one. */
  silenceOf(ifindex: number): number {
    const ear = this.ears.get(ifindex)
    return ear === undefined || ear.isHeard ? 0 : monotonicMs() - ear.since
  }

  hear(frame: Evidence): void {
    const ear = this.ears.get(frame.ifindex)
    if (ear !== undefined) ear.isHeard = true
    const refusal = this.refusalOf(frame)
    const mayChange = refusal !== undefined && refusal !== 'vlan-protocol'
    if (mayChange && this.ports.ports.has(frame.ifindex) && this.waiting.length < MAX_WAITING) {
      this.waiting.push({ frame, since: monotonicMs() })
      this.timer ??= setTimeout(this.judgeAgain, AGAIN_MS)
    } else this.judge(frame, refusal)
  }

  /** The port went down: a frame from before does not count. */
  onDown(ifindex: number): void {
    this.downAt.set(ifindex, monotonicMs())
  }

  onGone(ifindex: number): void {
    this.unheard.delete(ifindex)
    this.downAt.delete(ifindex)
    this.ears.delete(ifindex)
  }

  /** What a port hears may lead to another VNI now, or the bridge may accept it now. */
  onChange(ifindex?: number): void {
    if (ifindex === undefined ? this.unheard.size === 0 : !this.unheard.has(ifindex)) return
    this.attachments.forgetAll()
    this.unheard.clear()
  }

  close(): void {
    clearTimeout(this.timer)
    this.waiting = []
  }

  private readonly judgeAgain = (): void => {
    const due = monotonicMs() - AGAIN_MS
    const ready = this.waiting.filter(({ since }) => since <= due)
    this.waiting = this.waiting.slice(ready.length)
    this.timer = this.waiting.length === 0 ? undefined : setTimeout(this.judgeAgain, AGAIN_MS)
    for (const { frame } of ready) this.judge(frame, this.refusalOf(frame))
  }

  private judge(frame: Evidence, bridgeRefusal: BridgeRefusal | undefined): void {
    const { ifindex, vlan, kind, mac, etherSource, ip, router, override, at } = frame
    const port = this.ports.ports.get(ifindex)
    // a frame from before it was known that the port went down does not count; a later one shows that the port is up
    // before the kernel says so, which it does up to a second late (net/core/link_watch.c)
    const isNews = at > (this.downAt.get(ifindex) ?? -Infinity)
    const anchor = port !== undefined && isNews ? anchorAt(port, vlan) : undefined
    const vni = this.ports.vniOf(ifindex, vlan)
    const selfMatch = this.ports.selfMatch(ifindex, vlan, mac, ip)
    const fdbPort = this.ports.fdbPort(ifindex, vlan, mac)
    const place = { anchor, vni, selfMatch, fdbPort, bridgeRefusal }
    this.onEvidence({ kind, mac, etherSource, ip, router, override, at, ...place })
    if (port !== undefined && !isNews) this.onDoubt(frame, port)
    // the cause may disappear in a moment, and then the next frame must not be dropped as a repetition
    if (anchor === undefined || bridgeRefusal === 'port-locked' || bridgeRefusal === 'no-learning') {
      this.attachments.forget(ifindex, vlan, mac, ip)
    } else if (vni === undefined || bridgeRefusal !== undefined) this.unheard.add(ifindex)
  }

  private refusalOf({ ifindex, vlan, vlanProtocol, mac, etherSource, ip }: Evidence): BridgeRefusal | undefined {
    const refusal = this.ports.bridgeRefusal(ifindex, vlan, vlanProtocol, etherSource)
    if (refusal === undefined || refusal === 'port-blocked' || refusal === 'vlan-protocol') return refusal
    // while it is not known what the FDB has, a host stays where it is, and nothing new is believed
    if (this.ports.isFdbKnown) return refusal
    const vni = this.ports.vniOf(ifindex, vlan)
    const known = vni === undefined ? undefined : this.table.find(vni, ip)
    return known?.mac === mac && known.anchor.ifindex === ifindex ? undefined : refusal
  }
}

export const anchorAt = ({ ifindex, name, ageingMs }: Port, vlan: number): Anchor => ({
  ...{ ifindex, port: name, vlan, ageingMs },
})
