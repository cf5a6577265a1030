// Two proxies and a node that speaks EVPN, whose frames and routes arrive late and out of order, must agree in the end about
// where each host is.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { OtherRoute } from '../../src/proxy/decision/model.js'
import type { Action } from '../../src/proxy/decision/step.js'
import { Driven, EVPN, policyOf, S1, S2, S3, VNI } from './driven.js'

const PLACES = [S1, S2, S3, EVPN] as const
type Place = (typeof PLACES)[number]
const MACS = [1, 2, 3].map((number) => `02:00:00:00:00:0${number}`)
const ipOf = (mac: string): string => `10.0.0.${Number(mac.slice(-1))}`

/** A BGP session without its reflector: routes arrive in order, however late. */
type Update = { readonly key: string; readonly route: OtherRoute | undefined }

/** A node of FRR's, as far as it matters: it announces what it hears with a sequence number above all others'. */
class EvpnNode {
  readonly here = new Map<string, number>()
  private readonly others = new Map<string, OtherRoute>()

  constructor(private readonly send: (update: Update) => void) {}

  hear(mac: string): void {
    const seq = Math.max(-1, ...this.seqsOf(mac)) + 1
    if (this.here.has(mac)) return
    this.announce(mac, seq)
  }

  receive({ key, route }: Update): void {
    if (route === undefined) this.others.delete(key)
    else this.others.set(key, route)
    const mac = route?.macIp?.mac
    const mine = mac === undefined ? undefined : this.here.get(mac)
    // with equal sequence numbers the lower next hop wins, and that of every other VTEP is lower
    if (mac === undefined || mine === undefined || Math.max(-1, ...this.seqsOf(mac)) < mine) return
    this.here.delete(mac)
    this.send({ key: this.keyOf(mac), route: undefined })
  }

  private announce(mac: string, seq: number): void {
    this.here.set(mac, seq)
    const macIp = { mac, ip: ipOf(mac), seq, isSticky: false, isGateway: false }
    this.send({
      key: this.keyOf(mac),
      route: { key: this.keyOf(mac), vni: VNI, nextHop: EVPN, isMarked: false, macIp },
    })
  }

  private seqsOf(mac: string): number[] {
    return [...this.others.values()].flatMap(({ macIp }) => (macIp?.mac === mac ? [macIp.seq] : []))
  }

  private readonly keyOf = (mac: string): string => `n ${mac}`
}

class World {
  readonly places = new Map<string, Place>(MACS.map((mac) => [mac, S1]))
  readonly proxies: readonly [Driven, Driven]
  readonly node: EvpnNode
  /** What is under way to each of the two proxies, and to the node. */
  private readonly updates: [Update[], Update[], Update[]] = [[], [], []]
  private frames: { to: 0 | 1; vtep: string; mac: string }[] = []

  constructor() {
    const duplicates = { moves: 1000, windowMs: 1, holdDownMs: 1, confirmMs: 700 }
    this.proxies = [new Driven(policyOf({ duplicates })), new Driven(policyOf({ duplicates }))]
    this.node = new EvpnNode((update) => {
      this.updates[0].push(update)
      this.updates[1].push(update)
    })
    // it is known to speak EVPN before anything else happens
    const imet = { key: 'n', vni: VNI, nextHop: EVPN, isMarked: false, macIp: undefined }
    for (const proxy of this.proxies) proxy.step({ type: 'route', route: imet })
  }

  /** The host says something: who of the proxies sees it, sees it later. */
  speak(mac: string, seenBy: readonly (0 | 1)[]): void {
    const vtep = this.places.get(mac) ?? S1
    if (vtep === EVPN) this.node.hear(mac)
    for (const to of seenBy) this.frames.push({ to, vtep, mac })
  }

  /** One frame arrives, not always the oldest. */
  deliverFrame(choice: number): void {
    const [frame] = this.frames.splice(choice % Math.max(1, this.frames.length), 1)
    if (frame === undefined) return
    const { to, vtep, mac } = frame
    this.take(to, this.proxies[to].hear(vtep, mac, { ip: ipOf(mac) }))
  }

  deliverUpdate(to: 0 | 1 | 2): void {
    const update = this.updates[to].shift()
    if (update === undefined) return
    const { key, route } = update
    if (to === 2) this.node.receive(update)
    else
      this.take(
        to,
        this.proxies[to].step(route === undefined ? { type: 'route-withdrawn', key } : { type: 'route', route }),
      )
  }

  wait(ms: number): void {
    for (const to of [0, 1] as const) this.take(to, this.proxies[to].wait(ms))
  }

  settle(): void {
    for (let round = 0; round < 1000; round++) {
      if (this.frames.length === 0 && this.updates.every((queue) => queue.length === 0)) return
      while (this.frames.length > 0) this.deliverFrame(0)
      for (const to of [0, 1, 2] as const) this.deliverUpdate(to)
    }
    assert.fail('they never agree')
  }

  private take(from: 0 | 1, actions: readonly Action[]): void {
    for (const action of actions) {
      switch (action.type) {
        case 'probe':
          // only who is there answers, and only to who has asked
          if (this.places.get(action.mac) === action.vtep)
            this.frames.push({ to: from, vtep: action.vtep, mac: action.mac })
          break
        case 'announce':
        case 'withdraw': {
          const { route } = action
          const of = route.type === 'imet' ? route.vtep : `${route.mac} ${route.ip ?? ''}`
          const key = `p${from} ${of}`
          const macIp = route.type === 'imet' ? undefined : { ...route, isGateway: false }
          const sent = { key, vni: VNI, nextHop: route.vtep, isMarked: true, macIp }
          for (const to of [1 - from, 2])
            this.updates[to]?.push({ key, route: action.type === 'announce' ? sent : undefined })
          break
        }
        case 'event':
      }
    }
  }
}

const host = fc.constantFrom(...MACS)
const command = fc.oneof(
  fc.record({ do: fc.constant('move' as const), mac: host, to: fc.constantFrom(...PLACES) }),
  fc.record({
    do: fc.constant('speak' as const),
    mac: host,
    seenBy: fc.constantFrom<readonly (0 | 1)[]>([0], [1], [0, 1], [1, 0]),
  }),
  fc.record({ do: fc.constant('frame' as const), choice: fc.nat(9) }),
  fc.record({ do: fc.constant('update' as const), to: fc.constantFrom<0 | 1 | 2>(0, 1, 2) }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.nat(1000) }),
)

test('two proxies agree where each host is, however late and disordered frames and routes arrive', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 120 }), (commands) => {
      const world = new World()
      for (const it of commands) {
        if (it.do === 'move') world.places.set(it.mac, it.to)
        else if (it.do === 'speak') world.speak(it.mac, it.seenBy)
        else if (it.do === 'frame') world.deliverFrame(it.choice)
        else if (it.do === 'update') world.deliverUpdate(it.to)
        else world.wait(it.ms)
      }
      world.settle()
      for (const mac of MACS) world.speak(mac, [0, 1])
      world.settle()
      world.wait(10_000)
      world.settle()
      const [one, other] = world.proxies.map((proxy) => proxy.shown.filter((line) => line.includes(' ')))
      assert.deepEqual(one, other, 'both say the same, with the same sequence numbers')
      for (const [mac, place] of world.places) {
        const routes = world.proxies[0].shown.filter((line) => line.includes(mac))
        assert.deepEqual(
          routes.map((line) => line.slice(0, line.indexOf(' seq'))).sort(),
          place === EVPN ? [] : [`${place} ${mac}`, `${place} ${mac} ${ipOf(mac)}`],
        )
        assert.equal(world.node.here.has(mac), place === EVPN)
      }
    }),
    { numRuns: 500 },
  )
})
