// Connects ports, evidence, the binding table, the hosts, the relay, the file and the control socket.
import type { Logger } from '../base/log.js'
import type { SnoopOptions } from '../config/options.js'
import { loadState, StateFile } from '../os/state-file.js'
import { type Anchor, type Binding, type Entry, entryOf, isInOverlay, type Key } from '../bindings/model.js'
import type { Policy } from '../bindings/policy.js'
import type { Input, PortLoss } from '../bindings/input.js'
import { type Action, step } from '../bindings/step.js'
import { Table } from '../bindings/table.js'
import type { FpmChange, FpmView } from '../fpm/view.js'
import type { snoop as proto } from '../gen/snoop.js'
import { version } from '../base/version.js'
import { Attachments } from './bpf/attachments.js'
import { monotonicMs } from '../base/clock.js'
import { Comebacks } from './comebacks.js'
import { type ClearRequest, listenSnoopControl, type SnoopControl } from './control.js'
import type { RefusedFrame } from './bpf/evidence.js'
import { detailOf } from './detail.js'
import { fpmStatusToProto } from '../control/fpm-codec.js'
import { counters } from '../control/snoop-codec.js'
import { FilterWatch } from './filters/watch.js'
import { fpmUpdatesOf } from './fpm-updates.js'
import { Hearing } from './hearing.js'
import { History } from './history.js'
import type { Port } from './ports/ports.js'
import { RelayClient, type RelayEvents } from './relay-client.js'
import { Questions } from './questions.js'
import { savedOf } from './remembered.js'
import { TunnelListener } from './tunnel/listener.js'
import type { EvidenceSource, FpmConnection, PortMap, ProbeOutlet, VxlanSource } from './sources.js'
import { BINDINGS_FORMAT, type SavedBinding } from './state-file.js'
import { countStates, heldDownOf, portStatus } from './status.js'
import { Underlay } from './underlay/underlay.js'

/** Opens the snooper's sources; called once this process has the control socket. */
export type Sources = {
  source: () => EvidenceSource
  /** Called when a proxy begins to watch the underlay. */
  vxlan: () => VxlanSource
  /** Returns undefined if no probes are sent. */
  outlet: () => ProbeOutlet | undefined
  ports: () => Promise<PortMap>
  /** Omitted if zebra's FPM connection is not wanted. */
  fpm?: (ports: PortMap, changed: (change: FpmChange) => void) => Promise<FpmConnection>
}

/** Timers due within this time are handled together: 50 ms of jitter are harmless, extra wake-ups cost CPU. */
const TICK_MS = 50

/** Bindings are saved at least this often to keep their times up to date, milliseconds. */
const SAVE_MS = 600_000

export class Snooper {
  private readonly relay: RelayClient
  private readonly policy: Policy
  readonly attachments: Attachments
  readonly hearing: Hearing
  readonly filters: FilterWatch
  private readonly comebacks: Comebacks
  private readonly questions: Questions
  private readonly listener: TunnelListener
  private readonly since = Date.now()
  private relaySince = Date.now()
  /** Entries that the relay hands back are restored only the first time: later, the table is more recent. */
  private restoring = true
  private stateFile: StateFile<SavedBinding> | undefined
  private saveTimer: NodeJS.Timeout | undefined
  private tick: { at: number; timer: NodeJS.Timeout } | undefined
  private released = false

  static async start(options: SnoopOptions, log: Logger, open: Sources): Promise<Snooper> {
    const table = new Table()
    const history = new History()
    let snooper: Snooper | undefined
    let fpm: FpmConnection | undefined
    const subject = {
      table,
      history,
      policy: options.policy,
      clear: (request: ClearRequest) => snooper?.clear(request) ?? 0,
      explain: (binding: Binding) => detailOf(binding, table),
      fpm: () => fpm,
      underlay: () => snooper?.underlay,
    }
    const control = await listenSnoopControl(options.control, subject, () => snooper?.status(), log)
    const opened: ({ close(): void } | undefined)[] = []
    const keep = <T extends { close(): void } | undefined>(it: T): T => {
      opened.push(it)
      return it
    }
    try {
      const source = keep(open.source())
      const outlet = keep(open.outlet())
      const ports = keep(await open.ports())
      fpm = await open.fpm?.(ports, (change) => {
        if (fpm?.view !== undefined) snooper?.onFpmChange(change, fpm.view)
      })
      const underlay = new Underlay(ports, open.vxlan, log)
      snooper = new Snooper(options, log, table, history, control, source, outlet, ports, fpm, underlay)
      snooper.begin()
      return snooper
    } catch (error) {
      for (const it of opened) it?.close()
      await control.close()
      throw error
    }
  }

  private constructor(
    private readonly options: SnoopOptions,
    private readonly log: Logger,
    readonly table: Table,
    private readonly history: History,
    private readonly control: SnoopControl,
    readonly source: EvidenceSource,
    private readonly outlet: ProbeOutlet | undefined,
    readonly ports: PortMap,
    private readonly fpm: FpmConnection | undefined,
    private readonly underlay: Underlay,
  ) {
    this.policy = options.policy
    this.attachments = new Attachments(source, log)
    this.filters = new FilterWatch(source, this.attachments, ports.ports, log)
    this.hearing = new Hearing(
      ports,
      this.attachments,
      table,
      (evidence) => {
        this.step({ type: 'evidence', evidence })
      },
      (frame, port) => {
        this.comebacks.onDoubt(frame, port)
      },
    )
    this.listener = new TunnelListener((key) => {
      this.step({ type: 'remote-answer', key })
    }, log)
    this.questions = new Questions(ports, this.attachments, outlet, this.listener, options.repeatIntervalMs)
    this.comebacks = new Comebacks(ports, table, this.policy.probes === 'send', (input) => {
      this.step(input)
    })
    this.relay = new RelayClient(options.relay, `macipd-snoop ${process.pid}`, this.relayEvents(), log)
  }

  /** Detaches from every port and closes every socket; the relay keeps the announced entries for its stale time. */
  async stop(): Promise<void> {
    this.log.info({ bindings: this.table.size }, 'snooper ends; the relay keeps its entries for the stale time')
    this.relay.close()
    await this.release()
    await this.stateFile?.close()
  }

  /** The part of `stop` that must also run at an unexpected end; what it does synchronously is enough then. */
  async release(): Promise<void> {
    if (this.released) return
    this.released = true
    clearTimeout(this.tick?.timer)
    clearInterval(this.saveTimer)
    this.hearing.close()
    this.filters.close()
    this.source.close()
    this.underlay.close()
    this.listener.close()
    this.outlet?.close()
    this.ports.close()
    await Promise.all([this.fpm?.close(), this.control.close()])
  }

  private begin(): void {
    this.step({ type: 'static', bindings: this.options.statics })
    this.load()
    for (const port of this.ports.ports.values()) this.attach(port)
    this.ports.on('add', (port) => {
      this.attach(port)
    })
    this.ports.on('remove', ({ ifindex, name }, why) => {
      this.log.info({ port: name, why }, 'port gone')
      this.hearing.onGone(ifindex)
      this.attachments.remove(ifindex)
      this.lose(ifindex, 'port-gone')
    })
    this.ports.on('rename', ({ ifindex, name }, from) => {
      this.log.info({ port: name, from }, 'port renamed')
      this.history.rename(from, name)
      this.step({ type: 'port-renamed', ifindex, port: name })
    })
    this.ports.on('up', (port) => {
      this.comebacks.onPort(port)
    })
    this.ports.on('down', ({ ifindex }) => {
      this.hearing.onDown(ifindex)
      this.lose(ifindex, 'port-down')
    })
    this.ports.on('vni-change', () => {
      this.onVniChange()
    })
    this.ports.on('fdb', (change) => {
      this.comebacks.onFdbChange(change)
    })
    this.ports.on('bridge-port', ({ ifindex }) => {
      this.hearing.onChange(ifindex)
    })
    this.source.start(
      (frame) => {
        this.hearing.hear(frame)
      },
      (refused) => {
        this.onRefusedFrame(refused)
      },
    )
    void this.filters.start()
    this.relay.start()
    this.log.info({ ports: this.attachments.size, control: this.options.control }, 'snooping')
  }

  /** Remembers what the eBPF program refused, for people only. */
  private onRefusedFrame({ reason, ifindex, vlan, mac, ip }: RefusedFrame): void {
    const port = this.ports.ports.get(ifindex)?.name
    // the port has just gone
    if (port === undefined) return
    const key = { vni: this.ports.vniOf(ifindex, vlan) ?? 0, mac, ip }
    this.history.add({ event: 'refused', key, port, detail: reason }, monotonicMs())
  }

  private onVniChange(): void {
    for (const port of this.ports.ports.values()) {
      const { ifindex } = port
      const changed = new Set<number>()
      const noteChanged = (vni: number, { vlan }: Anchor): void => {
        if (this.ports.vniOf(ifindex, vlan) !== vni) changed.add(vlan)
      }
      for (const { vni, anchor } of this.table.onPort(ifindex)) noteChanged(vni, anchor)
      for (const { vni, claim } of this.table.contested) {
        if (claim?.anchor.ifindex === ifindex) noteChanged(vni, claim.anchor)
      }
      for (const vlan of changed) this.step({ type: 'port-lost', ifindex, vlan, reason: 'vni-changed' })
      this.comebacks.onPort(port)
    }
    this.hearing.onChange()
  }

  private attach(port: Port): void {
    this.attachments.add(port)
    this.hearing.onAttached(port.ifindex)
    this.comebacks.onPort(port)
  }

  private lose(ifindex: number, why: PortLoss): void {
    this.step({ type: 'port-lost', ifindex, reason: why })
  }

  /** Passes a change of the FPM view on to the table. */
  onFpmChange(change: FpmChange, view: FpmView): void {
    for (const update of fpmUpdatesOf(change, view, this.ports, this.table.views)) {
      this.step({ type: 'fpm', update })
    }
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
        if (change.type !== 'macip' || change.by !== 'bgpd' || change.ip === undefined || !change.gone) return
        const { vni, mac, ip } = change
        this.comebacks.onRouteGone({ vni, mac, ip })
      },
      onSynced: () => {
        this.restoring = false
        this.log.info({ bindings: this.table.size }, 'in step with the relay')
      },
      entries: () => this.entries(),
    }
  }

  private onHandedBack(entries: readonly Entry[]): void {
    const ports = new Map([...this.ports.ports.values()].map((port) => [port.name, port]))
    for (const entry of entries) {
      if (this.restoring) {
        this.comebacks.restore('relay', entry, ports.get(entry.port))
        continue
      }
      const binding = this.table.get(entry)
      if (binding === undefined || !isInOverlay(binding)) this.relay.remove(entry)
    }
  }

  private load(): void {
    const { stateFile: path, stateAgeMs } = this.options
    if (path === undefined) return
    const saved = loadState(path, BINDINGS_FORMAT, Date.now(), stateAgeMs, this.log)
    if (saved.length > 0) this.log.info({ file: path, bindings: saved.length }, 'bindings of an earlier run')
    this.comebacks.load(saved)
    this.stateFile = new StateFile(path, BINDINGS_FORMAT, () => this.saved(), this.log)
    this.saveTimer = setInterval(() => this.stateFile?.markChanged(), SAVE_MS)
  }

  private *saved(): Generator<SavedBinding> {
    for (const binding of this.table.bindings()) {
      if (!binding.isStatic && binding.phase !== 'duplicate') yield savedOf(binding)
    }
    for (const saved of this.comebacks.since(Date.now() - this.options.stateAgeMs)) {
      if (this.table.find(saved.vni, saved.ip) === undefined) yield saved
    }
  }

  private *entries(): Generator<Entry> {
    for (const binding of this.table.bindings()) {
      if (isInOverlay(binding)) yield entryOf(binding, this.policy.observe)
    }
  }

  /** Removes the bindings that an operator names, or ends what is frozen or held down; returns how many. */
  private clear({ what, vni, mac, ip }: ClearRequest): number {
    const isChosen = (it: Key): boolean =>
      (vni === undefined || it.vni === vni) &&
      (mac === undefined || it.mac === mac) &&
      (ip === undefined || it.ip === ip)
    const bindings = [...(what === 'duplicate' ? this.table.duplicates : this.table.bindings())].filter(isChosen)
    for (const key of bindings) this.step({ type: 'clear', what, key })
    if (what === 'binding') return bindings.length
    const heldDown = [...this.table.challengers.heldDown(monotonicMs())].map(({ claimed }) => claimed)
    // a host and its port may be held down for the same claim
    const claims = new Set(heldDown.filter(isChosen))
    for (const key of claims) this.step({ type: 'clear', what: 'held-down', key })
    return bindings.length + claims.size
  }

  private step(input: Input): void {
    const now = monotonicMs()
    for (const action of step(this.table, input, this.policy, now)) this.act(action, now)
    this.setTick()
  }

  private act(action: Action, now: number): void {
    switch (action.type) {
      case 'put':
        this.relay.put(action.entry)
        this.stateFile?.markChanged()
        return
      case 'remove':
        this.relay.remove(action.key)
        this.stateFile?.markChanged()
        return
      case 'forget':
        this.attachments.forget(action.anchor.ifindex, action.anchor.vlan, action.mac, action.ip)
        return
      case 'probe':
        this.questions.probe(action, now)
        return
      case 'ask-remote':
        this.questions.askRemote(action)
        return
      case 'remember':
        this.comebacks.remember(action.entry)
        return
      case 'event':
        this.history.add(action.event, now)
        this.alert(action.event)
    }
  }

  private alert({ event, key, port, detail }: Extract<Action, { type: 'event' }>['event']): void {
    const { holdDownMs } = this.policy.duplicates
    if (event === 'duplicate') this.log.warn({ port, also: detail, holdDownMs, ...key }, 'duplicate IP address')
    if (event === 'held-down')
      this.log.warn(
        { port, owner: detail, holdDownMs, ...key },
        'a host claims addresses of others, and is not believed',
      )
  }

  /** Arms the timer for the earliest time at which something may be due. */
  private setTick(): void {
    const next = this.table.timers.next()
    // late events of sockets being closed must not keep the process alive
    if (this.released || next === undefined || (this.tick !== undefined && this.tick.at <= next + TICK_MS)) return
    clearTimeout(this.tick?.timer)
    const expire = (): void => {
      this.tick = undefined
      this.step({ type: 'tick' })
    }
    const at = Math.max(next, monotonicMs() + TICK_MS)
    this.tick = { at, timer: setTimeout(expire, at - monotonicMs()) }
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
      mode: this.policy.observe ? 'observe' : 'announce',
      bindings: table.size,
      ...countStates(table, this.policy),
      ...heldDownOf(table, monotonicMs()),
      ports: [...this.ports.ports.values()].map((port) => portStatus(port, this)),
      bridgeFilters: [...this.filters.bridgeFilters],
      heedsFilters: this.options.heedFilters,
      frames: counters(this.source.counters()),
      refused: counters(table.refused),
      withdrawn: counters(table.withdrawn),
      events: counters(this.history.counters),
      probes: counters({ ...this.outlet?.counters, answered: table.answered, withheld: this.questions.withheld }),
      tunnel: counters(this.listener.counters),
      control: counters(this.control.counters),
      ageMs: this.policy.ageMs ?? 0,
      fpm: fpmStatusToProto(this.fpm),
    }
  }
}
