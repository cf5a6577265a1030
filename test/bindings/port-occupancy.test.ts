import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Binding, newBinding } from '../../src/bindings/model.js'
import { PortOccupancy } from '../../src/bindings/port-occupancy.js'

const on = (ifindex: number, n: number): Binding =>
  newBinding({
    ...{ vni: 100, mac: '02:00:00:00:00:01', ip: n % 2 ? `2001:db8::${n}` : `10.0.0.${n}`, router: false },
    ...{ anchor: { ifindex, port: `tap${ifindex}`, vlan: 0, ageingMs: 0 }, evidence: 'na', firstSeen: 0, lastSeen: 0 },
  })

const operation = fc.record({
  do: fc.constantFrom('add' as const, 'add' as const, 'remove' as const, 'touch' as const, 'victim' as const),
  port: fc.nat(4),
  pick: fc.nat(1000),
})

test('whatever comes and goes: counts and victims are those of a plain list', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 150 }), (operations) => {
      const occupancy = new PortOccupancy()
      /** Least recently seen first. */
      let model: Binding[] = []
      let n = 0
      for (const { do: what, port, pick } of operations) {
        const picked = model[pick % Math.max(model.length, 1)]
        if (what === 'add') {
          const binding = on(port, ++n)
          occupancy.add(binding, n % 2 === 1)
          model.push(binding)
        } else if (picked !== undefined && what !== 'victim') {
          model = model.filter((it) => it !== picked)
          if (what === 'remove') occupancy.remove(picked, picked.ip.includes(':'))
          else {
            occupancy.touch(picked)
            model.push(picked)
          }
        }
        const ofPort = (ifindex: number): Binding[] => model.filter(({ anchor }) => anchor.ifindex === ifindex)
        assert.equal(occupancy.size, model.length)
        const sizes = [0, 1, 2, 3, 4].map((ifindex) => ofPort(ifindex).length)
        for (const [ifindex, size] of sizes.entries()) {
          const v6 = ofPort(ifindex).filter(({ ip }) => ip.includes(':')).length
          const group = occupancy.onPort(ifindex)
          assert.deepEqual([group?.ipv4 ?? 0, group?.ipv6 ?? 0], [size - v6, v6])
          assert.equal(group === undefined, size === 0, 'nothing is kept of a port without bindings')
        }
        const victim = occupancy.victimFor(port)
        const most = Math.max(...sizes)
        if (most <= (sizes[port] ?? 0) + 1) assert.equal(victim, undefined)
        else {
          assert.ok(victim)
          assert.equal(sizes[victim.anchor.ifindex], most)
          assert.equal(victim, ofPort(victim.anchor.ifindex)[0], 'not seen for the longest time')
        }
      }
    }),
  )
})
