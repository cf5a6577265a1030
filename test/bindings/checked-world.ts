// A table in a world of any inputs: after every step the invariants are checked that hold whatever happens.
import assert from 'node:assert/strict'
import {
  type Anchor,
  type Binding,
  type Entry,
  entryOf,
  isInOverlay,
  isIpv6,
  type Key,
} from '../../src/bindings/model.js'
import type { Policy } from '../../src/bindings/policy.js'
import { reasonOf, REASONS, type State, type StateOrNone, stateOf, TRANSITIONS } from '../../src/bindings/state.js'
import type { Input } from '../../src/bindings/input.js'
import { type Action, step } from '../../src/bindings/step.js'
import { Table } from '../../src/bindings/table.js'
import { evidence, show } from './build.js'
import { AGEING, DAD_MS, PORTS, VMS, vniOf } from './commands.js'

export const nameOf = ({ vni, mac, ip }: Key): string => `${vni} ${mac} ${ip}`

export class CheckedWorld {
  readonly table = new Table()
  now = 0
  readonly log: string[] = []
  /** `transition aspect value`, as observed. */
  readonly covered = new Set<string>()
  /** What the relay holds. */
  protected readonly overlay = new Map<string, Entry>()
  protected readonly probes = new Map<number, number[]>()
  /** Asked while they were only remembered, and not seen since. */
  private readonly remembered = new Set<string>()
  protected readonly askedAt = new Map<string, number>()
  /** Probes since its contest began, unless it has answered. */
  private readonly confirms = new Map<string, number>()
  protected readonly lost = new Set<string>()
  /** Ports from which the bridge takes no frame. */
  protected readonly blocked = new Set<number>()
  /** Hosts that answer whatever they are asked, at once, until they leave. */
  protected answering: readonly { readonly host: Key; readonly until: number }[] = []
  /** Whose claims were defended: where they were made, and when. */
  private readonly defended = new Map<string, { port: string; at: number }>()
  protected readonly gateways = new Map<string, Key>()

  /** `watch` hears every event before the table does. */
  constructor(
    protected readonly policy: Policy,
    private readonly watch: (event: Input, now: number) => void = () => undefined,
  ) {}

  /** Every timer comes when it is due. */
  pass(until: number): void {
    let rounds = 0
    for (let next = this.table.timers.next(); next !== undefined && next <= until; next = this.table.timers.next()) {
      const at = Math.max(this.now, next)
      rounds = at === this.now ? rounds + 1 : 0
      assert.ok(rounds <= 4 + this.table.size, 'time stands still')
      this.now = at
      this.step({ type: 'tick' })
    }
    this.now = until
    for (const binding of this.table.bindings()) {
      const at = this.table.timers.at(binding)
      if (binding.isStatic) assert.equal(at, undefined)
      else assert.ok(at !== undefined && at > this.now, `${nameOf(binding)}: nothing is due, or overdue`)
    }
  }

  /** Nobody says anything any more. */
  end(): void {
    // nor does another node of a segment
    this.gateways.clear()
    this.step({ type: 'views-reset' })
    this.pass(this.now + 20 * AGEING + this.policy.duplicates.holdDownMs)
    const left = [...this.table.bindings()].filter(({ isStatic }) => !isStatic)
    assert.deepEqual(left, [], 'what is not seen again goes')
    for (const { size } of [this.table.contested, this.table.duplicates, this.table.occupancy]) assert.equal(size, 0)
  }

  protected isLost({ ifindex, vlan }: Anchor): boolean {
    return this.lost.has(`${ifindex}`) || this.lost.has(`${ifindex} ${vlan}`)
  }

  step(event: Input): void {
    const { table, policy, now } = this
    this.watch(event, now)
    const before = new Map([...table.bindings()].map((it) => [nameOf(it), { ...it, state: stateOf(it, table) }]))
    const wasRemote = new Set(
      [...table.bindings()].filter((it) => REASONS[reasonOf(it, table)].state === 'remote').map(nameOf),
    )
    const isRefused = event.type === 'evidence' && event.evidence.bridgeRefusal !== undefined
    const evicted = table.withdrawn['evicted-total'] + table.withdrawn['evicted-vni']
    const actions = step(table, event, policy, now)
    for (const action of actions) {
      this.log.push(`${now} ${show(action)}`)
      this.replay(action)
      if (action.type === 'event') this.checkEvent(action.event)
      if (action.type === 'probe') this.checkProbe(action, before, wasRemote)
    }
    if (isRefused) assert.ok(!actions.some(({ type }) => type !== 'event'), 'what the bridge drops teaches nothing')
    this.checkStates(before, event)
    this.checkOverlay(event)
    this.checkBindings(event)
    this.checkIndices()
    if (table.withdrawn['evicted-total'] + table.withdrawn['evicted-vni'] > evicted) this.checkFairness(before, event)
    this.answer(actions)
  }

  private answer(actions: readonly Action[]): void {
    for (const action of actions) {
      if (action.type !== 'probe') continue
      const vni = vniOf(action.anchor)
      const { mac, ip } = action
      const isThere = this.answering.some(
        ({ host, until }) => host.mac === mac && host.ip === ip && host.vni === vni && this.now < until,
      )
      if (!isThere) continue
      const kind = isIpv6(ip) ? 'na' : 'arp-reply'
      this.step(evidence({ kind, override: true, vni, mac, ip, anchor: action.anchor }))
    }
  }

  /** An IP never has two MACs in the overlay, not even between two actions. */
  private replay(action: Action): void {
    if (action.type === 'put') {
      const { vni, ip, mac } = action.entry
      for (const held of this.overlay.values()) {
        assert.ok(held.vni !== vni || held.ip !== ip || held.mac === mac, `${mac} is put before ${held.mac} is removed`)
      }
      this.overlay.set(nameOf(action.entry), action.entry)
    } else if (action.type === 'remove') this.overlay.delete(nameOf(action.key))
  }

  /** A route alone costs nobody an address: its host is asked, and heard. */
  private checkEvent({ event, key, detail }: Extract<Action, { type: 'event' }>['event']): void {
    const name = nameOf(key)
    if (event === 'contested') this.confirms.set(name, 0)
    if (event === 'defended') {
      this.confirms.delete(name)
      const [mac, port] = detail.split(' ')
      if (mac !== undefined && port !== undefined) this.defended.set(nameOf({ ...key, mac }), { port, at: this.now })
    }
    if (event !== 'withdrawn' || detail !== 'elsewhere') return
    assert.equal(this.confirms.get(name), 3, `${name} is given up without being asked`)
  }

  private checkOverlay(event: Input): void {
    const { table, overlay } = this
    for (const binding of table.bindings()) {
      if (binding.isProxied)
        assert.ok(binding.confirmed && !binding.isStatic, `${nameOf(binding)} was never heard here`)
      if (binding.suppressedByFpm)
        assert.ok(!overlay.has(nameOf(binding)), `${nameOf(binding)} is suppressedByFpm, and announced`)
    }
    if (event.type === 'fpm' && event.update.kind === 'none') {
      assert.ok(![...table.bindings()].some(({ suppressedByFpm }) => suppressedByFpm), 'suppressedByFpm without FPM')
    }
    const wanted = [...table.bindings()].filter(isInOverlay)
    assert.deepEqual([...overlay.keys()].sort(), wanted.map(nameOf).sort())
    for (const binding of wanted) {
      const { port, vlan, router } = entryOf(binding, false)
      const held = overlay.get(nameOf(binding))
      assert.deepEqual([held?.port, held?.vlan, held?.router], [port, vlan, router], 'the relay knows the latest')
      assert.ok(held !== undefined && held.minSeq >= binding.minSeq)
    }
  }

  private checkStates(before: ReadonlyMap<string, { state: State }>, event: Input): void {
    const after = new Map([...this.table.bindings()].map((it) => [nameOf(it), stateOf(it, this.table)]))
    for (const name of new Set([...before.keys(), ...after.keys()])) {
      const from: StateOrNone = before.get(name)?.state ?? 'unknown'
      const to: StateOrNone = after.get(name) ?? 'unknown'
      if (from === to) continue
      const ways = Object.entries(TRANSITIONS).filter(
        ([, it]) =>
          (it.from as readonly string[]).includes(from) &&
          (it.to as readonly string[]).includes(to) &&
          (it.by as readonly string[]).includes(event.type),
      )
      // its claim came to nothing when a probe was due: drop-claim and probe, in the same step
      if (event.type === 'tick' && from === 'contested' && to === 'probing') continue
      // heard again by this node alone, against another one's route: defend and claim, in the same step
      if (event.type === 'evidence' && from === 'contested' && to === 'claiming') continue
      // learned anew by the operator, in the same step
      if (event.type === 'static' && from !== 'unknown' && (to === 'pending' || to === 'remote')) continue
      assert.ok(ways.length > 0, `no transition from ${from} to ${to} by ${event.type}`)
      for (const [way] of ways) {
        for (const it of [`from ${from}`, `to ${to}`, `by ${event.type}`]) this.covered.add(`${way} ${it}`)
      }
    }
  }

  private checkBindings(event: Input): void {
    const { table, policy } = this
    const counts = new Map<string, number>()
    const count = (name: string): number => {
      const more = (counts.get(name) ?? 0) + 1
      counts.set(name, more)
      return more
    }
    let total = 0
    for (const binding of table.bindings()) {
      const { vni, mac, ip, anchor, phase, isStatic } = binding
      assert.ok(isStatic || (VMS as readonly string[]).includes(mac), `${mac} is never learned`)
      if (isStatic) continue
      assert.notEqual(ip, '127.0.0.1')
      for (const it of this.gateways.values()) {
        const isGateway = it.vni === vni && (it.mac === mac || it.ip === ip)
        assert.ok(!isGateway, 'a gateway is known')
      }
      assert.ok(phase === 'duplicate' || !this.isLost(anchor), `${phase} on a port that is lost, by ${event.type}`)
      assert.equal(vniOf(anchor), vni)
      const family = isIpv6(ip) ? 'ipv6' : 'ipv4'
      const { perMac, perPort, perVni } = policy.limits
      assert.ok(count(`mac ${vni} ${mac} ${family}`) <= perMac[family])
      assert.ok(count(`port ${anchor.ifindex} ${family}`) <= perPort[family])
      assert.ok(count(`vni ${vni}`) <= perVni)
      assert.ok(++total <= policy.limits.total)
      assert.equal(phase === 'contested', table.contested.has(binding))
      assert.equal(phase === 'duplicate', table.duplicates.has(binding))
      assert.ok(binding.moves.length <= policy.duplicates.moves, 'bounded')
      const { claim } = binding
      if (claim !== undefined && phase === 'contested') assert.ok(!this.isLost(claim.anchor), 'a claim from nowhere')
      assert.ok(claim === undefined || phase === 'contested' || phase === 'duplicate', 'a claim nobody decides about')
    }
  }

  private checkIndices(): void {
    const { table } = this
    const bindings = [...table.bindings()]
    const learned = bindings.filter(({ isStatic }) => !isStatic)
    assert.equal(table.size, bindings.length)
    assert.equal(table.occupancy.size, learned.length)
    const recount = (of: readonly Binding[], group: ReturnType<Table['ofMac']>): void => {
      assert.equal(group?.ipv6 ?? 0, of.filter(({ ip }) => isIpv6(ip)).length)
      assert.deepEqual(new Set(group?.bindings), new Set(of))
    }
    for (const vni of [100, 200]) {
      const ofVni = learned.filter((it) => it.vni === vni)
      assert.equal(table.ofVni(vni)?.size ?? 0, ofVni.length)
      for (const mac of VMS)
        recount(
          bindings.filter((it) => it.vni === vni && it.mac === mac),
          table.ofMac(vni, mac),
        )
      for (const ifindex of PORTS) {
        recount(
          ofVni.filter(({ anchor }) => anchor.ifindex === ifindex),
          table.ofVni(vni)?.onPort(ifindex),
        )
      }
    }
    for (const ifindex of PORTS) {
      recount(
        learned.filter(({ anchor }) => anchor.ifindex === ifindex),
        table.occupancy.onPort(ifindex),
      )
    }
    for (const binding of bindings) assert.equal(table.find(binding.vni, binding.ip), binding)
  }

  private checkProbe(
    { anchor, mac, ip }: Extract<Action, { type: 'probe' }>,
    before: ReadonlyMap<string, Binding>,
    wasRemote: ReadonlySet<string>,
  ): void {
    const { now } = this
    const name = nameOf({ vni: vniOf(anchor), mac, ip })
    const known = before.get(name)
    const asked = this.askedAt.get(`${vniOf(anchor)} ${ip} ${anchor.ifindex}`) ?? -Infinity
    this.checkRate(anchor.ifindex)
    if (known === undefined) {
      const claimed = this.defended.get(name)
      assert.ok(claimed?.port === anchor.port, 'a stranger is asked')
      assert.ok(asked <= claimed.at, 'it asks itself whether the address is free')
      assert.ok(!this.table.challengers.isHeldDown(anchor, mac, now), 'it is not believed')
      assert.ok(!this.isLost(anchor), 'its port is lost')
      return
    }
    assert.equal(known.anchor.ifindex, anchor.ifindex)
    assert.ok(!known.isStatic && known.phase !== 'duplicate')
    const sinceItWasThere = asked >= known.firstSeen && known.evidence !== 'restored'
    assert.ok(!sinceItWasThere || now >= asked + DAD_MS || this.unsure(known, asked), 'it is just asking itself')
    assert.ok(!wasRemote.has(name) || known.timer === 'remote-confirm', 'it is behind another VTEP')
    const confirms = this.confirms.get(name)
    if (confirms !== undefined) this.confirms.set(name, confirms + 1)
    if (known.timer === 'refresh' || known.timer === 'probe') {
      // one more if it was asked before a third of its age was over; a remembered one is asked ever less often until a third has passed
      if (!known.confirmed) this.remembered.add(name)
      else if (known.tries === 0) this.remembered.delete(name)
      const most = this.remembered.has(name) ? 11 : 4
      assert.ok(known.tries < most, 'it has been asked often enough')
    }
  }

  private checkRate(ifindex: number): void {
    const { now, policy } = this
    // besides the rate: what was reserved on a port that the host has left, and one of each kind ahead of its time
    const times = this.probes.get(ifindex) ?? []
    this.probes.set(ifindex, [...times, now])
    for (const [index, from] of times.entries()) {
      const sent = times.length + 1 - index
      const { perPort } = policy.probeRate
      if (perPort !== Infinity)
        assert.ok(sent <= ((now - from) / 1000) * perPort + perPort / 10 + 6, `${sent} probes in ${now - from} ms`)
    }
  }

  /** Whether the host may have come to the port only after somebody asked there. */
  private unsure({ dadUntil }: Binding, asked: number): boolean {
    return dadUntil < asked + DAD_MS
  }

  /** Whoever makes room still has at least as many as whom it makes room for. */
  private checkFairness(before: ReadonlyMap<string, Binding>, event: Input): void {
    const { table } = this
    const newcomer = [...table.bindings()].find((it) => !before.has(nameOf(it)))
    assert.ok(newcomer, `nobody came, by ${event.type}`)
    for (const [name, victim] of before) {
      const { vni, ip } = victim
      if (table.get(victim) !== undefined || (vni === newcomer.vni && ip === newcomer.ip)) continue
      const all = table.occupancy.onPort(victim.anchor.ifindex)?.bindings.size ?? 0
      const inVni = table.ofVni(vni)?.onPort(victim.anchor.ifindex)?.bindings.size ?? 0
      const has = table.occupancy.onPort(newcomer.anchor.ifindex)?.bindings.size ?? 0
      const hasInVni = table.ofVni(newcomer.vni)?.onPort(newcomer.anchor.ifindex)?.bindings.size ?? 0
      assert.ok(all >= has || (vni === newcomer.vni && inVni >= hasInVni), `${name} makes room for a fatter port`)
    }
  }
}
