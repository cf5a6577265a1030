// What holds for the overlay, whatever zebra, bgpd and the snooper do.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Entry } from '../../src/bindings/model.js'
import { PROXY, M1, M2, IP, entry, vniAdd, vniDel, add, del, remoteAdd, remoteDel, Rig } from './overlay-rig.js'

/** bgpd as FRR 8.5 and later keep local routes: per VNI one local path per IP, and one per MAC. */
class SimulatedBgpd {
  live = false
  readonly macs = new Map<string, string>()
  readonly ips = new Map<string, string>()

  tell(words: string): void {
    const [who, verb = '', mac = '', ip = '', ...rest] = words.split(' ')
    if (verb === 'VNI_ADD') this.live = true
    if (verb === 'VNI_DEL') {
      this.live = false
      this.macs.clear()
      this.ips.clear()
    }
    if (verb === 'ADD') {
      assert.ok(this.live, `${words}: the VNI is not live`)
      const [, seq = ''] = rest
      const held = this.macs.get(mac)
      // of a MAC that has just become sticky zebra may not yet have corrected its IPs
      const isKnown = this.ips.get(ip) === `${mac} ${rest.join(' ')}`
      if (who === 'us' && ip !== '-' && !isKnown && held?.endsWith('flags 1') !== true) {
        assert.equal(held?.split(' ')[1], seq, `${words} while bgpd has the MAC with another`)
      }
      const owner = this.ips.get(ip)
      if (ip === '-') this.macs.set(mac, rest.join(' '))
      else {
        assert.ok(owner === undefined || owner.startsWith(`${mac} `), `${words} while bgpd has ${ip} on ${owner ?? ''}`)
        this.ips.set(ip, `${mac} ${rest.join(' ')}`)
      }
    }
    if (verb === 'DEL') {
      if (ip === '-') this.macs.delete(mac)
      else this.ips.delete(ip)
    }
  }
}

test('whatever happens, bgpd has exactly zebra’s entries and those of the overlay that may be announced', () => {
  const macs = fc.constantFrom(M1, M2)
  const ips = fc.constantFrom(IP, '10.2.1.12')
  const seqs = fc.nat(3)
  type Step = (rig: Rig, zebra: Map<string, string>) => void
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.tuple(macs, seqs).map<Step>(
      ([mac, seq]) =>
        (rig) =>
          rig.zebra(add(mac, undefined, seq)),
    ),
    macs.map<Step>((mac) => (rig) => rig.zebra(del(mac))),
    // zebra never has one IP on two MACs: it deletes the old entry first
    fc.tuple(macs, ips, seqs).map<Step>(([mac, ip, seq]) => (rig, zebra) => {
      const before = zebra.get(ip)
      if (before !== undefined && before !== mac) rig.zebra(del(before, ip))
      zebra.set(ip, mac)
      rig.zebra(add(mac, ip, seq, 16))
    }),
    ips.map<Step>((ip) => (rig, zebra) => {
      const mac = zebra.get(ip)
      zebra.delete(ip)
      if (mac !== undefined) rig.zebra(del(mac, ip))
    }),
    fc.tuple(macs, ips).map<Step>(
      ([mac, ip]) =>
        (rig) =>
          rig.put(entry(mac, ip)),
    ),
    fc.tuple(macs, ips).map<Step>(
      ([mac, ip]) =>
        (rig) =>
          rig.remove(mac, ip),
    ),
    fc.tuple(macs, fc.option(ips, { nil: undefined }), seqs).map<Step>(
      ([mac, ip, seq]) =>
        (rig) =>
          rig.bgpd(remoteAdd(mac, ip, seq)),
    ),
    fc.tuple(macs, fc.option(ips, { nil: undefined })).map<Step>(
      ([mac, ip]) =>
        (rig) =>
          rig.bgpd(remoteDel(mac, ip)),
    ),
    fc.constant<Step>((rig, zebra) => {
      zebra.clear()
      rig.zebra(vniDel, vniAdd)
    }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const rig = new Rig().zebra(vniAdd)
      const bgpd = new SimulatedBgpd()
      const zebra = new Map<string, string>()
      for (const one of steps) {
        one(rig, zebra)
        for (const told of rig.told()) bgpd.tell(told)
        const expected = new Map([...zebra].map(([ip, mac]) => [ip, mac.slice(-1)]))
        for (const {
          entry: { mac, ip },
          report,
        } of rig.overlay.entries()) {
          if (report.status === 'announced') expected.set(ip, mac.slice(-1))
        }
        assert.deepEqual(new Map([...bgpd.ips].map(([ip, held]) => [ip, held.charAt(0)])), expected)
      }
    }),
    { numRuns: 5000 },
  )
})

/** zebra as it is: one sequence number for a MAC and its IPs, which only grows while the MAC is local. */
class SimulatedZebra {
  readonly macs = new Map<string, { seq: number; flags: number }>()
  readonly ips = new Map<string, string>()
  /** IPs that it announces only because another node of an Ethernet segment does. */
  readonly proxied = new Set<string>()

  constructor(private readonly rig: () => Rig) {}

  learn(mac: string, more: number, sticky: boolean): void {
    const before = this.macs.get(mac)
    const seq = sticky ? 0 : (before?.seq ?? 0) + more
    this.macs.set(mac, { seq, flags: sticky ? 1 : 0 })
    this.rig().zebra(add(mac, undefined, seq, sticky ? 1 : 0))
    for (const [ip, owner] of this.ips)
      if (owner === mac && before?.seq !== seq) this.rig().zebra(add(mac, ip, seq, this.flagsOf(ip)))
  }

  lose(mac: string): void {
    if (!this.macs.delete(mac)) return
    this.rig().zebra(del(mac))
    for (const [ip, owner] of this.ips) if (owner === mac) this.loseIp(ip)
  }

  learnIp(mac: string, ip: string, isProxied: boolean): void {
    const local = this.macs.get(mac)
    if (local === undefined) return
    if (this.ips.get(ip) !== mac) this.loseIp(ip)
    this.ips.set(ip, mac)
    if (isProxied) this.proxied.add(ip)
    else this.proxied.delete(ip)
    this.rig().zebra(add(mac, ip, local.seq, this.flagsOf(ip)))
  }

  ipsOf(mac: string): string[] {
    return [...this.ips].filter(([, owner]) => owner === mac).map(([ip]) => ip)
  }

  flagsOf(ip: string): number {
    return this.proxied.has(ip) ? PROXY : 0
  }

  loseIp(ip: string): void {
    const mac = this.ips.get(ip)
    this.ips.delete(ip)
    this.proxied.delete(ip)
    if (mac !== undefined) this.rig().zebra(del(mac, ip))
  }

  /** All it has, to a new session. */
  tell(): void {
    this.rig().zebra(vniAdd)
    for (const [mac, { seq, flags }] of this.macs) this.rig().zebra(add(mac, undefined, seq, flags))
    for (const [ip, mac] of this.ips) this.rig().zebra(add(mac, ip, this.macs.get(mac)?.seq, this.flagsOf(ip)))
  }
}

/** The least sequence numbers as the rules say it, in the simplest way. */
class FloorModel {
  readonly entries = new Map<string, Entry>()
  private readonly kept = new Map<string, number>()

  seqOf(mac: string, zebra: SimulatedZebra): number {
    const local = zebra.macs.get(mac)
    if (local === undefined || local.flags === 1) return 0
    const demands = [...this.entries.values()].filter((each) => each.mac === mac && !each.observe)
    return Math.max(local.seq, this.kept.get(mac) ?? 0, ...demands.map(({ minSeq }) => minSeq))
  }

  /** After every step: zebra's withdrawal reaches bgpd at any time, a floor only while the gate is open. */
  settle(zebra: SimulatedZebra, open: boolean): void {
    for (const mac of [M1, M2]) {
      const local = zebra.macs.get(mac)
      const seq = this.seqOf(mac, zebra)
      if (local === undefined) this.kept.delete(mac)
      else if (open && seq > local.seq) this.kept.set(mac, seq)
    }
  }

  forget(): void {
    this.kept.clear()
  }
}

test('whatever happens, all routes of a MAC carry one sequence number, that of its minimum or zebra’s, and never a lower one', () => {
  type World = { rig: Rig; zebra: SimulatedZebra; bgpd: SimulatedBgpd; model: FloorModel; open: boolean }
  /** The name is for who reads a counterexample. */
  type Step = readonly [name: string, act: (world: World) => void]
  const macs = fc.constantFrom(M1, M2)
  const ips = fc.constantFrom(IP, '10.2.1.12', '10.2.1.13')
  const put = (mac: string, ip: string, minSeq: number, observe: boolean): Step => {
    const one = entry(mac, ip, { minSeq, observe })
    return [
      `put ${mac} ${ip} ${minSeq} ${observe}`,
      ({ rig, model }) => {
        model.entries.set(`${mac} ${ip}`, one)
        rig.put(one)
      },
    ]
  }
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.tuple(macs, fc.nat(2), fc.constantFrom(false, false, false, true)).map<Step>(([mac, more, sticky]) => [
      `learn ${mac} +${more} ${sticky}`,
      ({ zebra, bgpd, open }) => {
        // nor could ours that is announced instead of a proxy's
        const isDisplaced = zebra.ipsOf(mac).some((ip) => bgpd.ips.get(ip)?.charAt(0) !== mac.slice(-1))
        if (open || !isDisplaced) zebra.learn(mac, more, sticky)
      },
    ]),
    macs.map<Step>((mac) => [
      `lose ${mac}`,
      ({ zebra }) => {
        zebra.lose(mac)
      },
    ]),
    fc.tuple(macs, ips, fc.boolean()).map<Step>(([mac, ip, isProxied]) => [
      `learn ${mac} ${ip}${isProxied ? ' as a proxy' : ''}`,
      ({ zebra, bgpd, open }) => {
        // ours could not be withdrawn before it; the relay does not understand zebra while it may not inject, anyway
        const owner = bgpd.ips.get(ip)?.charAt(0) ?? ''
        const isOurs = owner !== (zebra.ips.get(ip)?.slice(-1) ?? '') && owner !== mac.slice(-1)
        if (open || !isOurs) zebra.learnIp(mac, ip, isProxied)
      },
    ]),
    ips.map<Step>((ip) => [
      `lose ${ip}`,
      ({ zebra }) => {
        zebra.loseIp(ip)
      },
    ]),
    fc.tuple(macs, ips, fc.nat(4), fc.constantFrom(false, false, true)).map((given) => put(...given)),
    fc.tuple(macs, ips).map<Step>(([mac, ip]) => [
      `remove ${mac} ${ip}`,
      ({ rig, model }) => {
        model.entries.delete(`${mac} ${ip}`)
        rig.remove(mac, ip)
      },
    ]),
    fc
      .tuple(macs, ips, fc.nat(4))
      .map<Step>(([mac, ip, seq]) => [`remote ${mac} ${ip} ${seq}`, ({ rig }) => rig.bgpd(remoteAdd(mac, ip, seq))]),
    fc.tuple(macs, ips).map<Step>(([mac, ip]) => [`no remote ${mac} ${ip}`, ({ rig }) => rig.bgpd(remoteDel(mac, ip))]),
    fc.tuple(macs, fc.option(ips, { nil: undefined })).map<Step>(([mac, ip]) => [
      `dropped for what was not announced ${mac} ${ip ?? '-'}`,
      ({ rig, bgpd }) => {
        if (rig.views.isRemote({ vni: 100, mac, ip })) return
        if (ip === undefined) bgpd.macs.delete(mac.slice(-1))
        else bgpd.ips.delete(ip)
        rig.bgpd(remoteDel(mac, ip))
      },
    ]),
    fc.boolean().map<Step>((open) => [
      `open ${open}`,
      (world) => {
        world.open = open
        world.rig.overlay.setGate(open ? 'open' : 'release-uncertain')
        world.rig.inject()
      },
    ]),
    fc.boolean().map<Step>((compacted) => [
      `die ${compacted}`,
      ({ rig, open }) => {
        if (!open) return
        const said = rig.log.length
        rig.die(compacted)
        assert.deepEqual(rig.log.slice(said), [], 'a successor says nothing that bgpd has not been told')
      },
    ]),
    fc.constant<Step>([
      'VNI away',
      ({ rig, zebra, model }) => {
        model.forget()
        rig.zebra(vniDel)
        zebra.tell()
      },
    ]),
    fc.constant<Step>([
      'session lost',
      (world) => {
        world.model.forget()
        world.bgpd.tell('zebra VNI_DEL')
        world.open = true
        world.rig.loseSession()
        world.zebra.tell()
      },
    ]),
  )
  const check = ({ rig, zebra, bgpd, model }: World): void => {
    const expected = new Map<string, string>()
    for (const [ip, mac] of zebra.ips) {
      const flags = zebra.flagsOf(ip)
      expected.set(ip, `${mac.slice(-1)} seq ${model.seqOf(mac, zebra)}${flags === 0 ? '' : ` flags ${flags}`}`)
    }
    for (const { entry: each, report } of rig.overlay.entries()) {
      assert.equal(report.status === 'observed', each.observe && report.status === 'observed')
      if (report.status !== 'announced') continue
      assert.equal(each.observe, false)
      expected.set(each.ip, `${each.mac.slice(-1)} seq ${model.seqOf(each.mac, zebra)}`)
    }
    assert.deepEqual(new Map([...bgpd.ips].sort()), new Map([...expected].sort()))
    const expectedMacs = [...zebra.macs].map(([mac, { flags }]): [string, string] => [
      mac.slice(-1),
      `seq ${model.seqOf(mac, zebra)}${flags === 0 ? '' : ` flags ${flags}`}`,
    ])
    assert.deepEqual(new Map([...bgpd.macs].sort()), new Map(expectedMacs.sort()))
  }
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
      const rig = new Rig().zebra(vniAdd)
      const zebra = new SimulatedZebra(() => rig)
      const world: World = { rig, zebra, bgpd: new SimulatedBgpd(), model: new FloorModel(), open: true }
      /** What bgpd was last told of each route, while its MAC is local. */
      let highest = new Map<string, number>()
      for (const [name, act] of steps) {
        act(world)
        if (name === 'VNI away' || name === 'session lost') highest = new Map()
        for (const told of rig.told()) {
          world.bgpd.tell(told)
          const [, verb, mac = '', ip = '', , seqText] = told.split(' ')
          if (verb === 'DEL' && ip === '-') highest.delete(mac)
          // without a sequence number there is none to keep to
          if (zebra.macs.get(mac === '1' ? M1 : M2)?.flags === 1) highest.delete(mac)
          else if (verb === 'ADD' && world.open) {
            const seq = Number(seqText)
            assert.ok(seq >= (highest.get(mac) ?? 0), `${told} after ${highest.get(mac)}`)
            highest.set(mac, seq)
          }
        }
        world.model.settle(zebra, world.open)
        if (world.open) check(world)
      }
    }),
    { numRuns: 5000 },
  )
})
