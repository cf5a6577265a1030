// A world of random events around a table: what happens is drawn as plain data (commands.ts), and made sense of when it is
// its turn.
import assert from 'node:assert/strict'
import { type Anchor, type Binding, entryOf, isInOverlay, isIpv6 } from '../../src/bindings/model.js'
import type { Rival } from '../../src/bindings/rivals.js'
import { reasonOf, REASONS } from '../../src/bindings/state.js'
import type { Input } from '../../src/bindings/input.js'
import { evidence, restored } from './build.js'
import { CheckedWorld, nameOf } from './checked-world.js'
import { type Command, IPS, PORTS, STATIC, VMS, vniOf } from './commands.js'

/** A claim is decided, its host is asked twice, and that claim is decided, here and behind another VTEP. */
const ASKED_AGAIN_MS = 8000

export class World extends CheckedWorld {
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

  private picked(pick: number): Binding | undefined {
    const bindings = [...this.table.bindings()]
    return bindings[pick % Math.max(1, bindings.length)]
  }

  private frame(changes: Parameters<typeof evidence>[0] & { anchor: Anchor }): Input {
    const anchor = this.isLost(changes.anchor) ? undefined : changes.anchor
    return evidence({
      vni: anchor && vniOf(anchor),
      bridgeRefusal: this.blocked.has(changes.anchor.ifindex) ? 'port-blocked' : undefined,
      ...changes,
      ...(anchor === undefined ? { anchor: undefined } : {}),
    })
  }

  /** Whoever answers every question keeps the address, and its route, whatever another host says how often. */
  private attack({ pick, mac, anchor, kind, times }: Extract<Command, { do: 'attack' }>): void {
    const victim = this.picked(pick)
    if (victim === undefined || !this.canAnswer(victim) || vniOf(anchor) !== victim.vni || mac === victim.mac) return
    const { vni, ip } = victim
    this.answering = [victim, { vni, mac, ip }].map((host) => ({ host, until: Infinity }))
    for (let time = 0; time < times; time++) {
      this.step(this.frame({ kind, override: true, mac, ip, anchor }))
      this.pass(this.now + this.policy.duplicates.confirmMs)
    }
    // the liar is asked again, and lies
    this.pass(this.now + ASKED_AGAIN_MS)
    this.answering = []
    assert.equal(this.table.find(vni, ip), victim, 'it has lost its address')
    assert.ok(isInOverlay(victim), 'it has lost its route')
  }

  /** Whoever has the address while its owner still answers, and answers when the owner has left, gets it without a word. */
  private handOver({ pick, mac, anchor, kind, lateMs }: Extract<Command, { do: 'hand-over' }>): void {
    const owner = this.picked(pick)
    if (owner === undefined || !this.canAnswer(owner) || vniOf(anchor) !== owner.vni || mac === owner.mac) return
    const { vni, ip } = owner
    const isHeard = !this.blocked.has(anchor.ifindex) && !this.isLost(anchor)
    const { challengers, rivals } = this.table
    // what one says that is being asked may be its answer, which is not followed by as many questions
    if (!isHeard || challengers.isHeldDown(anchor, mac, this.now) || rivals.find({ vni, mac, ip }) !== undefined) return
    const before = this.otherRefusals()
    this.answering = [
      { host: owner, until: this.now + lateMs },
      { host: { vni, mac, ip }, until: Infinity },
    ]
    this.step(this.frame({ kind, override: true, mac, ip, anchor }))
    this.pass(this.now + lateMs + ASKED_AGAIN_MS)
    this.answering = []
    // it has claimed too much by now, or with a small rate of probes it takes longer
    const isBelieved = !challengers.isHeldDown(anchor, mac, this.now) && this.otherRefusals() === before
    if (!isBelieved || this.policy.probeRate.perPort !== Infinity) return
    const holder = this.table.find(vni, ip)
    assert.ok(holder?.mac === mac || holder?.phase === 'duplicate', 'nobody has the address')
  }

  /** Other reasons than that an owner has answered. */
  private otherRefusals(): number {
    const { refused } = this.table
    return Object.values(refused).reduce((sum, count) => sum + count, -refused.defended)
  }

  /** Whose claims were defended, and are asked again. */
  rivals(): Rival[] {
    return [100, 200].flatMap((vni) => IPS.flatMap((ip) => this.table.rivals.ofIp(vni, ip)))
  }

  /** Nothing but the lie speaks against it: it is here, announced, heard where it is, and has left no question open. */
  private canAnswer(it: Binding): boolean {
    const { table, policy } = this
    const isUndisturbed = it.phase === 'known' && isInOverlay(it) && !it.isStatic
    const isHere = REASONS[reasonOf(it, table)].state !== 'remote' && table.views.competingRemote(it) === undefined
    const isHeard = !this.blocked.has(it.anchor.ifindex) && it.dadUntil <= this.now
    return policy.probes === 'send' && isUndisturbed && isHere && isHeard && it.timer !== 'remote-confirm'
  }

  /**
   * A host comes from another node, or is back from there after its route has gone, and nothing but its MAC is heard at
   * first: the snooper asks for the addresses that bgpd had with it.
   */
  private arrive({ mac, ip, anchor, isAnswered, isGone }: Extract<Command, { do: 'arrive' }>): Input | undefined {
    const vni = vniOf(anchor)
    if (!this.table.relayConnected || this.isLost(anchor) || this.blocked.has(anchor.ifindex)) return undefined
    this.gateways.delete(`bgpd ${nameOf({ vni, mac, ip })}`)
    const route = { type: 'macip', by: 'bgpd', vni, mac, ip, flags: 0, seq: 1 } as const
    this.step({ type: 'view', change: { ...route, gone: false } })
    if (isGone) this.step({ type: 'view', change: { ...route, gone: true } })
    if (this.table.ofMac(vni, mac) !== undefined) this.step({ type: 'fdb', vni, mac, anchor })
    for (const known of this.table.ipsElsewhere({ vni, mac })) {
      if (this.table.find(vni, known) !== undefined) continue
      const entry = {
        vni,
        mac,
        ip: known,
        port: anchor.port,
        vlan: anchor.vlan,
        firstSeen: this.now,
        lastSeen: this.now,
      }
      this.step(restored(entry, { from: 'file', anchor }))
    }
    return isAnswered
      ? this.frame({ kind: isIpv6(ip) ? 'na' : 'arp-reply', override: true, mac, ip, anchor })
      : undefined
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
      case 'block':
        if (command.isBlocked) this.blocked.add(command.ifindex)
        else this.blocked.delete(command.ifindex)
        return undefined
      case 'attack':
        this.attack(command)
        return undefined
      case 'hand-over':
        this.handOver(command)
        return undefined
      case 'rival': {
        const rivals = this.rivals()
        const rival = rivals[command.pick % Math.max(1, rivals.length)]
        if (rival === undefined) return undefined
        const { mac, ip, anchor } = rival
        const at = this.table.timers.at(rival)
        if (command.isDue && at !== undefined) this.pass(Math.max(this.now, at))
        return this.frame({ kind: command.kind, override: true, mac, ip, anchor })
      }
      case 'arrive':
        return this.arrive(command)
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
        const waiting = bindings.find(({ confirmed, phase }) => !confirmed || phase === 'claiming')
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
        const waiting = [...this.table.bindings()].filter(({ phase }) => phase === 'claiming' || phase === 'contested')
        const binding = waiting[command.pick % Math.max(1, waiting.length)] ?? this.picked(command.pick)
        if (binding === undefined) return undefined
        const remote = binding.phase === 'contested' ? binding : this.table.views.competingRemote(binding)
        const owner = command.asked ? remote?.mac : undefined
        return { type: 'remote-answer', key: { ...binding, mac: owner ?? command.mac } }
      }
      case 'peer': {
        const binding = this.picked(command.pick)
        if (binding === undefined || !this.table.relayConnected) return undefined
        const { vni, mac, ip } = binding
        const flags = command.isProxy ? 0x60 : 0x40
        const route = { by: 'bgpd', vni, mac, ip: command.isMacOnly ? undefined : ip, flags, seq: 0 } as const
        this.gateways.delete(`bgpd ${nameOf(binding)}`)
        return { type: 'view', change: { type: 'macip', ...route, gone: command.gone } }
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
}
