// A world of random events around a table: what happens is drawn as plain data, and made sense of when it is its turn.
// After every step the invariants are checked that hold whatever happens.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  type Binding,
  type Entry,
  entryOf,
  isInOverlay,
  isIpv6,
  type Key,
  type Anchor,
} from '../../src/bindings/model.js'
import type { Policy } from '../../src/bindings/policy.js'
import { reasonOf, REASONS, type State, type StateOrNone, stateOf, TRANSITIONS } from '../../src/bindings/state.js'
import type { Input } from '../../src/bindings/input.js'
import { type Action, step } from '../../src/bindings/step.js'
import { Table } from '../../src/bindings/table.js'
import type { Status } from '../../src/bindings/model.js'
import { evidence, restored, show } from './build.js'

export const AGEING = 30_000
const DAD_MS = 10_000
const VMS = ['02:00:00:00:00:01', '02:00:00:00:00:02', '02:00:00:00:00:03'] as const
const NEVER_MACS = ['01:00:00:00:00:01', '00:00:5e:00:01:07'] as const
const IPS = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '2001:db8::1', 'fe80::1'] as const
const STATUSES: readonly Status[] = [
  ...(['announced', 'announced', 'announced', 'shadowed', 'shadowed', 'shadowed'] as const),
  ...(['no-session', 'mac-not-local', 'remote', 'ip-conflict'] as const),
]
const PORTS = [1, 2, 3] as const
const STATIC = { vni: 100, mac: VMS[0], ip: '10.0.0.3', router: false }

const anchor = fc
  .record({ ifindex: fc.constantFrom(...PORTS), vlan: fc.constantFrom(0, 0, 0, 5) })
  .map(({ ifindex, vlan }): Anchor => ({ ifindex, port: `tap${ifindex}`, vlan, ageingMs: AGEING }))
/** A VLAN is a VNI. */
const vniOf = ({ vlan }: Anchor): number => (vlan === 0 ? 100 : 200)
const mac = fc.constantFrom(...VMS, ...VMS, ...VMS, ...NEVER_MACS)
const ip = fc.constantFrom(...IPS, ...IPS, '127.0.0.1')
const kind = fc.constantFrom('arp-request' as const, 'arp-reply' as const, 'na' as const, 'na' as const, 'ra' as const)
const isLearned = fc.constantFrom(false, false, true)
const frame = { kind, anchor, router: fc.boolean(), override: fc.boolean(), isLearned }
const pick = fc.nat(1000)

const command = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('say' as const), mac, ip, ...frame }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('answer' as const), pick, stays: fc.nat(4), ...frame }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('claim' as const), pick, mac, ...frame }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('ask' as const), pick, anchor, mac }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('own' as const),
      pick,
      selfMatch: fc.constantFrom('mac' as const, 'ip' as const, 'network' as const),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(0, 1, 400, 2000, 9000, 40_000) }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('wait-for-timer' as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('report' as const), pick, status: fc.constantFrom(...STATUSES) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      ...{ do: fc.constant('view' as const), by: fc.constantFrom('zebra' as const, 'bgpd' as const, 'bgpd' as const) },
      ...{ mac, ip: fc.option(ip, { nil: undefined }), gone: fc.boolean(), vni: fc.constantFrom(100, 100, 200) },
      ...{ flags: fc.constantFrom(0, 0, 0, 0, 0, 1, 2, 0x40), seq: fc.constantFrom(0, 1, 5, 0xffff_ffff) },
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      ...{ do: fc.constant('fpm-mac' as const), pick, mac, remote: fc.constantFrom(true, true, false) },
      ...{ vni: fc.constantFrom(100, 100, 200), known: fc.boolean() },
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('fpm-route' as const), pick, ip, known: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ do: 'fpm-none' as const }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('fdb' as const), pick, anchor, isClaim: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('remote-answer' as const), pick, mac, asked: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('claim-remote' as const), pick, ip, mac, again: fc.boolean(), ...frame }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      ...{ do: fc.constant('zebra-mac' as const), pick, gone: fc.constantFrom(true, false, false) },
      seq: fc.constantFrom(0, 1, 2, 5, 6),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('vni-gone' as const), vni: fc.constantFrom(100, 200) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      ...{ do: fc.constant('port' as const), ifindex: fc.constantFrom(...PORTS), up: fc.boolean() },
      ...{ vlan: fc.option(fc.constantFrom(0, 5), { nil: undefined }), gone: fc.boolean() },
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('relay' as const), up: fc.constantFrom(true, true, false) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      ...{
        do: fc.constant('restore' as const),
        from: fc.constantFrom('relay' as const, 'file' as const),
        mac,
        ip,
        anchor,
      },
      ...{ ago: fc.nat(50_000), minSeq: fc.nat(3), leads: fc.nat(9), again: fc.boolean() },
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('clear' as const),
      pick,
      what: fc.constantFrom('binding' as const, 'duplicate' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('static' as const), rarely: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'views-reset' as const }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('leave' as const), pick, isConflict: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unplug-claim' as const), pick, isOwner: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wander' as const), pick, times: fc.integer({ min: 1, max: 3 }) }),
  },
)
type Drawn<T> = T extends fc.Arbitrary<infer V> ? V : never
export type Command = Drawn<typeof command>
export const commands = fc.array(command, { minLength: 20, maxLength: 120, size: 'max' })

const nameOf = ({ vni, mac, ip }: Key): string => `${vni} ${mac} ${ip}`

export class World {
  readonly table = new Table()
  now = 0
  readonly log: string[] = []
  /** `transition aspect value`, as observed. */
  readonly covered = new Set<string>()
  /** What the relay holds. */
  private readonly overlay = new Map<string, Entry>()
  private readonly probes = new Map<number, number[]>()
  /** Asked while they were only remembered, and not seen since. */
  private readonly remembered = new Set<string>()
  private readonly askedAt = new Map<string, number>()
  /** Probes since its contest began, unless it has answered. */
  private readonly confirms = new Map<string, number>()
  private readonly lost = new Set<string>()
  private readonly gateways = new Map<string, Key>()

  /** `watch` hears every event before the table does. */
  constructor(
    private readonly policy: Policy,
    private readonly watch: (event: Input, now: number) => void = () => undefined,
  ) {}

  take(command: Command): void {
    const event = this.eventOf(command)
    if (event === 'wait') {
      const next = this.table.timers.next()
      this.pass(command.do === 'wait' ? this.now + command.ms : Math.max(this.now, next ?? this.now))
    } else if (event !== undefined) {
      this.step(event)
      this.pass(this.now)
    }
  }

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
    this.pass(this.now + 20 * AGEING + this.policy.duplicates.holdDownMs)
    const left = [...this.table.bindings()].filter(({ isStatic }) => !isStatic)
    assert.deepEqual(left, [], 'what is not seen again goes')
    for (const { size } of [this.table.contested, this.table.duplicates, this.table.occupancy]) assert.equal(size, 0)
  }

  private picked(pick: number): Binding | undefined {
    const bindings = [...this.table.bindings()]
    return bindings[pick % Math.max(1, bindings.length)]
  }

  private isLost({ ifindex, vlan }: Anchor): boolean {
    return this.lost.has(`${ifindex}`) || this.lost.has(`${ifindex} ${vlan}`)
  }

  private frame(changes: Parameters<typeof evidence>[0] & { anchor: Anchor }): Input {
    const anchor = this.isLost(changes.anchor) ? undefined : changes.anchor
    return evidence({
      vni: anchor && vniOf(anchor),
      ...changes,
      ...(anchor === undefined ? { anchor: undefined } : {}),
    })
  }

  private eventOf(command: Command): Input | 'wait' | undefined {
    switch (command.do) {
      case 'say': {
        const { mac, ip, kind, anchor, router, override } = command
        return this.frame({ mac, ip, kind, anchor, router, override })
      }
      case 'answer': {
        const binding = this.picked(command.pick)
        if (binding === undefined || binding.isStatic) return undefined
        const { kind, router, override, isLearned } = command
        const anchor = command.stays > 0 ? binding.anchor : command.anchor
        if (vniOf(anchor) !== binding.vni) return undefined
        const fdbPort = isLearned ? anchor.ifindex : undefined
        return this.frame({ kind, router, override, mac: binding.mac, ip: binding.ip, anchor, fdbPort })
      }
      case 'wander': {
        const binding = this.picked(command.pick)
        if (binding === undefined || binding.isStatic) return undefined
        const { mac, ip, anchor } = binding
        const behind = (away: number): Input => {
          const ifindex = PORTS[(anchor.ifindex - 1 + away) % PORTS.length] ?? PORTS[0]
          return this.frame({ mac, ip, kind: 'arp-request', anchor: { ...anchor, ifindex, port: `tap${ifindex}` } })
        }
        for (let away = 1; away < command.times; away++) this.step(behind(away))
        return behind(command.times)
      }
      case 'claim': {
        const binding = this.picked(command.pick)
        const { kind, router, mac, anchor } = command
        if (binding === undefined || vniOf(anchor) !== binding.vni) return undefined
        return this.frame({ kind, router, override: true, mac, ip: binding.ip, anchor })
      }
      case 'ask': {
        const binding = this.picked(command.pick)
        const isThere = binding !== undefined && !binding.isStatic && command.pick % 4 > 0
        const anchor = isThere ? binding.anchor : command.anchor
        const ip = binding?.ip ?? IPS[0]
        if (this.isLost(anchor) || (binding !== undefined && vniOf(anchor) !== binding.vni)) return undefined
        if (binding !== undefined) this.askedAt.set(`${binding.vni} ${ip} ${anchor.ifindex}`, this.now)
        return this.frame({ kind: isIpv6(ip) ? 'dad-ns' : 'arp-probe', mac: command.mac, ip, anchor })
      }
      case 'own': {
        const binding = this.picked(command.pick)
        if (binding === undefined) return undefined
        const { mac, ip, anchor, vni } = binding
        return evidence({ mac, ip, anchor, vni, selfMatch: command.selfMatch })
      }
      case 'wait':
      case 'wait-for-timer':
        return 'wait'
      case 'report': {
        const binding = this.picked(command.pick)
        if (binding === undefined || !this.table.relayConnected) return undefined
        // one that only a file remembers may still be in the relay's overlay
        if (!this.overlay.has(nameOf(binding)) && binding.confirmed) return undefined
        return { type: 'report', key: binding, status: command.status, seq: 0 }
      }
      case 'view': {
        if (!this.table.relayConnected) return undefined
        const { by, vni, mac, ip, gone, flags, seq } = command
        if (ip !== undefined) {
          const name = `${by} ${nameOf({ vni, mac, ip })}`
          if (!gone && flags === 2) this.gateways.set(name, { vni, mac, ip })
          else this.gateways.delete(name)
        }
        return { type: 'view', change: { type: 'macip', by, vni, mac, ip, gone, flags, seq } }
      }
      case 'vni-gone':
        for (const [name, { vni }] of this.gateways) if (vni === command.vni) this.gateways.delete(name)
        return { type: 'view', change: { type: 'vni', vni: command.vni, gone: true, tenantVrf: 0 } }
      case 'port': {
        const { ifindex, vlan, up, gone } = command
        const name = vlan === undefined ? `${ifindex}` : `${ifindex} ${vlan}`
        if (up || this.lost.has(name)) {
          this.lost.delete(name)
          return undefined
        }
        this.lost.add(name)
        if (vlan !== undefined) return { type: 'port-lost', ifindex, vlan, reason: 'vni-changed' }
        if (gone) this.probes.delete(ifindex)
        return { type: 'port-lost', ifindex, reason: gone ? 'port-gone' : 'port-down' }
      }
      case 'relay':
        if (command.up === this.table.relayConnected) return undefined
        if (command.up) {
          this.step({ type: 'relay', connected: true })
          this.gateways.clear()
          return { type: 'views-reset' }
        }
        return { type: 'relay', connected: false }
      case 'restore': {
        const { ago, minSeq, leads } = command
        const bindings = [...this.table.bindings()]
        const waiting = bindings.find(({ confirmed }) => !confirmed)
        const again = waiting !== undefined && command.again
        const from = again ? 'relay' : command.from
        // another address of a host that may not be announced
        const suppressedByFpm = bindings.find(({ suppressedByFpm, isStatic }) => suppressedByFpm && !isStatic)
        const host = command.again ? suppressedByFpm : undefined
        const { mac, ip, anchor } = again
          ? waiting
          : { ...command, ...(host && { mac: host.mac, anchor: host.anchor }) }
        const vni = vniOf(anchor)
        const key = { vni, mac, ip }
        const seen = this.now - ago
        const entry = { ...key, port: anchor.port, vlan: anchor.vlan, firstSeen: seen, lastSeen: seen, minSeq }
        const event = restored(entry, { from, anchor: leads > 0 && !this.isLost(anchor) ? anchor : undefined })
        if (event.type !== 'restored' || from === 'file') return event
        // what is known already is put anew, with all that has changed, once everything was handed back
        const known = this.table.get(key)
        const anew = known && { ...entryOf(known, false), minSeq: Math.max(known.minSeq, minSeq) }
        this.overlay.set(nameOf(key), anew ?? event.entry)
        return event
      }
      case 'clear': {
        const key = this.picked(command.pick)
        return key && { type: 'clear', what: command.what, key }
      }
      case 'static':
        return command.rarely === 0 && this.table.get(STATIC)?.isStatic !== true
          ? { type: 'static', bindings: [STATIC] }
          : undefined
      case 'views-reset':
        this.gateways.clear()
        return { type: 'views-reset' }
      case 'leave': {
        const binding = this.picked(command.pick)
        if (binding === undefined || !this.table.relayConnected || !this.overlay.has(nameOf(binding))) return undefined
        const { vni, mac, ip } = binding
        if (command.isConflict) {
          const other = mac === VMS[0] ? VMS[1] : VMS[0]
          this.gateways.delete(`bgpd ${nameOf({ vni, mac: other, ip })}`)
          const change = { by: 'bgpd', vni, mac: other, ip, gone: false, flags: 0, seq: binding.minSeq } as const
          const status = command.pick % 2 === 0 ? 'announced' : 'shadowed'
          this.step({ type: 'report', key: binding, status, seq: 0 })
          this.step({ type: 'view', change: { type: 'macip', ...change } })
          return { type: 'report', key: binding, status: 'remote', seq: 0 }
        }
        const change = { by: 'bgpd', vni, mac, ip: undefined, gone: false, flags: 0, seq: 1 } as const
        this.step({ type: 'view', change: { type: 'macip', ...change } })
        return { type: 'report', key: binding, status: 'mac-not-local', seq: 0 }
      }
      case 'fpm-mac': {
        const { vni, mac, remote, pick, known } = command
        const key = (known ? this.picked(pick) : undefined) ?? { vni, mac }
        return { type: 'fpm', update: { kind: 'mac', vni: key.vni, mac: key.mac, remote } }
      }
      case 'fpm-route': {
        const { vni, ip } = (command.known ? this.picked(command.pick) : undefined) ?? { vni: 100, ip: command.ip }
        return { type: 'fpm', update: { kind: 'host-route', vni, ip, vtep: '192.0.2.2' } }
      }
      case 'fdb': {
        const claims = [...this.table.contested].filter(({ mac, claim }) => claim?.mac === mac)
        const contested = command.isClaim ? claims[0] : undefined
        const binding = contested ?? this.picked(command.pick)
        const anchor = contested?.claim?.anchor ?? command.anchor
        if (binding === undefined || vniOf(anchor) !== binding.vni || this.isLost(anchor)) return undefined
        return { type: 'fdb', vni: binding.vni, mac: binding.mac, anchor }
      }
      case 'remote-answer': {
        const claiming = [...this.table.bindings()].filter(({ phase }) => phase === 'claiming')
        const binding = claiming[command.pick % Math.max(1, claiming.length)] ?? this.picked(command.pick)
        if (binding === undefined) return undefined
        const owner = command.asked ? this.table.views.competingRemote(binding)?.mac : undefined
        return { type: 'remote-answer', key: { ...binding, mac: owner ?? command.mac } }
      }
      case 'claim-remote': {
        if (!this.table.relayConnected) return undefined
        const { router, again } = command
        const bindings = [...this.table.bindings()].filter(({ isStatic }) => !isStatic)
        const remembered = bindings.find(({ confirmed }) => !confirmed)
        const suppressed = bindings.find(({ suppressedByFpm, ip }) => suppressedByFpm && ip !== command.ip)
        // another address of a host that may not be announced
        const host = suppressed && { mac: suppressed.mac, anchor: suppressed.anchor, ip: command.ip }
        const { ip, mac, anchor } = (again ? undefined : (remembered ?? host)) ?? command
        const vni = vniOf(anchor)
        const other = mac === VMS[0] ? VMS[1] : VMS[0]
        this.gateways.delete(`bgpd ${nameOf({ vni, mac: other, ip })}`)
        const change = { by: 'bgpd', vni, mac: other, ip, gone: false, flags: 0, seq: command.pick % 7 } as const
        this.step({ type: 'view', change: { type: 'macip', ...change } })
        const event = this.frame({ kind: 'arp-request', router, mac, ip, anchor })
        if (!again) return event
        this.step(event)
        // the answer to the first question decides nothing
        this.pass(this.now + (command.pick % 2) * this.policy.duplicates.confirmMs)
        return { type: 'remote-answer', key: { vni, mac: other, ip } }
      }
      case 'fpm-none':
        return { type: 'fpm', update: { kind: 'none' } }
      case 'zebra-mac': {
        const binding = this.picked(command.pick)
        if (binding === undefined || !this.table.relayConnected) return undefined
        const { vni, mac } = binding
        const { gone, seq } = command
        return { type: 'view', change: { type: 'macip', by: 'zebra', vni, mac, ip: undefined, gone, flags: 0, seq } }
      }
      case 'unplug-claim': {
        const { contested } = this.table
        const owner = [...contested][command.pick % Math.max(1, contested.size)]
        const anchor = command.isOwner ? owner?.anchor : owner?.claim?.anchor
        if (owner === undefined || anchor === undefined || this.isLost(anchor)) return undefined
        // the challenger may have to ask in the tunnel then
        if (command.isOwner && command.pick % 2 === 0 && this.table.relayConnected) {
          const { vni, mac, ip } = owner
          this.gateways.delete(`bgpd ${nameOf(owner)}`)
          const change = { by: 'bgpd', vni, mac, ip, gone: false, flags: 0, seq: 1 } as const
          this.step({ type: 'view', change: { type: 'macip', ...change } })
        }
        this.lost.add(`${anchor.ifindex}`)
        return { type: 'port-lost', ifindex: anchor.ifindex, reason: 'port-down' }
      }
    }
  }

  step(event: Input): void {
    const { table, policy, now } = this
    this.watch(event, now)
    const before = new Map([...table.bindings()].map((it) => [nameOf(it), { ...it, state: stateOf(it, table) }]))
    const wasRemote = new Set(
      [...table.bindings()].filter((it) => REASONS[reasonOf(it, table)].state === 'remote').map(nameOf),
    )
    const evicted = table.withdrawn['evicted-total'] + table.withdrawn['evicted-vni']
    const actions = step(table, event, policy, now)
    for (const action of actions) {
      this.log.push(`${now} ${show(action)}`)
      this.replay(action)
      if (action.type === 'event') this.checkEvent(action.event)
      if (action.type === 'probe') this.checkProbe(action, before, wasRemote)
    }
    this.checkStates(before, event)
    this.checkOverlay(event)
    this.checkBindings(event)
    this.checkIndices()
    if (table.withdrawn['evicted-total'] + table.withdrawn['evicted-vni'] > evicted) this.checkFairness(before, event)
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
    if (event === 'defended') this.confirms.delete(name)
    if (event !== 'withdrawn' || detail !== 'elsewhere') return
    assert.equal(this.confirms.get(name), 3, `${name} is given up without being asked`)
  }

  private checkOverlay(event: Input): void {
    const { table, overlay } = this
    for (const binding of table.bindings()) {
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
    const { now, policy } = this
    const name = nameOf({ vni: vniOf(anchor), mac, ip })
    const known = before.get(name)
    assert.ok(known !== undefined, 'a stranger is asked')
    assert.equal(known.anchor.ifindex, anchor.ifindex)
    assert.ok(!known.isStatic && known.phase !== 'duplicate')
    const asked = this.askedAt.get(`${known.vni} ${ip} ${anchor.ifindex}`) ?? -Infinity
    const sinceItWasThere = asked >= known.firstSeen && known.evidence !== 'restored'
    assert.ok(!sinceItWasThere || now >= asked + DAD_MS || this.unsure(known, asked), 'it is just asking itself')
    assert.ok(!wasRemote.has(name) || known.timer === 'remote-confirm', 'it is behind another VTEP')
    const confirms = this.confirms.get(name)
    if (confirms !== undefined) this.confirms.set(name, confirms + 1)
    if (known.timer === 'refresh' || known.timer === 'probe') {
      // one more if it was asked before a third of its age was over; a remembered one is asked thrice at once before
      if (!known.confirmed) this.remembered.add(name)
      else if (known.tries === 0) this.remembered.delete(name)
      const most = this.remembered.has(name) ? 6 : 4
      assert.ok(known.tries < most, 'three probes are enough')
    }
    const times = this.probes.get(anchor.ifindex) ?? []
    this.probes.set(anchor.ifindex, [...times, now])
    for (const [index, from] of times.entries()) {
      const sent = times.length + 1 - index
      const { perPort } = policy.probeRate
      if (perPort !== Infinity)
        assert.ok(sent <= ((now - from) / 1000) * perPort + perPort / 10 + 4, `${sent} probes in ${now - from} ms`)
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
