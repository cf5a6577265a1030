// One VM's noise: whatever it says, and however much, what is remembered of other ports stays.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type EventName, type HistoryEvent, MAX_EVENTS } from '../../src/bindings/event.js'
import { History } from '../../src/snoop/history.js'
import { MAX_REFUSALS } from '../../src/snoop/refusals.js'
import { VM1, VM2 } from '../bindings/build.js'

const ip = (number: number): string => `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`
const keyOf = (number: number) => ({ vni: 100, mac: VM1, ip: ip(number) })

function kept(history: History, event?: EventName): HistoryEvent[] {
  const filter = event === undefined ? {} : { events: new Set([event]) }
  return history.read(history.last(Infinity, filter), filter, Infinity).events
}

test('the last events of a port survive any flood of other ports, in their order', () => {
  const ports = ['tap0', 'tap1', 'tap2', 'tap3']
  const share = Math.floor(MAX_EVENTS / ports.length)
  const burst = fc.record({
    port: fc.constantFrom(...ports),
    count: fc.constantFrom(1, 7, share - 1, share, MAX_EVENTS + 1),
  })
  fc.assert(
    fc.property(fc.array(burst, { maxLength: 25 }), (bursts) => {
      const history = new History()
      const told = new Map<string, number[]>(ports.map((port) => [port, []]))
      for (const { port, count } of bursts) {
        for (let left = count; left > 0; left--) {
          told.get(port)?.push(history.end)
          history.add({ event: 'moved', key: keyOf(left), port, detail: '' }, 1)
        }
      }
      const events = kept(history)
      const sequences = events.map(({ sequence }) => sequence)
      assert.deepEqual(
        sequences,
        sequences.toSorted((a, b) => a - b),
      )
      assert.equal(events.length, Math.min(history.end, MAX_EVENTS))
      for (const [port, all] of told) {
        const ofPort = events.filter((it) => it.port === port).map(({ sequence }) => sequence)
        assert.deepEqual(ofPort, all.slice(all.length - ofPort.length), 'a port loses its oldest first')
        assert.ok(ofPort.length >= Math.min(all.length, share), `${port} has kept ${ofPort.length} of ${all.length}`)
      }
    }),
    { numRuns: 30 },
  )
})

test('the last refusals of a port survive any flood of other ports', () => {
  const ports = ['tap0', 'tap1', 'tap2', 'tap3']
  const share = Math.floor(MAX_REFUSALS / ports.length)
  const burst = fc.record({
    port: fc.constantFrom(...ports),
    count: fc.constantFrom(1, 7, share, MAX_REFUSALS + 1),
    from: fc.integer({ min: 0, max: 2 }),
  })
  fc.assert(
    fc.property(fc.array(burst, { maxLength: 25 }), (bursts) => {
      const history = new History()
      /** Of each port: address → how often, most recent last. */
      const refused = new Map(ports.map((port) => [port, new Map<string, true>()]))
      for (const { port, count, from } of bursts) {
        for (let number = from; number < from + count; number++) {
          const key = keyOf(number)
          refused.get(port)?.delete(key.ip)
          refused.get(port)?.set(key.ip, true)
          history.add({ event: 'refused', key, port, detail: 'mac-mismatch' }, 1)
        }
      }
      const all = history.refusals({})
      assert.ok(all.length <= MAX_REFUSALS)
      for (const [port, addresses] of refused) {
        const recent = [...addresses.keys()]
        const ofPort = all.filter((it) => it.port === port).map(({ key }) => key.ip)
        assert.deepEqual(ofPort, recent.slice(recent.length - ofPort.length), 'a port loses its least recent first')
        assert.ok(
          ofPort.length >= Math.min(recent.length, share),
          `${port} has kept ${ofPort.length} of ${recent.length}`,
        )
      }
    }),
    { numRuns: 30 },
  )
})

test('the same claim from another port is counted there, and leaves what is known of the first port', () => {
  const history = new History()
  const refuse = (port: string, at: number): void => {
    history.add({ event: 'refused', key: keyOf(1), port, detail: 'gateway' }, at)
  }
  refuse('tap1', 1)
  refuse('tap1', 2)
  for (let at = 3; at < 10; at++) refuse('tap2', at)
  assert.deepEqual(
    history.refusals({}).map(({ port, count, first, last }) => ({ port, count, first, last })),
    [
      { port: 'tap1', count: 2, first: 1, last: 2 },
      { port: 'tap2', count: 7, first: 3, last: 9 },
    ],
  )
})

test('a port that is refused all the time does not keep the first refusal of another one out of the events', () => {
  const history = new History()
  const refuse = (port: string, number: number): void => {
    history.add({ event: 'refused', key: keyOf(number), port, detail: 'mac-mismatch' }, number / 10)
  }
  for (let number = 0; number < 10_000; number++) refuse('tap1', number)
  refuse('tap2', 10_000)
  assert.equal(kept(history, 'refused').at(-1)?.port, 'tap2')
})

test('claims on one address are charged to the port that makes them, not to the port of the owner', () => {
  const history = new History()
  history.add({ event: 'learned', key: keyOf(1), port: 'tap1', detail: 'arp-request' }, 1)
  for (let port = 0; port < 4; port++) {
    history.add({ event: 'learned', key: keyOf(100 + port), port: `tap${10 + port}`, detail: 'arp-request' }, 1)
  }
  for (let number = 0; number < 2 * MAX_EVENTS; number++) {
    const event = number % 2 === 0 ? 'contested' : 'defended'
    history.add({ event, key: keyOf(1), port: 'tap1', detail: `${VM2} tap2` }, 2)
  }
  assert.equal(kept(history, 'learned').length, 5)
})

test('a reader is not told that events are lost which had been forgotten before it came', () => {
  const history = new History()
  const add = (port: string): void => {
    history.add({ event: 'moved', key: keyOf(1), port, detail: '' }, 1)
  }
  add('tap2')
  for (let left = 3 * MAX_EVENTS; left > 0; left--) add('tap1')
  const cursor = history.last(Infinity, {})
  assert.equal(cursor.sequence, 0)
  assert.equal(history.read(cursor, {}, 10).lost, 0)
  assert.equal(history.read(cursor, {}, Infinity).lost, 0)
  for (let left = MAX_EVENTS + 3; left > 0; left--) add('tap1')
  const { events, lost } = history.read(cursor, {}, Infinity)
  // tap2 has one event, so tap1 may have all others
  assert.deepEqual([events.length, lost], [MAX_EVENTS - 1, 4])
})
