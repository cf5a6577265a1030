// Connects ports, evidence, the binding table, the relay and the control socket.
import { reason } from '../daemon/exit.js'
import type { Logger } from '../daemon/log.js'
import type { SnoopOptions } from '../daemon/options.js'
import { type Binding, type Entry, entryOf, type Own } from '../evpn/binding.js'
import type { Policy } from '../evpn/refusal.js'
import { type Action, type Event, type PortLoss, step } from '../evpn/step.js'
import { Table } from '../evpn/table.js'
import type { snoop as proto } from '../gen/snoop.js'
import { version } from '../version.js'
import { monotonicMs } from './clock.js'
import {
  type BindingDetail,
  listenSnoopControl,
  type PolicyValues,
  type SnoopControl,
  type Subject,
} from './control.js'
import type { Evidence } from './evidence.js'
import { History } from './history.js'
import type { Port } from './ports.js'
import { RelayClient, type RelayEvents } from './relay-client.js'
import type { EvidenceSource, PortMap } from './sources.js'
import { counters, countStates } from './status.js'

const neutral = (binding: Binding): BindingDetail => ({
  timer: { what: 'expiry', at: binding.expires },
  ...{ tries: 0, claim: undefined, moves: [], frozenUntil: undefined, isStatic: false, minSeq: 0 },
  confirmed: binding.evidence !== 'restored',
})

const policyValues = (ageMs: number): PolicyValues => {
  const none = { ipv4: Infinity, ipv6: Infinity }
  const duplicates = { moves: 0, windowMs: 0, holdDownMs: 0, confirmMs: 0 }
  const limits = { perMac: none, perPort: none, perVni: Infinity, total: Infinity }
  return { ageMs, observe: false, probes: 'off', duplicates, limits }
}

/** Opens what the snooper listens to; called in this order, once the control socket is ours. */
export type Sources = { source: () => EvidenceSource; ports: () => Promise<PortMap> }

export class Snooper {
  private readonly relay: RelayClient
  private readonly policy: Policy
  private readonly since = Date.now()
  private relaySince = Date.now()
  /** Entries handed back count as ours only the first time: later, the table knows better. */
  private restoring = true
  /** How each port is snooped, or why it is not. */
  private readonly attached = new Map<number, { mode: string } | { error: string }>()
  /** Ports on which a frame belonged to no VNI: what is known to the eBPF program may count after the next change. */
  private readonly withoutVni = new Set<number>()
  /** When a port was last found down. */
  private readonly downAt = new Map<number, number>()
  private ageTimer: { at: number; timer: NodeJS.Timeout } | undefined
  private released = false

  static async start(options: SnoopOptions, log: Logger, open: Sources): Promise<Snooper> {
    const table = new Table()
    let snooper: Snooper | undefined
    const history = new History()
    const subject: Subject = { table, history, policy: policyValues(options.ageMs), clear: () => 0, explain: neutral }
    const control = await listenSnoopControl(options.control, subject, () => snooper?.status(), log)
    let source: EvidenceSource | undefined
    try {
      source = open.source()
      snooper = new Snooper(options, log, table, control, source, await open.ports())
      snooper.begin()
      return snooper
    } catch (error) {
      source?.close()
      await control.close()
      throw error
    }
  }

  private constructor(
    private readonly options: SnoopOptions,
    private readonly log: Logger,
    readonly table: Table,
    private readonly control: SnoopControl,
    private readonly source: EvidenceSource,
    private readonly ports: PortMap,
  ) {
    const { ageMs, linkLocal, macMismatch } = options
    this.policy = { ageMs, linkLocal, macMismatch }
    this.relay = new RelayClient(options.relay, `macipd-snoop ${process.pid}`, this.relayEvents(), log)
  }

  /** Detaches from every port and closes every socket; the relay keeps what is announced for its stale time. */
  async stop(): Promise<void> {
    this.log.info({ bindings: this.table.size }, 'snooper ends; the relay keeps its entries for the stale time')
    this.relay.close()
    await this.release()
  }

  /** The part of `stop` that must be done even at an unexpected end; what it does at once is enough then. */
  async release(): Promise<void> {
    if (this.released) return
    this.released = true
    clearTimeout(this.ageTimer?.timer)
    this.source.close()
    this.ports.close()
    await this.control.close()
  }

  private begin(): void {
    for (const port of this.ports.ports.values()) this.attach(port)
    this.ports.on('add', (port) => {
      this.attach(port)
    })
    this.ports.on('remove', (port, why) => {
      this.log.info({ port: port.name, why }, 'port gone')
      this.detach(port)
      this.lose(port.ifindex, 'port-gone')
    })
    this.ports.on('down', ({ ifindex }) => {
      this.downAt.set(ifindex, monotonicMs())
      this.lose(ifindex, 'port-down')
    })
    this.ports.on('vni-change', () => {
      this.onVniChange()
    })
    this.source.start((evidence) => {
      this.onEvidence(evidence)
    })
    this.relay.start()
    this.log.info({ ports: this.attached.size, control: this.options.control }, 'snooping')
  }

  private onEvidence({ ifindex, vlan, ...frame }: Evidence): void {
    const { mac, ip, at } = frame
    const port = this.ports.ports.get(ifindex)
    // a frame of before the fall is old news; one that came later shows that the port is up before the kernel says so,
    // which it does up to a second late (net/core/link_watch.c)
    const isNews = at > (this.downAt.get(ifindex) ?? -Infinity)
    const place = port !== undefined && isNews ? { ifindex, port: port.name, vlan } : undefined
    const vni = this.ports.vniOf(ifindex, vlan)
    // the spread comes last: before other properties it costs Node 20 a hundred times as much, 4 µs
    this.step({ type: 'evidence', evidence: { place, vni, own: this.own(mac, ip), ...frame } }, at)
    // the reason may be gone in a moment: the next frame must not be taken for a repetition
    if (place === undefined) this.forget(ifindex, vlan, mac, ip)
    else if (vni === undefined) this.withoutVni.add(ifindex)
  }

  private own(mac: string, ip: string): Own | undefined {
    if (this.ports.ownMac(mac)) return 'mac'
    return this.ports.ownIp(ip) ? 'ip' : undefined
  }

  private onVniChange(): void {
    for (const ifindex of this.ports.ports.keys()) {
      const changed = new Set<number>()
      for (const { vni, place } of this.table.onPort(ifindex)) {
        if (this.ports.vniOf(ifindex, place.vlan) !== vni) changed.add(place.vlan)
      }
      for (const vlan of changed) this.step({ type: 'port-lost', ifindex, vlan, reason: 'vni-changed' })
    }
    for (const ifindex of this.withoutVni) {
      this.attempt('forget', () => {
        this.source.forgetPort(ifindex)
      })
    }
    this.withoutVni.clear()
  }

  private attach(port: Port): void {
    const { ifindex, name, bridge } = port
    try {
      const mode = this.source.attach(ifindex)
      this.attached.set(ifindex, { mode })
      this.log.info({ port: name, bridge, mode }, 'port snooped')
    } catch (error) {
      this.attached.set(ifindex, { error: reason(error) })
      this.log.error({ port: name, bridge, error: reason(error) }, 'port cannot be snooped')
    }
  }

  private detach({ ifindex }: Port): void {
    this.attached.delete(ifindex)
    this.withoutVni.delete(ifindex)
    this.downAt.delete(ifindex)
    this.attempt('detach', () => {
      this.source.detach(ifindex)
    })
  }

  private lose(ifindex: number, why: PortLoss): void {
    this.step({ type: 'port-lost', ifindex, reason: why })
  }

  private relayEvents(): RelayEvents {
    return {
      onConnected: () => {
        this.relaySince = Date.now()
        this.step({ type: 'relay', connected: true })
      },
      onLost: () => {
        this.relaySince = Date.now()
        this.step({ type: 'relay', connected: false })
      },
      onHandedBack: (entries) => {
        this.onHandedBack(entries)
      },
      onReport: (key, status, seq) => {
        this.step({ type: 'report', key, status, seq })
      },
      onViewsReset: () => {
        this.step({ type: 'views-reset' })
      },
      onViewChange: (change) => {
        this.step({ type: 'view', change })
      },
      onSynced: () => {
        this.restoring = false
        this.log.info({ bindings: this.table.size }, 'in step with the relay')
      },
      entries: () => this.entries(),
    }
  }

  private onHandedBack(entries: readonly Entry[]): void {
    const ports = new Map([...this.ports.ports.values()].filter(({ up }) => up).map((port) => [port.name, port]))
    for (const entry of entries) {
      if (this.restoring) this.restore(entry, ports.get(entry.port))
      else if (this.table.get(entry) === undefined) this.relay.remove(entry)
    }
  }

  private restore(entry: Entry, port: Port | undefined): void {
    const place = port && { ifindex: port.ifindex, port: port.name, vlan: entry.vlan }
    const vni = place && this.ports.vniOf(place.ifindex, place.vlan)
    this.step({ type: 'restored', entry, place, vni, own: this.own(entry.mac, entry.ip) })
  }

  private *entries(): Generator<Entry> {
    for (const binding of this.table.bindings()) yield entryOf(binding)
  }

  private step(event: Event, now = monotonicMs()): void {
    for (const action of step(this.table, event, this.policy, now)) this.act(action)
    this.setAgeTimer()
  }

  private act(action: Action): void {
    switch (action.type) {
      case 'put':
        this.relay.put(action.entry)
        return
      case 'remove':
        this.relay.remove(action.key)
        return
      case 'forget':
        this.forget(action.place.ifindex, action.place.vlan, action.mac, action.ip)
    }
  }

  private forget(ifindex: number, vlan: number, mac: string, ip: string): void {
    this.attempt('forget', () => {
      this.source.forget(ifindex, vlan, mac, ip)
    })
  }

  /** What fails on a port that is just going away is of no consequence, but must be seen. */
  private attempt(what: string, action: () => void): void {
    try {
      action()
    } catch (error) {
      this.log.debug({ what, error: reason(error) }, 'eBPF')
    }
  }

  /** Armed for the earliest time at which something may age out. */
  private setAgeTimer(): void {
    const next = this.table.expiry.next()
    if (next === undefined || (this.ageTimer !== undefined && this.ageTimer.at <= next)) return
    clearTimeout(this.ageTimer?.timer)
    const expire = (): void => {
      this.ageTimer = undefined
      this.step({ type: 'tick' })
    }
    this.ageTimer = { at: next, timer: setTimeout(expire, Math.max(0, next - monotonicMs())) }
  }

  private status(): proto.SnoopStatus.$Properties {
    const { table } = this
    return {
      version,
      pid: process.pid,
      since: this.since,
      relay: this.relay.path,
      relayConnected: this.relay.connected,
      relaySince: this.relaySince,
      mode: 'announce',
      bindings: table.size,
      ...countStates(table),
      ports: [...this.ports.ports.values()].map((port) => this.portStatus(port)),
      frames: counters(this.source.counters()),
      refused: counters(table.refused),
      withdrawn: counters(table.withdrawn),
      control: counters(this.control.counters),
      ageMs: this.policy.ageMs,
    }
  }

  private portStatus({ ifindex, name, bridge, up }: Port): proto.Port.$Properties {
    const attached = this.attached.get(ifindex)
    return {
      name,
      bridge,
      up,
      attached: attached !== undefined && 'mode' in attached ? attached.mode : '',
      error: attached !== undefined && 'error' in attached ? attached.error : '',
      bindings: this.table.onPort(ifindex).size,
    }
  }
}
