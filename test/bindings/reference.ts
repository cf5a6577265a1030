// The rules in their plainest form: no indices, no limits, no pace, nothing shared with the code but the events. What
// is due is found by looking at everything.
import { type Entry, type Evidence, type Key, newBinding, type Phase, type Anchor } from '../../src/bindings/model.js'
import type { Policy } from '../../src/bindings/policy.js'
import type { Input } from '../../src/bindings/input.js'
import type { Status } from '../../src/bindings/model.js'
import { AGEING } from './world.js'

type Due = { what: 'ask' | 'give-up' | 'age' | 'confirm' | 'claim' | 'remote-confirm' | 'hold-down'; at: number }
type Claim = Pick<Evidence, 'mac' | 'router'> & { anchor: Anchor; at: number }
type Known = Key & {
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
  third: number
}
type Route = { by: string; vni: number; mac: string; ip: string | undefined; flags: number; seq: number }

export class Reference {
  known: Known[] = []
  private routes: Route[] = []
  private connection = 0
  private connected = false
  /** VNI and MAC of what zebra has programmed as remote → the highest sequence number of its routes since. */
  private programmed = new Map<string, number>()
  /** Port and MAC, or a port → when what it claims was defended, and until when it is not believed. */
  private readonly charges = new Map<string, { at: number[]; until: number }>()
  /** VNI and MAC → the highest sequence number of its remote routes, since it has any. */
  private readonly highest = new Map<string, number>()

  constructor(private readonly policy: Policy) {}

  apply(event: Input, now: number): void {
    this.take(event, now)
    for (const it of this.known) {
      const suppressedByFpm = this.isSuppressedByFpm(it)
      if (it.suppressedByFpm === suppressedByFpm) continue
      it.suppressedByFpm = suppressedByFpm
      it.report = undefined
      if (it.due?.what === 'age' && !this.isRemote(it)) this.askLater(it)
    }
  }

  private take(event: Input, now: number): void {
    switch (event.type) {
      case 'evidence':
        this.hear(event.evidence, now)
        return
      case 'port-renamed':
        for (const it of this.known)
          if (it.anchor.ifindex === event.ifindex) it.anchor = { ...it.anchor, port: event.port }
        return
      case 'fdb': {
        const { vni, mac, anchor } = event
        for (const it of this.known.filter((it) => it.vni === vni && it.mac === mac && !it.isStatic)) {
          if (!it.confirmed && this.canAsk) Object.assign(it, { tries: 0, due: { what: 'ask', at: now } })
          if (it.phase === 'duplicate' || it.anchor.ifindex === anchor.ifindex) continue
          if (it.phase === 'contested' && it.claim?.mac === mac) this.follow(it, it.claim)
          it.anchor = anchor
        }
        return
      }
      case 'port-lost': {
        const { ifindex, vlan } = event
        const isLost = (anchor: Anchor | undefined): boolean =>
          anchor?.ifindex === ifindex && (vlan === undefined || vlan === anchor.vlan)
        for (const it of this.known) if (it.phase === 'contested' && isLost(it.claim?.anchor)) this.keep(it)
        for (const it of this.known.filter(({ anchor, phase }) => phase !== 'duplicate' && isLost(anchor))) {
          if (it.phase === 'contested' && it.claim?.mac === it.mac) {
            this.follow(it, it.claim)
            continue
          }
          this.drop(it)
          if (it.phase === 'contested' && it.claim !== undefined && !this.isNever(it.vni, it.claim.mac, it.ip)) {
            this.learn(it.vni, it.ip, it.claim, now)
          }
        }
        return
      }
      case 'restored':
        this.restore(event, now)
        return
      case 'static':
        for (const { vni, mac, ip, router } of event.bindings) {
          const anchor = { ifindex: 0, port: '', vlan: 0, ageingMs: 0 }
          this.known = this.known.filter((it) => it.vni !== vni || it.ip !== ip)
          this.add({ vni, mac, ip, anchor, router, isStatic: true, lastSeen: now })
        }
        return
      case 'relay':
        if (event.connected) this.connection += 1
        this.connected = event.connected
        return
      case 'report':
        this.onReport(event.key, event.status, now)
        return
      case 'view': {
        const { change } = event
        const { vni } = change
        if (change.type === 'vni') {
          this.routes = this.routes.filter((it) => it.vni !== vni)
          for (const all of [this.programmed, this.highest])
            for (const name of [...all.keys()]) if (name.startsWith(`${vni} `)) all.delete(name)
          return
        }
        const { by, mac, ip, gone } = change
        this.routes = this.routes.filter((it) => it.by !== by || it.vni !== vni || it.mac !== mac || it.ip !== ip)
        if (!gone) this.routes.push(change)
        this.compare(change)
        this.known = this.known.filter((it) => it.isStatic || !this.isGateway(it.vni, it.mac, it.ip))
        const claiming = ip === undefined ? undefined : this.find(vni, ip)
        if (gone && claiming?.phase === 'claiming' && this.competingRemote(claiming) === undefined) {
          this.settle(claiming, now)
        }
        return
      }
      case 'views-reset':
        this.routes = []
        this.highest.clear()
        return
      case 'fpm': {
        const { update } = event
        if (update.kind === 'none') this.programmed.clear()
        else if (update.kind === 'mac') {
          const name = `${update.vni} ${update.mac}`
          const seq = Math.max(this.programmed.get(name) ?? 0, this.highest.get(name) ?? 0)
          if (update.remote) this.programmed.set(name, seq)
          else this.programmed.delete(name)
        } else {
          const it = this.find(update.vni, update.ip)
          const isFree = it?.confirmed === true && !it.isStatic && (it.phase === 'known' || it.phase === 'probing')
          if (isFree && !this.isRemote(it) && it.quiet.until <= now) this.ask(it, undefined, now)
        }
        return
      }
      case 'remote-answer': {
        const { vni, mac, ip } = event.key
        const it = this.find(vni, ip)
        const isRoute = this.routes.some((of) => of.by === 'bgpd' && of.vni === vni && of.mac === mac && of.ip === ip)
        if (it?.phase !== 'claiming' || !isRoute || it.mac === mac) return
        this.drop(it)
        this.charge(it.anchor, it.mac, now)
        return
      }
      case 'clear': {
        const it = this.find(event.key.vni, event.key.ip)
        if (it?.mac !== event.key.mac || it.isStatic) return
        if (it.phase === 'duplicate' || event.what === 'binding') this.drop(it)
        return
      }
      case 'tick':
        for (const it of this.known.filter(({ due }) => due !== undefined && due.at <= now)) this.onDue(it, now)
    }
  }

  find(vni: number, ip: string): Known | undefined {
    return this.known.find((it) => it.vni === vni && it.ip === ip)
  }

  private hear({ kind, mac, ip, vni, anchor, router, override, selfMatch, fdbPort }: Evidence, now: number): void {
    const it = vni === undefined ? undefined : this.find(vni, ip)
    if (kind === 'arp-probe' || kind === 'dad-ns') {
      if (it === undefined || it.anchor.ifindex !== anchor?.ifindex) return
      if (it.quiet.until <= now) it.quiet.since = now
      it.quiet.until = now + 10_000
      return
    }
    if (anchor === undefined || vni === undefined) return
    if (mac.startsWith('01') || ip === '127.0.0.1') return
    if (selfMatch !== undefined) {
      if (it !== undefined && !it.isStatic && (selfMatch !== 'mac' || it.mac === mac)) this.drop(it)
      return
    }
    if (this.isNever(vni, mac, ip) || it?.phase === 'duplicate') return
    const saysRouter = kind === 'na' || kind === 'ra'
    const claim = { mac, anchor, router: saysRouter && router, at: now }
    if (it === undefined) {
      this.learn(vni, ip, claim, now)
      return
    }
    if (it.mac !== mac) {
      if (!it.isStatic && (kind !== 'na' || override)) this.contest(it, claim, now)
      return
    }
    if (it.isStatic) return
    const isElsewhere = it.anchor.ifindex !== anchor.ifindex
    const canBeAsked = it.confirmed && this.canAsk && it.phase !== 'claiming' && !this.isRemote(it)
    if (isElsewhere && canBeAsked && fdbPort !== anchor.ifindex) {
      this.contest(it, claim, now)
      return
    }
    it.lastSeen = now
    it.isUnheard = false
    it.anchor = anchor
    const isFirst = !it.confirmed
    it.confirmed = true
    if (saysRouter) it.router = router
    if (it.phase === 'contested' && it.claim !== undefined) this.charge(it.claim.anchor, it.claim.mac, now)
    if (it.phase === 'claiming') return
    it.phase = 'known'
    it.claim = undefined
    it.tries = 0
    const competingRemote = this.competingRemote(it)
    if (isFirst) {
      if (competingRemote !== undefined && this.canAsk) {
        it.confirmed = !this.isHeldDown(anchor, mac, now)
        if (it.confirmed) this.claim(it, now)
        return
      }
    } else if (this.isBeaten(it) && competingRemote !== undefined && competingRemote >= it.minSeq) {
      if (this.canAsk && !this.insists(it, now)) {
        if (!this.isHeldDown(anchor, mac, now)) {
          this.claim(it, now)
          return
        }
      } else {
        it.minSeq = competingRemote + 1
        this.countMove(it, now)
      }
    }
    this.askLater(it)
  }

  /** The relay says so at the moment. */
  private isBeaten({ report, suppressedByFpm }: Known): boolean {
    return this.connected && !suppressedByFpm && report?.connection === this.connection && report.status === 'remote'
  }

  private get canAsk(): boolean {
    return this.policy.probes === 'send'
  }

  /** It was announced first, and has not lost the address too often since. */
  private insists({ wasAnnounced, tookAt, moves }: Known, now: number): boolean {
    const since = now - this.policy.duplicates.windowMs
    return wasAnnounced && tookAt <= since && moves.filter((at) => at > since).length < this.policy.duplicates.moves
  }

  private claim(it: Known, now: number): void {
    it.phase = 'claiming'
    it.report = undefined
    it.tries = 1
    it.due = { what: 'claim', at: now + this.policy.duplicates.confirmMs / 2 }
  }

  private settle(it: Known, now: number): void {
    const competingRemote = this.competingRemote(it)
    it.phase = 'known'
    it.tries = 0
    if (competingRemote !== undefined) {
      it.minSeq = Math.max(it.minSeq, competingRemote + 1)
      it.tookAt = now
      if (this.moved(it, now)) return
    }
    this.askLater(it)
  }

  private follow(it: Known, { anchor, at }: Claim): void {
    it.phase = 'known'
    it.claim = undefined
    it.tries = 0
    it.anchor = anchor
    it.lastSeen = Math.max(it.lastSeen, at)
    this.askLater(it)
  }

  private charge({ ifindex }: Anchor, mac: string, now: number): void {
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

  private isHeldDown({ ifindex }: Anchor, mac: string, now: number): boolean {
    return [`${ifindex} ${mac}`, `${ifindex}`].some((name) => (this.charges.get(name)?.until ?? now) > now)
  }

  private learn(vni: number, ip: string, { mac, anchor, router, at }: Claim, now: number, former?: Known): void {
    const seq = this.competingRemote({ vni, mac, ip })
    const wasAsked = former?.phase === 'contested' && this.isBest(former, seq) && this.isSynced(former)
    const isRemote = seq !== undefined && !wasAsked
    if (isRemote && this.canAsk && this.isHeldDown(anchor, mac, now)) return
    const it = this.add({ vni, mac, ip, anchor, router, lastSeen: at })
    if (former !== undefined) {
      it.moves = former.moves
      if (this.moved(it, now)) return
    }
    if (isRemote && this.canAsk) this.claim(it, now)
    else if (seq !== undefined && wasAsked) {
      Object.assign(it, { minSeq: seq + 1, tookAt: now })
      this.askLater(it)
    } else this.settle(it, now)
  }

  private contest(it: Known, claim: Claim, now: number): void {
    if (it.phase === 'claiming') {
      if (!this.isSynced({ vni: it.vni, mac: claim.mac, ip: it.ip })) return
      this.drop(it)
      this.charge(it.anchor, it.mac, now)
      this.learn(it.vni, it.ip, claim, now)
      return
    }
    if (it.phase === 'contested') {
      if (it.claim === undefined || it.claim.mac === claim.mac) it.claim = claim
    } else if (claim.mac !== it.mac && this.isHeldDown(claim.anchor, claim.mac, now)) return
    else if (!this.canAsk || !it.confirmed || this.isRemote(it)) {
      this.drop(it)
      this.learn(it.vni, it.ip, claim, now, it)
    } else this.ask(it, claim, now)
  }

  private ask(it: Known, claim: Claim | undefined, now: number): void {
    it.phase = 'contested'
    it.claim = claim
    it.tries = 1
    it.due = { what: 'confirm', at: now + this.policy.duplicates.confirmMs / 2 }
  }

  private keep(it: Known): void {
    it.phase = 'known'
    it.claim = undefined
    it.tries = 0
    this.askLater(it)
  }

  private restore({ from, entry, anchor, vni, selfMatch }: Extract<Input, { type: 'restored' }>, now: number): void {
    const it = this.find(entry.vni, entry.ip)
    if (it?.mac === entry.mac) {
      if (it.phase === 'duplicate') return
      it.minSeq = Math.max(it.minSeq, entry.minSeq)
      if (vni === entry.vni) this.moveIfNewer(it, entry, anchor, now)
      if (from === 'relay') it.confirmed = true
      if (from === 'relay' && it.phase === 'claiming') this.keep(it)
      return
    }
    const { mac, ip, router, minSeq } = entry
    if (anchor === undefined || vni !== entry.vni || selfMatch !== undefined) return
    if (it !== undefined && it.phase !== 'claiming' && this.prevails(it, from, entry)) return
    if (mac.startsWith('01') || ip === '127.0.0.1' || this.isNever(vni, mac, ip)) return
    if (it !== undefined) this.drop(it)
    const lastSeen = Math.min(entry.lastSeen, now)
    const restored = this.add({ vni, mac, ip, anchor, router, lastSeen, minSeq, confirmed: from === 'relay' })
    restored.isUnheard = true
    restored.due = { what: 'ask', at: now }
  }

  private moveIfNewer(it: Known, { lastSeen }: Entry, anchor: Anchor | undefined, now: number): void {
    if (anchor === undefined || (anchor.ifindex === it.anchor.ifindex && anchor.vlan === it.anchor.vlan)) return
    if (!it.isUnheard || (it.phase !== 'known' && it.phase !== 'probing') || lastSeen <= it.lastSeen) return
    it.anchor = anchor
    it.lastSeen = Math.min(lastSeen, now)
    if (this.canAsk) Object.assign(it, { tries: 0, due: { what: 'ask', at: now } })
  }

  private prevails(it: Known, from: 'relay' | 'file', { lastSeen }: Entry): boolean {
    if (!it.isUnheard || !this.canAsk) return it.confirmed
    return from === 'relay' ? it.confirmed || it.lastSeen > lastSeen : it.lastSeen >= lastSeen
  }

  private onReport(key: Key, status: Status, now: number): void {
    const it = this.find(key.vni, key.ip)
    if (it?.mac !== key.mac || it.suppressedByFpm || it.phase === 'claiming') return
    const before = it.report?.status
    it.report = { status, connection: this.connection }
    if (status === 'announced' || status === 'shadowed') it.wasAnnounced = true
    if (status === before || it.phase === 'duplicate' || it.isStatic) return
    const wasTold = before === 'announced' || before === 'shadowed'
    if (status === 'remote' && it.confirmed) {
      this.keep(it)
      if ((!wasTold && before !== undefined) || this.competingRemote(it) === undefined) return
      if (wasTold) this.countMove(it, now)
      it.due = { what: 'remote-confirm', at: now }
    } else if ((it.due?.what === 'age' || it.due?.what === 'remote-confirm') && !this.isRemote(it)) this.keep(it)
    else if (status === 'mac-not-local' && wasTold && it.phase === 'known') {
      it.tries = 0
      it.due = { what: 'ask', at: now }
    }
  }

  private onDue(it: Known, now: number): void {
    const expires = it.lastSeen + AGEING
    switch (it.due?.what) {
      case 'ask':
        if (this.isRemote(it)) {
          it.phase = 'known'
          it.due = { what: 'age', at: Math.max(now, expires) }
        } else if (it.quiet.until > now) {
          if (now >= Math.max(it.lastSeen, it.quiet.since) + AGEING) this.drop(it)
          else it.due.at = it.quiet.until
        } else {
          it.phase = 'probing'
          it.tries += 1
          const next = now + (it.confirmed || it.tries >= 3 ? it.third : 300)
          const isLast = it.tries >= 3 && next > expires
          it.due = isLast ? { what: 'give-up', at: Math.max(expires, now + 2000) } : { what: 'ask', at: next }
        }
        return
      case 'age':
        if (!this.isRemote(it)) {
          it.tries = 0
          it.due = { what: 'ask', at: now }
        } else if (now >= expires) this.drop(it)
        else it.due.at = expires
        return
      case 'remote-confirm':
        if (it.tries === 2) this.drop(it)
        else {
          it.tries += 1
          it.due.at = now + this.policy.duplicates.confirmMs / 2
        }
        return
      case 'claim':
        if (this.competingRemote(it) === undefined || it.tries === 2) this.settle(it, now)
        else {
          it.tries += 1
          it.due.at = now + this.policy.duplicates.confirmMs / 2
        }
        return
      case 'confirm':
        if (it.claim === undefined && (this.isRemote(it) || it.quiet.until > now)) this.keep(it)
        else if (it.tries < 2 && !this.isRemote(it)) {
          it.tries += 1
          it.due.at = now + this.policy.duplicates.confirmMs / 2
        } else if (it.claim !== undefined) {
          if (this.isNever(it.vni, it.claim.mac, it.ip)) this.keep(it)
          else if (it.claim.mac === it.mac) this.follow(it, it.claim)
          else {
            this.drop(it)
            this.learn(it.vni, it.ip, it.claim, now, it)
          }
        } else this.drop(it)
        return
      case 'give-up':
      case 'hold-down':
        this.drop(it)
        return
      case undefined:
    }
  }

  private countMove(it: Known, now: number): void {
    const { moves, windowMs } = this.policy.duplicates
    it.moves = [...it.moves.filter((at) => at > now - windowMs), now].slice(-moves)
  }

  private moved(it: Known, now: number): boolean {
    const { moves, holdDownMs } = this.policy.duplicates
    this.countMove(it, now)
    if (it.moves.length < moves) return false
    it.phase = 'duplicate'
    it.due = { what: 'hold-down', at: now + holdDownMs }
    return true
  }

  private askLater(it: Known): void {
    it.due = { what: 'ask', at: it.lastSeen + it.third }
  }

  private add(seed: Key & Pick<Known, 'anchor' | 'router' | 'lastSeen'> & Partial<Known>): Known {
    const { jitter } = newBinding({ evidence: 'static', firstSeen: 0, ...seed })
    const it: Known = {
      ...{ phase: 'known', confirmed: true, isStatic: false, due: undefined, tries: 0, claim: undefined, moves: [] },
      ...{ tookAt: -Infinity, wasAnnounced: false, isUnheard: false },
      ...{ quiet: { since: -Infinity, until: -Infinity }, minSeq: 0, report: undefined, third: (AGEING / 3) * jitter },
      ...{ suppressedByFpm: this.isSuppressedByFpm(seed), ...seed },
    }
    this.known.push(it)
    return it
  }

  private drop(it: Known): void {
    this.known = this.known.filter((other) => other !== it)
  }

  private isGateway(vni: number, mac: string, ip: string): boolean {
    return this.routes.some(
      (it) => it.vni === vni && it.ip !== undefined && (it.flags & 2) !== 0 && (it.mac === mac || it.ip === ip),
    )
  }

  private isNever(vni: number, mac: string, ip: string): boolean {
    return mac.startsWith('00:00:5e:00:01:') || this.isGateway(vni, mac, ip)
  }

  /** The highest sequence number of a remote route that has the IP with another MAC. */
  private competingRemote({ vni, mac, ip }: Key): number | undefined {
    const competingRemote = this.routes.filter(
      (it) => it.by === 'bgpd' && it.vni === vni && it.ip === ip && it.mac !== mac,
    )
    if (competingRemote.some(({ flags, seq }) => (flags & 1) !== 0 || seq === 0xffff_ffff)) return undefined
    return competingRemote.length === 0 ? undefined : Math.max(...competingRemote.map(({ seq }) => seq))
  }

  private isSynced({ vni, mac, ip }: Key): boolean {
    return this.routes.some((it) => it.vni === vni && it.mac === mac && it.ip === ip && it.flags === 0x40)
  }

  /** The first of the routes with this highest sequence number is this owner's. */
  private isBest({ vni, mac, ip }: Key, seq: number | undefined): boolean {
    const all = this.routes.filter((it) => it.by === 'bgpd' && it.vni === vni && it.ip === ip && it.seq === seq)
    return all[0]?.mac === mac
  }

  /** What zebra and bgpd say of a MAC that zebra has programmed as remote. */
  private compare({ by, vni, mac, ip, gone, flags, seq }: Route & { gone: boolean }): void {
    const name = `${vni} ${mac}`
    const isRouted = this.routes.some((it) => it.by === 'bgpd' && it.vni === vni && it.mac === mac)
    if (by === 'bgpd') {
      if (!gone) this.highest.set(name, Math.max(seq, this.highest.get(name) ?? 0))
      else if (!isRouted) this.highest.delete(name)
    }
    const programmed = this.programmed.get(name)
    if (programmed === undefined) return
    if (by === 'bgpd') {
      if (!gone) this.programmed.set(name, flags === 0x40 ? -1 : Math.max(seq, programmed))
    } else if (ip === undefined) {
      if (gone ? !isRouted : seq > programmed) this.programmed.set(name, -1)
    }
  }

  /**
   * FPM says that the MAC is remote, zebra announces it as local, and with no higher sequence number than the highest
   * of its remote routes, since it was programmed and zebra has last taken it back.
   */
  private isSuppressedByFpm({ vni, mac }: Pick<Known, 'vni' | 'mac'>): boolean {
    const local = this.routes.find((it) => it.by === 'zebra' && it.vni === vni && it.mac === mac && it.ip === undefined)
    const programmed = this.programmed.get(`${vni} ${mac}`)
    return local !== undefined && programmed !== undefined && local.seq <= programmed
  }

  private isRemote({ vni, mac, confirmed, suppressedByFpm, report }: Known): boolean {
    if (!confirmed || !this.connected) return false
    if (suppressedByFpm) return true
    if (report?.connection !== this.connection) return false
    if (report.status === 'remote') return true
    return (
      report.status === 'mac-not-local' &&
      this.routes.some((it) => it.by === 'bgpd' && it.vni === vni && it.mac === mac && it.flags !== 0x40)
    )
  }
}
