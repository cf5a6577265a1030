// The rules in their plainest form: no indices, no limits, no pace, nothing shared with the code but the events. What
// is due is found by looking at everything.
import type { Anchor, Entry, Evidence, Key, Status } from '../../src/bindings/model.js'
import type { Input } from '../../src/bindings/input.js'
import { AGEING } from './commands.js'
import { type Known, ReferenceTable } from './reference-table.js'

export class Reference extends ReferenceTable {
  apply(event: Input, now: number): void {
    this.take(event, now)
    for (const it of this.known) {
      const suppressedByFpm = this.views.isSuppressedByFpm(it)
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
          const isFree = it.phase === 'known' || it.phase === 'probing'
          if (!it.confirmed && isFree && this.canAsk) Object.assign(it, { tries: 0, due: { what: 'ask', at: now } })
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
        this.rivals = this.rivals.filter(({ anchor }) => !isLost(anchor))
        for (const it of this.known) if (it.phase === 'contested' && isLost(it.claim?.anchor)) this.keep(it)
        for (const it of this.known.filter(({ anchor, phase }) => phase !== 'duplicate' && isLost(anchor))) {
          if (it.phase === 'contested' && it.claim?.mac === it.mac) {
            this.follow(it, it.claim)
            continue
          }
          this.drop(it, now)
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
          for (const it of this.known.filter((it) => it.vni === vni && it.ip === ip)) this.drop(it, now)
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
        this.views.apply(change)
        if (change.type === 'vni') return
        const { vni, ip, gone } = change
        for (const it of this.known.filter((it) => !it.isStatic && this.views.isGateway(it.vni, it.mac, it.ip)))
          this.drop(it, now)
        if (gone && change.by === 'bgpd' && ip !== undefined) this.askRivals(vni, ip, now)
        const claiming = ip === undefined ? undefined : this.find(vni, ip)
        if (claiming?.isProxied === true && !this.views.isHeardByPeer(claiming)) {
          Object.assign(claiming, { isProxied: false, confirmed: false })
          const isFree = claiming.phase === 'known' || claiming.phase === 'probing'
          if (isFree && this.canAsk) Object.assign(claiming, { tries: 0, due: { what: 'ask', at: now } })
        }
        if (gone && claiming?.phase === 'claiming' && this.views.competingRemote(claiming) === undefined) {
          this.settle(claiming, now)
        }
        return
      }
      case 'views-reset':
        this.views.reset()
        return
      case 'fpm': {
        const { update } = event
        if (update.kind !== 'host-route') this.views.program(update)
        else {
          const it = this.find(update.vni, update.ip)
          const isFree = it?.confirmed === true && !it.isStatic && (it.phase === 'known' || it.phase === 'probing')
          if (isFree && !this.isRemote(it) && it.quiet.until <= now) this.ask(it, undefined, now)
        }
        return
      }
      case 'remote-answer': {
        const { vni, mac, ip } = event.key
        const it = this.find(vni, ip)
        if (it?.phase === 'contested' && it.mac === mac) {
          if (it.claim?.mac === mac || (it.claim !== undefined && it.tries < 2)) return
          if (it.claim !== undefined) this.repel(vni, ip, it.claim, now)
          this.keep(it)
          return
        }
        const isRoute = this.views.isRouted(vni, mac, ip)
        if (it?.phase !== 'claiming' || !isRoute || it.mac === mac || it.tries === 1) return
        this.drop(it, now)
        this.repel(vni, ip, it, now)
        return
      }
      case 'clear': {
        const it = this.find(event.key.vni, event.key.ip)
        if (it?.mac !== event.key.mac || it.isStatic) return
        if (it.phase === 'duplicate' || event.what === 'binding') this.drop(it, now)
        return
      }
      case 'tick':
        for (const it of this.known.filter(({ due }) => due !== undefined && due.at <= now)) this.onDue(it, now)
        for (const it of this.rivals.filter(({ due }) => due !== undefined && due <= now)) this.onRivalDue(it, now)
    }
  }

  private hear(evidence: Evidence, now: number): void {
    const { kind, mac, ip, vni, anchor, router, override, selfMatch, fdbPort, bridgeRefusal } = evidence
    const it = vni === undefined ? undefined : this.find(vni, ip)
    if (kind === 'arp-probe' || kind === 'dad-ns') {
      this.rivals = this.rivals.filter(
        (rival) => rival.vni !== vni || rival.ip !== ip || rival.anchor.ifindex !== anchor?.ifindex,
      )
      if (it === undefined || it.anchor.ifindex !== anchor?.ifindex) return
      if (it.quiet.until <= now) it.quiet.since = now
      it.quiet.until = now + 10_000
      return
    }
    if (anchor === undefined || vni === undefined || bridgeRefusal !== undefined) return
    if (mac.startsWith('01') || ip === '127.0.0.1') return
    if (selfMatch !== undefined) {
      if (it !== undefined && !it.isStatic && (selfMatch !== 'mac' || it.mac === mac)) this.drop(it, now)
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
    const isSamePlace = !isElsewhere && it.anchor.vlan === anchor.vlan
    const isOthersClaim = it.phase === 'contested' && it.claim !== undefined && it.claim.mac !== mac
    it.lastSeen = now
    it.isUnheard = false
    it.isProxied = false
    // the answer to the first question alone does not decide
    if (isOthersClaim && isSamePlace && it.tries < 2) return
    it.anchor = anchor
    const isFirst = !it.confirmed
    it.confirmed = true
    if (saysRouter) it.router = router
    if (it.phase === 'contested' && it.claim !== undefined) {
      // the same host behind another port is nobody else
      if (it.claim.mac === mac) this.charge(it.claim.anchor, mac, now)
      else this.repel(vni, ip, it.claim, now)
    }
    if (it.phase === 'claiming') return
    it.phase = 'known'
    it.claim = undefined
    it.tries = 0
    const competingRemote = this.views.competingRemote(it)
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

  private restore({ from, entry, anchor, vni, selfMatch }: Extract<Input, { type: 'restored' }>, now: number): void {
    const it = this.find(entry.vni, entry.ip)
    if (it?.mac === entry.mac) {
      if (it.phase === 'duplicate') return
      it.minSeq = Math.max(it.minSeq, entry.minSeq)
      if (vni === entry.vni) this.moveIfNewer(it, entry, anchor, now)
      if (from === 'relay') Object.assign(it, { confirmed: true, isProxied: false })
      if (from === 'relay' && it.phase === 'claiming') {
        this.forgetRival(it)
        this.keep(it)
      }
      return
    }
    const { mac, ip, router, minSeq } = entry
    if (anchor === undefined || vni !== entry.vni || selfMatch !== undefined) return
    if (it !== undefined && it.phase !== 'claiming' && this.prevails(it, from, entry)) return
    if (mac.startsWith('01') || ip === '127.0.0.1' || this.isNever(vni, mac, ip)) return
    if (it !== undefined) this.drop(it, now)
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
    if (it?.mac !== key.mac || it.suppressedByFpm || it.isProxied || it.phase === 'claiming') return
    const before = it.report?.status
    it.report = { status, connection: this.connection }
    if (status === 'announced' || status === 'shadowed') it.wasAnnounced = true
    if (status === before || it.phase === 'duplicate' || it.isStatic) return
    const wasTold = before === 'announced' || before === 'shadowed'
    if (status === 'remote' && it.confirmed) {
      this.keep(it)
      if ((!wasTold && before !== undefined) || this.views.competingRemote(it) === undefined) return
      if (wasTold) this.countMove(it, now)
      it.due = { what: 'remote-confirm', at: now }
    } else if ((it.due?.what === 'age' || it.due?.what === 'remote-confirm') && !this.isRemote(it)) this.keep(it)
    else if (status === 'mac-not-local' && wasTold && it.phase === 'known') {
      it.tries = 0
      it.due = { what: 'ask', at: now }
    }
  }

  private giveUp(it: Known, now: number): void {
    if (!it.confirmed || this.isRemote(it) || !this.views.isHeardByPeer(it)) this.drop(it, now)
    else
      Object.assign(it, {
        phase: 'known',
        tries: 0,
        isProxied: true,
        report: undefined,
        due: { what: 'ask', at: now + it.third },
      })
  }

  private onDue(it: Known, now: number): void {
    const expires = it.lastSeen + AGEING
    switch (it.due?.what) {
      case 'ask':
        if (this.isRemote(it)) {
          it.phase = 'known'
          it.due = { what: 'age', at: Math.max(now, expires) }
        } else if (it.quiet.until > now) {
          if (now >= Math.max(it.lastSeen, it.quiet.since) + AGEING) this.drop(it, now)
          else it.due.at = it.quiet.until
        } else {
          it.phase = 'probing'
          it.tries += 1
          const pause = it.confirmed ? it.third : Math.min(it.third, 300 * 2 ** Math.max(0, it.tries - 2))
          const next = now + pause
          const isLast = it.tries >= 3 && next > expires && !(it.isUnheard && pause < it.third)
          it.due = isLast ? { what: 'give-up', at: Math.max(expires, now + 2000) } : { what: 'ask', at: next }
        }
        return
      case 'age':
        if (!this.isRemote(it)) {
          it.tries = 0
          it.due = { what: 'ask', at: now }
        } else if (now >= expires) this.giveUp(it, now)
        else it.due.at = expires
        return
      case 'remote-confirm':
        if (it.tries === 3) this.drop(it, now)
        else {
          it.tries += 1
          it.due.at = now + this.policy.duplicates.confirmMs / 3
        }
        return
      case 'claim':
        if (this.views.competingRemote(it) === undefined || it.tries === 3) this.settle(it, now)
        else {
          it.tries += 1
          it.due.at = now + this.policy.duplicates.confirmMs / 3
        }
        return
      case 'confirm':
        if (it.claim === undefined && (this.isRemote(it) || it.quiet.until > now)) this.keep(it)
        else if (it.tries < 3 && !this.isRemote(it)) {
          it.tries += 1
          it.due.at = now + this.policy.duplicates.confirmMs / 3
        } else if (it.claim !== undefined) {
          if (this.isNever(it.vni, it.claim.mac, it.ip)) this.keep(it)
          else if (it.claim.mac === it.mac) this.follow(it, it.claim)
          else {
            this.drop(it, now)
            this.learn(it.vni, it.ip, it.claim, now, it)
          }
        } else this.drop(it, now)
        return
      case 'give-up':
        this.giveUp(it, now)
        return
      case 'hold-down':
        this.drop(it, now)
        return
      case undefined:
    }
  }
}
