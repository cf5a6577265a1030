// The bindings and their indices: one per (VNI, IP), found by MAC and by port.
import { type Binding, isIpv6, type Key, type TimerName } from './model.js'
import { Challengers } from './challengers.js'
import { DepartedRoutes } from './departed.js'
import { PortOccupancy, BindingSet } from './port-occupancy.js'
import { Deadlines } from '../base/deadlines.js'
import { ProbeRateLimiter } from '../base/probe-rate-limiter.js'
import { zeros } from '../base/zeros.js'
import { CONFIRM_BURST_MS, REFRESH_BURST_MS } from './probe-rates.js'
import { REFUSALS, type Refusal } from './refusal.js'
import { type Rival, Rivals } from './rivals.js'
import { UnheardClaims } from './unheard-claims.js'
import { AnnouncedViews, type MacKey } from './views.js'

/** Maps each reason for a withdrawal, besides the refusals, to its meaning. */
export const WITHDRAWALS = {
  aged: 'not seen for the configured age, and no probe was answered',
  'port-down': 'the port went down',
  'port-gone': 'the port left its bridge or was removed',
  'vni-changed': 'the port and VLAN now belong to another VNI, or to none',
  'other-mac': 'another MAC address took over the IP address',
  elsewhere: 'zebra routes the IP address to another VTEP, and the host did not answer',
  'hold-down': 'it was a duplicate, and the hold-down time is over',
  cleared: 'an operator cleared it',
  'evicted-vni': 'the VNI is full, and its port has more bindings than any other',
  'evicted-total': 'the table is full, and its port has more bindings than any other',
} as const
export type Withdrawal = keyof typeof WITHDRAWALS | Refusal

type Vni = { readonly byIp: Map<string, Binding>; readonly occupancy: PortOccupancy }

export class Table {
  readonly views = new AnnouncedViews()
  readonly timers = new Deadlines<Binding | Rival>()
  readonly refreshLimiter = new ProbeRateLimiter<number>(REFRESH_BURST_MS)
  readonly confirmLimiter = new ProbeRateLimiter<number>(CONFIRM_BURST_MS)
  /** Counts refused evidence by reason. */
  readonly refused: Record<Refusal, number> = zeros(REFUSALS)
  readonly withdrawn: Record<Withdrawal, number> = zeros({ ...WITHDRAWALS, ...REFUSALS })
  /** Counts hosts that answered probes. */
  answered = 0
  /** Who claims addresses whose owners answer. */
  readonly challengers = new Challengers()
  /** Claims of challengers that are held down. */
  readonly unheard = new UnheardClaims()
  /** Whose claims were defended, and are asked again. */
  readonly rivals = new Rivals(this.timers)
  /** Remote routes that are gone. */
  readonly departed = new DepartedRoutes()
  /** The frozen bindings. */
  readonly duplicates = new Set<Binding>()
  /** The bindings whose owners are being asked. */
  readonly contested = new Set<Binding>()
  /** Every binding except the static ones, by port. */
  readonly occupancy = new PortOccupancy()
  /** Counts connections to the relay: reports of earlier ones are not valid any more. */
  connection = 0
  relayConnected = false
  private now = -Infinity
  private readonly vnis = new Map<number, Vni>()
  private readonly byMac = new Map<string, BindingSet>()
  private count = 0

  get size(): number {
    return this.count
  }

  /** Moves the table's time on to `now`, never back; returns it. */
  advance(now: number): number {
    this.now = Math.max(this.now, now)
    return this.now
  }

  /** Returns the binding of an IP, whatever its MAC. */
  find(vni: number, ip: string): Binding | undefined {
    return this.vnis.get(vni)?.byIp.get(ip)
  }

  /** Returns the binding of exactly this MAC and IP. */
  get({ vni, mac, ip }: Key): Binding | undefined {
    const binding = this.find(vni, ip)
    return binding?.mac === mac ? binding : undefined
  }

  /** The table may change while a caller pauses between two bindings. */
  *bindings(): Generator<Binding> {
    for (const { byIp } of this.vnis.values()) yield* byIp.values()
  }

  ofMac(vni: number, mac: string): BindingSet | undefined {
    return this.byMac.get(macKey(vni, mac))
  }

  /** IPs of a MAC that is, or was not long ago, behind another VTEP. */
  ipsElsewhere(key: MacKey): string[] {
    const { vni, mac } = key
    return [...new Set([...this.views.remoteIpsOf(vni, mac), ...this.departed.of(key, this.now)])]
  }

  onPort(ifindex: number): ReadonlySet<Binding> {
    return this.occupancy.onPort(ifindex)?.bindings ?? NONE
  }

  ofVni(vni: number): PortOccupancy | undefined {
    return this.vnis.get(vni)?.occupancy
  }

  /** Adds a binding; its IP must be free. */
  add(binding: Binding): void {
    const v6 = isIpv6(binding.ip)
    let vni = this.vnis.get(binding.vni)
    if (vni === undefined) {
      vni = { byIp: new Map(), occupancy: new PortOccupancy() }
      this.vnis.set(binding.vni, vni)
    }
    vni.byIp.set(binding.ip, binding)
    binding.suppressedByFpm = this.views.isSuppressedByFpm(binding.vni, binding.mac)
    if (!binding.isStatic) {
      vni.occupancy.add(binding, v6)
      this.occupancy.add(binding, v6)
    }
    const key = macKey(binding.vni, binding.mac)
    let group = this.byMac.get(key)
    if (group === undefined) {
      group = new BindingSet()
      this.byMac.set(key, group)
    }
    group.bindings.add(binding)
    if (v6) group.ipv6 += 1
    this.count += 1
  }

  remove(binding: Binding): void {
    const v6 = isIpv6(binding.ip)
    const vni = this.vnis.get(binding.vni)
    vni?.byIp.delete(binding.ip)
    vni?.occupancy.remove(binding, v6)
    if (vni?.byIp.size === 0) this.vnis.delete(binding.vni)
    this.occupancy.remove(binding, v6)
    const key = macKey(binding.vni, binding.mac)
    const group = this.byMac.get(key)
    if (group?.bindings.delete(binding) === true && v6) group.ipv6 -= 1
    if (group?.bindings.size === 0) this.byMac.delete(key)
    binding.timer = undefined
    this.timers.delete(binding)
    this.duplicates.delete(binding)
    this.contested.delete(binding)
    this.count -= 1
  }

  /** Marks a binding as just seen, at `anchor`, which may be a new one. */
  touch(binding: Binding, anchor: Binding['anchor']): void {
    if (binding.isStatic) return
    const occupancy = this.ofVni(binding.vni)
    if (anchor.ifindex === binding.anchor.ifindex) {
      binding.anchor = anchor
      occupancy?.touch(binding)
      this.occupancy.touch(binding)
      return
    }
    const v6 = isIpv6(binding.ip)
    occupancy?.remove(binding, v6)
    this.occupancy.remove(binding, v6)
    binding.anchor = anchor
    occupancy?.add(binding, v6)
    this.occupancy.add(binding, v6)
  }

  /** Sets the one deadline of a binding, in place of an earlier one. */
  setTimer(binding: Binding, name: TimerName, at: number): void {
    binding.timer = name
    this.timers.set(binding, at)
  }
}

const NONE: ReadonlySet<Binding> = new Set()

const macKey = (vni: number, mac: string): string => `${vni} ${mac}`
