// Random frames, routes and configurations, hostile ones among them: what must hold after every step.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Policy } from '../../src/proxy/decision/policy.js'
import { isServed, stateOfVtep } from '../../src/proxy/decision/admission.js'
import { Driven, EVPN, policyOf, S1, S2, S3 } from './driven.js'

const VTEPS = [S1, S2, S3, '192.0.2.4', EVPN]
const MACS = Array.from({ length: 6 }, (_, number) => `02:00:00:00:00:0${number}`)
const IPS = Array.from({ length: 6 }, (_, number) => `10.0.0.${number}`)
const LIMITS = { macsPerVtep: 3, macsPerVni: 5, ipsPerMac: 2 }
const POLICIES: readonly Policy[] = [
  policyOf({ limits: LIMITS }),
  policyOf({ limits: LIMITS, learnIp: false }),
  policyOf({ limits: LIMITS, isDraining: true }),
  policyOf({ limits: LIMITS }, { [S1]: [{ mac: MACS[0] ?? '', ips: ['10.0.0.0'], isSticky: true }], [S2]: [] }),
  { ...policyOf({ limits: LIMITS }), vnis: new Map() },
]

const vtep = fc.constantFrom(...VTEPS)
const mac = fc.constantFrom(...MACS)
const ip = fc.option(fc.constantFrom(...IPS), { nil: undefined })
const command = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('hear' as const), vtep, mac, ip }) },
  {
    weight: 3,
    arbitrary: fc.record({
      ...{ do: fc.constant('route' as const), vtep, mac, ip },
      ...{ seq: fc.constantFrom(0, 1, 5, 0xffffffff), isMarked: fc.boolean() },
      ...{ isSticky: fc.boolean(), isGateway: fc.boolean() },
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('withdraw' as const), vtep, mac, ip, isMarked: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 300, 2500, 600_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('policy' as const), number: fc.nat(POLICIES.length - 1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clear' as const), mac }) },
  { weight: 1, arbitrary: fc.constant({ do: 'lost' as const }) },
  { weight: 2, arbitrary: fc.constant({ do: 'synced' as const }) },
)

test('whatever happens: limits hold, no IP has two MACs, nothing is announced for a VTEP that may not be, nothing is left', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 80 }), (commands) => {
      const d = new Driven(POLICIES[0])
      for (const it of commands) {
        switch (it.do) {
          case 'hear':
            d.hear(it.vtep, it.mac, it.ip === undefined ? {} : { ip: it.ip })
            break
          case 'route': {
            const { ip: of, seq, isMarked, isSticky, isGateway } = it
            d.route(it.vtep, it.mac, { ip: of, seq, isMarked, isSticky, isGateway })
            break
          }
          case 'withdraw':
            d.withdraw(it.vtep, it.mac, { ip: it.ip ?? '', isMarked: it.isMarked })
            break
          case 'wait':
            d.wait(it.ms)
            break
          case 'policy':
            d.policy = POLICIES[it.number] ?? d.policy
            d.step({ type: 'policy' })
            break
          case 'clear':
            d.step({ type: 'clear', key: { vni: 100, mac: it.mac } })
            break
          case 'lost':
            d.step({ type: 'session-lost', session: 'rr' })
            break
          case 'synced':
            d.step({ type: 'session-synced', session: 'rr' })
        }
        check(d)
      }
      d.step({ type: 'session-lost', session: 'rr' })
      d.step({ type: 'session-synced', session: 'rr' })
      assert.equal(d.table.others.size, 0)
      d.policy = POLICIES[0] ?? d.policy
      d.step({ type: 'policy' })
      d.wait(5 * d.policy.ageMs)
      assert.deepEqual(d.shown, [])
      assert.equal(d.table.size, 0)
      assert.equal(d.table.contests.size, 0)
      assert.equal(d.table.timers.next(), undefined)
    }),
    { numRuns: 500 },
  )
})

function check({ table, policy, routes }: Driven): void {
  const owners = new Set<string>()
  const macs = new Map<string, Set<string>>()
  for (const route of routes.values()) {
    assert.ok(isServed(stateOfVtep(table, policy, route.vni, route.vtep)), `${route.vtep} is announced`)
    if (route.type === 'imet') continue
    assert.ok(
      [...routes.values()].some(({ type, vtep: of }) => type === 'imet' && of === route.vtep),
      'its VTEP, too',
    )
    macs.set(route.mac, (macs.get(route.mac) ?? new Set()).add(route.vtep))
    if (route.ip === undefined) continue
    assert.ok(!owners.has(route.ip), `${route.ip} has two MACs`)
    owners.add(route.ip)
    assert.ok(route.seq <= 0xffffffff)
  }
  for (const [of, vteps] of macs) assert.equal(vteps.size, 1, `${of} is at one place`)
  assert.ok(table.foundIn(100).size <= policy.discover.limit)
  let learned = 0
  for (const host of table.allHosts()) {
    learned += host.isStatic ? 0 : 1
    assert.ok([...host.addresses].filter(({ isStatic }) => !isStatic).length <= LIMITS.ipsPerMac)
  }
  assert.ok(learned <= LIMITS.macsPerVni)
}
