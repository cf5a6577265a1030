// Random events against a model that is nothing but a list of what should be known.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DEFAULT_POLICY } from '../../src/evpn/refusal.js'
import { type Action, type Event, step } from '../../src/evpn/step.js'
import { Table } from '../../src/evpn/table.js'
import { evidence, restored } from './build.js'

const AGE = 100
const policy = { ...DEFAULT_POLICY, ageMs: AGE }

const vni = fc.constantFrom(100, 200)
const mac = fc.constantFrom('02:00:00:00:00:01', '02:00:00:00:00:02', '02:00:00:00:00:03', '01:00:00:00:00:01')
const ip = fc.constantFrom('10.0.0.1', '10.0.0.2', '2001:db8::1', 'fe80::1', '127.0.0.1')
const place = fc.constantFrom(
  { ifindex: 1, port: 'tap1', vlan: 0 },
  { ifindex: 1, port: 'tap1', vlan: 5 },
  { ifindex: 2, port: 'tap2', vlan: 0 },
)
const own = fc.constantFrom(undefined, undefined, undefined, 'mac' as const, 'ip' as const)

const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .record({
        kind: fc.constantFrom('arp-request' as const, 'arp-reply' as const, 'na' as const),
        mac,
        ip,
        vni: fc.option(vni, { nil: undefined, freq: 9 }),
        place: fc.option(place, { nil: undefined, freq: 9 }),
        router: fc.boolean(),
        override: fc.boolean(),
        own,
      })
      .map(evidence),
  },
  fc
    .record({
      vni,
      mac,
      ip,
      lastSeen: fc.integer({ min: -200, max: 0 }),
      place: fc.option(place, { nil: undefined }),
      own,
    })
    .map(({ place, own, ...entry }) => restored(entry, { place, own })),
  fc
    .record({ ifindex: fc.constantFrom(1, 2), vlan: fc.constantFrom(0, 5) })
    .map((lost): Event => ({ type: 'port-lost', reason: 'port-gone', ...lost })),
  fc.constantFrom(1, 2).map((ifindex): Event => ({ type: 'port-lost', reason: 'port-down', ifindex })),
  fc
    .record({
      by: fc.constantFrom('zebra' as const, 'bgpd' as const),
      ...{ vni, mac, ip, gone: fc.boolean(), flags: fc.constantFrom(0, 2), seq: fc.nat(3) },
    })
    .map((change): Event => ({ type: 'view', change: { type: 'macip', ...change } })),
  fc.constant<Event>({ type: 'views-reset' }),
  fc.constant<Event>({ type: 'tick' }),
)

type Known = { mac: string; ifindex: number; vlan: number; expires: number }

/** The rules of the design in their plainest form, with no regard for cost. */
class Model {
  readonly known = new Map<string, Known>()
  private readonly announced = new Map<string, { vni: number; mac: string; ip: string }>()

  apply(event: Event, now: number): void {
    switch (event.type) {
      case 'evidence': {
        const { evidence } = event
        if (evidence.place === undefined || evidence.vni === undefined) return
        const name = `${evidence.vni} ${evidence.ip}`
        const current = this.known.get(name)
        if (evidence.mac.startsWith('01') || evidence.ip === '127.0.0.1') return
        if (evidence.own === 'ip' || (evidence.own === 'mac' && current?.mac === evidence.mac)) this.known.delete(name)
        if (evidence.own !== undefined || this.isGateway(evidence.vni, evidence.mac, evidence.ip)) return
        if (evidence.kind === 'na' && !evidence.override && current !== undefined && current.mac !== evidence.mac)
          return
        this.known.set(name, { mac: evidence.mac, ...evidence.place, expires: now + AGE })
        return
      }
      case 'restored': {
        const { vni, mac, ip, lastSeen } = event.entry
        const name = `${vni} ${ip}`
        if (event.place === undefined || event.own !== undefined || this.known.has(name)) return
        if (mac.startsWith('01') || ip === '127.0.0.1' || this.isGateway(vni, mac, ip)) return
        this.known.set(name, { mac, ...event.place, expires: Math.max(lastSeen, now) + AGE })
        return
      }
      case 'port-lost':
        for (const [name, { ifindex, vlan }] of this.known) {
          if (ifindex === event.ifindex && (event.vlan === undefined || event.vlan === vlan)) this.known.delete(name)
        }
        return
      case 'view': {
        const { change } = event
        if (change.type === 'vni' || change.ip === undefined) return
        const name = `${change.by} ${change.vni} ${change.mac} ${change.ip}`
        if (change.gone || change.flags !== 2) this.announced.delete(name)
        else this.announced.set(name, { vni: change.vni, mac: change.mac, ip: change.ip })
        for (const [name, { mac }] of this.known) {
          const [vni, ip = ''] = name.split(' ')
          if (this.isGateway(Number(vni), mac, ip)) this.known.delete(name)
        }
        return
      }
      case 'views-reset':
        this.announced.clear()
        return
      case 'tick':
        for (const [name, { expires }] of this.known) if (expires <= now) this.known.delete(name)
        return
      case 'relay':
      case 'report':
        return
    }
  }

  private isGateway(vni: number, mac: string, ip: string): boolean {
    return [...this.announced.values()].some((it) => it.vni === vni && (it.mac === mac || it.ip === ip))
  }
}

/** The relay's overlay as the actions make it; checks that an IP never has two MACs, not even between two actions. */
class OverlayMirror {
  private readonly macs = new Map<string, string>()

  handBack({ entry }: Extract<Event, { type: 'restored' }>): boolean {
    const name = `${entry.vni} ${entry.ip}`
    if (this.macs.has(name)) return false
    this.macs.set(name, entry.mac)
    return true
  }

  apply(action: Action): void {
    if (action.type === 'forget') return
    const { vni, mac, ip } = action.type === 'put' ? action.entry : action.key
    const name = `${vni} ${ip}`
    const holder = this.macs.get(name)
    if (action.type === 'put') {
      assert.ok(holder === undefined || holder === mac, `${name}: ${mac} put before ${holder ?? ''} was removed`)
      this.macs.set(name, mac)
    } else {
      assert.equal(holder, mac, `${name}: removed what is not there`)
      this.macs.delete(name)
    }
  }

  entries(): Map<string, string> {
    return this.macs
  }
}

function checkIndices(table: Table): void {
  const bindings = [...table.bindings()]
  assert.equal(table.size, bindings.length)
  for (const binding of bindings) {
    assert.equal(table.find(binding.vni, binding.ip), binding)
    assert.ok(table.ofMac(binding.vni, binding.mac).has(binding))
    assert.ok(table.onPort(binding.place.ifindex).has(binding))
  }
  for (const ifindex of [1, 2]) for (const binding of table.onPort(ifindex)) assert.ok(bindings.includes(binding))
}

test('whatever happens: the table is what the rules say, and the overlay is what the table says', () => {
  const timed = fc.array(fc.tuple(event, fc.nat(40)), { maxLength: 60 })
  fc.assert(
    fc.property(timed, (events) => {
      const table = new Table()
      const model = new Model()
      const overlay = new OverlayMirror()
      let now = 0
      for (const [event, wait] of events) {
        now += wait
        // the relay hands back only what it holds, and it holds one MAC per IP
        if (event.type === 'restored' && !overlay.handBack(event)) continue
        for (const action of step(table, event, policy, now)) overlay.apply(action)
        model.apply(event, now)
        checkIndices(table)
        const held = new Map([...table.bindings()].map((it) => [`${it.vni} ${it.ip}`, it]))
        assert.deepEqual([...held.keys()].sort(), [...model.known.keys()].sort())
        for (const [name, known] of model.known) {
          const binding = held.get(name)
          assert.ok(binding)
          assert.equal(binding.mac, known.mac)
          assert.equal(binding.place.ifindex, known.ifindex)
          assert.equal(binding.place.vlan, known.vlan)
          assert.equal(binding.expires, known.expires)
        }
        assert.deepEqual([...overlay.entries()].sort(), [...held].map(([name, binding]) => [name, binding.mac]).sort())
      }
    }),
    { numRuns: 500 },
  )
})

test('the same events at the same times give the same actions', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(event, fc.nat(40))), (events) => {
      const run = (): Action[] => {
        const table = new Table()
        let now = 0
        return events.flatMap(([event, wait]) => step(table, event, policy, (now += wait)))
      }
      assert.deepEqual(run(), run())
    }),
  )
})
