// What the rules do to a binding: the part of the plainest form (reference.ts) that all inputs share.
import { type Anchor, type Evidence, type Key, newBinding, type Phase, type Status } from '../../src/bindings/model.js'
import type { Policy } from '../../src/bindings/policy.js'
import { AGEING } from './commands.js'
import { ReferenceViews } from './reference-views.js'

type Due = { what: 'ask' | 'give-up' | 'age' | 'confirm' | 'claim' | 'remote-confirm' | 'hold-down'; at: number }
type Claim = Pick<Evidence, 'mac' | 'router'> & { anchor: Anchor; at: number }
export type Known = Key & {
  anchor: Anchor
  router: boolean
  phase: Phase
  confirmed: boolean
  isStatic: boolean
  due: Due | undefined
  lastSeen: number
  /** From an earlier run, and not heard since. */
  isUnheard: boolean
  tries: number
  quiet: { since: number; until: number }
  claim: Claim | undefined
  moves: number[]
  tookAt: number
  wasAnnounced: boolean
  minSeq: number
  report: { status: Status; connection: number } | undefined
  suppressedByFpm: boolean
  isProxied: boolean
  third: number
}

/** Its claim was defended, and it is asked again. */
type Rival = Key & { anchor: Anchor; tries: number; due: number | undefined; askedAt: number }

export class ReferenceTable {
  rivals: Rival[] = []
  known: Known[] = []
  protected readonly views = new ReferenceViews()
  protected connection = 0
  protected connected = false
  /** Port and MAC, or a port → when what it claims was defended, and until when it is not believed. */
  protected readonly charges = new Map<string, { at: number[]; until: number }>()

  constructor(protected readonly policy: Policy) {}

  find(vni: number, ip: string): Known | undefined {
    return this.known.find((it) => it.vni === vni && it.ip === ip)
  }

  /** The relay says so at the moment. */
  protected isBeaten({ report, suppressedByFpm }: Known): boolean {
    return this.connected && !suppressedByFpm && report?.connection === this.connection && report.status === 'remote'
  }

  protected get canAsk(): boolean {
    return this.policy.probes === 'send'
  }

  /** It was announced first, and has not lost the address too often since. */
  protected insists({ wasAnnounced, tookAt, moves }: Known, now: number): boolean {
    const since = now - this.policy.duplicates.windowMs
    return wasAnnounced && tookAt <= since && moves.filter((at) => at > since).length < this.policy.duplicates.moves
  }

  protected claim(it: Known, now: number): void {
    it.phase = 'claiming'
    it.report = undefined
    it.tries = 1
    it.due = { what: 'claim', at: now + this.policy.duplicates.confirmMs / 3 }
  }

  protected settle(it: Known, now: number): void {
    const competingRemote = this.views.competingRemote(it)
    it.phase = 'known'
    it.tries = 0
    if (competingRemote !== undefined) {
      it.minSeq = Math.max(it.minSeq, competingRemote + 1)
      it.tookAt = now
      if (this.moved(it, now)) return
    }
    this.forgetRival(it)
    this.askLater(it)
  }

  protected follow(it: Known, { anchor, at }: Claim): void {
    it.phase = 'known'
    it.claim = undefined
    it.tries = 0
    it.anchor = anchor
    it.lastSeen = Math.max(it.lastSeen, at)
    this.askLater(it)
  }

  protected charge({ ifindex }: Anchor, mac: string, now: number): void {
    const { moves, windowMs, holdDownMs, confirmMs } = this.policy.duplicates
    for (const [name, most] of [
      [`${ifindex} ${mac}`, moves],
      [`${ifindex}`, 10 * moves],
    ] as const) {
      const charge = this.charges.get(name) ?? { at: [], until: -Infinity }
      this.charges.set(name, charge)
      charge.at = charge.at.filter((at) => at > now - windowMs)
      if (charge.at.every((at) => at <= now - confirmMs)) charge.at.push(now)
      if (charge.until <= now && charge.at.length >= most) Object.assign(charge, { at: [], until: now + holdDownMs })
    }
  }

  /** It was asked lately, and that was its answer; or it is charged, and asked in a second. */
  protected repel(vni: number, ip: string, { mac, anchor }: Pick<Claim, 'mac' | 'anchor'>, now: number): void {
    const known = this.rivals.find((it) => it.vni === vni && it.mac === mac && it.ip === ip)
    const { confirmMs } = this.policy.duplicates
    if (known?.anchor.ifindex === anchor.ifindex && known.askedAt > now - 2 * confirmMs) {
      known.askedAt = -Infinity
      return
    }
    this.charge(anchor, mac, now)
    this.rivals = this.rivals.filter((it) => it !== known)
    if (!this.isHeldDown(anchor, mac, now))
      this.rivals.push({ vni, mac, ip, anchor, tries: 0, due: now + 500, askedAt: -Infinity })
  }

  /** Nobody has the address any more, here or elsewhere. */
  protected askRivals(vni: number, ip: string, now: number): void {
    for (const it of this.rivals)
      if (it.vni === vni && it.ip === ip && this.views.competingRemote(it) === undefined) it.due = now
  }

  protected onRivalDue(rival: Rival, now: number): void {
    if (!this.rivals.includes(rival)) return
    rival.due = undefined
    const { vni, mac, ip, anchor } = rival
    const it = this.find(vni, ip)
    const isDeciding = it?.phase === 'claiming' || it?.phase === 'contested'
    if (isDeciding && !this.isHeldDown(anchor, mac, now)) {
      rival.due = now + 1000
      return
    }
    const hasIt = it?.mac === mac || it?.isStatic === true || it?.phase === 'duplicate'
    if (hasIt || this.isHeldDown(anchor, mac, now)) this.forgetRival(rival)
    else {
      rival.tries += 1
      rival.askedAt = now
      if (rival.tries < 3) rival.due = now + 1000 * rival.tries
      else if (it === undefined && this.views.competingRemote(rival) === undefined) this.forgetRival(rival)
    }
  }

  protected forgetRival({ vni, mac, ip }: Key): void {
    this.rivals = this.rivals.filter((it) => it.vni !== vni || it.mac !== mac || it.ip !== ip)
  }

  protected isHeldDown({ ifindex }: Anchor, mac: string, now: number): boolean {
    return [`${ifindex} ${mac}`, `${ifindex}`].some((name) => (this.charges.get(name)?.until ?? now) > now)
  }

  protected learn(vni: number, ip: string, { mac, anchor, router, at }: Claim, now: number, former?: Known): void {
    const seq = this.views.competingRemote({ vni, mac, ip })
    const wasAsked =
      former?.phase === 'contested' && this.views.isBest(former, seq, mac) && this.views.isOnSegment(former)
    const isRemote = seq !== undefined && !wasAsked
    if (isRemote && this.canAsk && this.isHeldDown(anchor, mac, now)) return
    const it = this.add({ vni, mac, ip, anchor, router, lastSeen: at })
    if (former !== undefined) {
      it.moves = former.moves
      if (!isRemote && this.moved(it, now)) return
    }
    if (isRemote && this.canAsk) this.claim(it, now)
    else if (seq !== undefined && wasAsked) {
      Object.assign(it, { minSeq: seq + 1, tookAt: now })
      this.forgetRival(it)
      this.askLater(it)
    } else this.settle(it, now)
  }

  protected contest(it: Known, claim: Claim, now: number): void {
    if (it.phase === 'claiming') {
      if (it.tries === 1 || !this.views.isSynced({ vni: it.vni, mac: claim.mac, ip: it.ip })) return
      this.drop(it, now)
      this.repel(it.vni, it.ip, it, now)
      this.learn(it.vni, it.ip, claim, now)
      return
    }
    if (it.phase === 'contested') {
      if (it.claim === undefined || it.claim.mac === claim.mac) it.claim = claim
    } else if (claim.mac !== it.mac && this.isHeldDown(claim.anchor, claim.mac, now)) return
    else if (!this.canAsk || !it.confirmed || this.isRemote(it)) {
      this.drop(it, now)
      this.learn(it.vni, it.ip, claim, now, it)
    } else this.ask(it, claim, now)
  }

  protected ask(it: Known, claim: Claim | undefined, now: number): void {
    it.phase = 'contested'
    it.claim = claim
    it.tries = 1
    it.due = { what: 'confirm', at: now + this.policy.duplicates.confirmMs / 3 }
  }

  protected keep(it: Known): void {
    it.phase = 'known'
    it.claim = undefined
    it.tries = 0
    this.askLater(it)
  }

  protected countMove(it: Known, now: number): void {
    const { moves, windowMs } = this.policy.duplicates
    it.moves = [...it.moves.filter((at) => at > now - windowMs), now].slice(-moves)
  }

  protected moved(it: Known, now: number): boolean {
    const { moves, holdDownMs } = this.policy.duplicates
    this.countMove(it, now)
    if (it.moves.length < moves) return false
    it.phase = 'duplicate'
    it.due = { what: 'hold-down', at: now + holdDownMs }
    return true
  }

  protected askLater(it: Known): void {
    it.due = { what: 'ask', at: it.lastSeen + it.third }
  }

  protected add(seed: Key & Pick<Known, 'anchor' | 'router' | 'lastSeen'> & Partial<Known>): Known {
    const { jitter } = newBinding({ evidence: 'static', firstSeen: 0, ...seed })
    const it: Known = {
      ...{ phase: 'known', confirmed: true, isStatic: false, due: undefined, tries: 0, claim: undefined, moves: [] },
      ...{ tookAt: -Infinity, wasAnnounced: false, isUnheard: false, isProxied: false },
      ...{ quiet: { since: -Infinity, until: -Infinity }, minSeq: 0, report: undefined, third: (AGEING / 3) * jitter },
      ...{ suppressedByFpm: this.views.isSuppressedByFpm(seed), ...seed },
    }
    this.known.push(it)
    return it
  }

  protected drop(it: Known, now: number): void {
    this.known = this.known.filter((other) => other !== it)
    this.askRivals(it.vni, it.ip, now)
  }

  protected isNever(vni: number, mac: string, ip: string): boolean {
    return mac.startsWith('00:00:5e:00:01:') || this.views.isGateway(vni, mac, ip)
  }

  protected isRemote({ vni, mac, confirmed, suppressedByFpm, isProxied, report }: Known): boolean {
    if (!confirmed || isProxied || !this.connected) return false
    if (suppressedByFpm) return true
    if (report?.connection !== this.connection) return false
    if (report.status === 'remote') return true
    return report.status === 'mac-not-local' && this.views.isRoutedElsewhere(vni, mac)
  }
}
