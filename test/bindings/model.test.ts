// Random lives of many bindings (world.ts): invariants after every step (checked-world.ts), and the plainest form of the
// rules (reference.ts).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DEFAULT_POLICY, type Policy } from '../../src/bindings/policy.js'
import type { Rival } from '../../src/bindings/rivals.js'
import { TRANSITIONS } from '../../src/bindings/state.js'
import { Reference } from './reference.js'
import { type Command, commands } from './commands.js'
import { World } from './world.js'

const ANY = { ipv4: Infinity, ipv6: Infinity }
const duplicates = { moves: 3, windowMs: 60_000, holdDownMs: 15_000, confirmMs: 1200 }
const TIGHT: Policy = {
  ...{ ...DEFAULT_POLICY, duplicates, probeRate: { perPort: 4, total: 8 } },
  limits: { perMac: { ipv4: 2, ipv6: 2 }, perPort: { ipv4: 3, ipv6: 2 }, perVni: 5, total: 6 },
}
const WIDE: Policy = {
  ...{ ...DEFAULT_POLICY, duplicates, probeRate: { perPort: Infinity, total: Infinity } },
  limits: { perMac: ANY, perPort: ANY, perVni: Infinity, total: Infinity },
}

function live(policy: Policy, commands: readonly Command[]): World {
  const world = new World(policy)
  for (const command of commands) world.take(command)
  return world
}

test('whatever happens: every invariant holds after every step, and what is not seen again goes', () => {
  fc.assert(
    fc.property(commands, (commands) => {
      live(TIGHT, commands).end()
    }),
    { numRuns: 400 },
  )
})

test('without probes, too', () => {
  fc.assert(
    fc.property(commands, (commands) => {
      live({ ...TIGHT, probes: 'off' }, commands).end()
    }),
  )
})

test('whatever happens: the table is what the rules say in their plainest form', () => {
  fc.assert(
    fc.property(commands, (commands) => {
      const reference = new Reference(WIDE)
      const world = new World(WIDE, (event, now) => {
        reference.apply(event, now)
      })
      for (const command of commands) {
        world.take(command)
        const known = reference.known.map(({ due, anchor, moves, ...it }) => ({
          ...{ vni: it.vni, mac: it.mac, ip: it.ip, port: anchor.port, vlan: anchor.vlan, router: it.router },
          ...{ phase: it.phase, confirmed: it.confirmed, minSeq: it.minSeq, moves: moves.length, due: due?.at },
          ...{ suppressedByFpm: it.suppressedByFpm, isProxied: it.isProxied },
        }))
        const table = [...world.table.bindings()].map(({ anchor, moves, ...it }) => ({
          ...{ vni: it.vni, mac: it.mac, ip: it.ip, port: anchor.port, vlan: anchor.vlan, router: it.router },
          ...{ phase: it.phase, confirmed: it.confirmed, minSeq: it.minSeq, moves: moves.length },
          ...{ suppressedByFpm: it.suppressedByFpm, isProxied: it.isProxied },
          due: world.table.timers.at(it as never) ?? world.table.timers.at(world.table.find(it.vni, it.ip) as never),
        }))
        const inOrder = (all: typeof known): typeof known =>
          all.sort((a, b) => (`${a.vni} ${a.ip}` < `${b.vni} ${b.ip}` ? -1 : 1))
        assert.deepEqual(inOrder(table), inOrder(known))
        const named = (rivals: readonly (Omit<Rival, 'timer'> & { due: number | undefined })[]): string[] =>
          rivals
            .map(({ vni, mac, ip, anchor, tries, due }) => `${vni} ${mac} ${ip} ${anchor.port} ${tries} ${due}`)
            .sort()
        const { rivals, timers } = world.table
        const asked = world.rivals().map((it) => ({ ...it, due: timers.at(it) }))
        assert.equal(rivals.size, asked.length)
        assert.deepEqual(named(asked), named(reference.rivals))
      }
    }),
    { numRuns: 400 },
  )
})

test('the same events at the same times give the same actions', () => {
  fc.assert(
    fc.property(commands, (commands) => {
      assert.deepEqual(live(TIGHT, commands).log, live(TIGHT, commands).log)
    }),
  )
})

test('no transition of the table is dead, in any of its ways', () => {
  const covered = new Set<string>()
  // the same ones every time: this asks what can happen, not what happened today
  for (const sample of fc.sample(commands, { seed: 1, numRuns: 1000 })) {
    for (const policy of [TIGHT, WIDE, { ...WIDE, probes: 'off' as const }])
      for (const it of live(policy, sample).covered) covered.add(it)
  }
  const listed = Object.entries(TRANSITIONS).flatMap(([name, { from, to, by }]) => [
    ...from.map((state) => `${name} from ${state}`),
    ...to.map((state) => `${name} to ${state}`),
    ...by.map((type) => `${name} by ${type}`),
  ])
  assert.deepEqual(
    listed.filter((way) => !covered.has(way)),
    [],
  )
})
