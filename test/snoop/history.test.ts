import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type EventName, EVENTS, type HistoryEvent, type HistoryFilter, MAX_EVENTS } from '../../src/bindings/event.js'
import { History } from '../../src/snoop/history.js'
import { MAX_REFUSALS } from '../../src/snoop/refusals.js'
import { VM1, VM2 } from '../bindings/build.js'

const KEY = { vni: 100, mac: VM1, ip: '10.0.0.1' }
const ip = (number: number): string => `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`

function note(history: History, changes: { event?: EventName; ip?: string; mac?: string; detail?: string } = {}): void {
  const { event = 'learned', detail = '', ...key } = changes
  history.add({ event, key: { ...KEY, ...key }, port: 'tap1', detail }, 1000)
}

const eventsOf = (history: History, filter: HistoryFilter): HistoryEvent[] =>
  history.read(history.last(Infinity, filter), filter, Infinity).events

const sequences = (events: Iterable<HistoryEvent>): number[] => [...events].map(({ sequence }) => sequence)

test('the newest events are kept, in their order', () => {
  const history = new History()
  for (let number = 0; number < MAX_EVENTS + 10; number++) note(history, { ip: ip(number) })
  const kept = eventsOf(history, {})
  assert.equal(kept.length, MAX_EVENTS)
  assert.deepEqual([kept[0]?.sequence, kept[0]?.key.ip], [10, ip(10)])
  assert.deepEqual([kept.at(-1)?.sequence, kept.at(-1)?.key.ip], [MAX_EVENTS + 9, ip(MAX_EVENTS + 9)])
  assert.deepEqual([history.start, history.end], [10, MAX_EVENTS + 10])
})

test('a filter: all that it names must match; a MAC also where it is only mentioned', () => {
  const history = new History()
  note(history)
  note(history, { event: 'contested', detail: `${VM2} tap2` })
  note(history, { event: 'taken-over', mac: VM2, detail: `${VM1} tap1` })
  note(history, { ip: '10.0.0.2' })
  assert.deepEqual(sequences(eventsOf(history, { vni: 200 })), [])
  assert.deepEqual(sequences(eventsOf(history, { vni: 100, ip: '10.0.0.1' })), [0, 1, 2])
  assert.deepEqual(sequences(eventsOf(history, { mac: VM2 })), [1, 2])
  assert.deepEqual(sequences(eventsOf(history, { mac: VM1, events: new Set(['learned']) })), [0, 3])
  assert.deepEqual(sequences(history.read({ sequence: 2, since: 4 }, {}, Infinity).events), [2, 3])
  assert.deepEqual(history.last(1, { ip: '10.0.0.1' }), { sequence: 2, since: 4 })
  assert.deepEqual(history.last(2, { mac: VM2 }), { sequence: 1, since: 4 })
  assert.deepEqual(history.last(99, { mac: VM2 }), { sequence: 0, since: 4 })
  assert.deepEqual(history.last(0, {}), { sequence: 4, since: 4 })
})

test('what is refused again and again is one event and a count', () => {
  const history = new History()
  for (let at = 1; at <= 3; at++) {
    history.add({ event: 'refused', key: KEY, port: 'tap3', detail: 'mac-mismatch' }, at)
  }
  note(history, { event: 'refused', detail: 'gateway' })
  assert.deepEqual(sequences(eventsOf(history, {})), [0, 1])
  assert.deepEqual(
    history.refusals({}).map(({ reason, count, port, first, last }) => [reason, count, port, first, last]),
    [
      ['mac-mismatch', 3, 'tap3', 1, 3],
      ['gateway', 1, 'tap1', 1000, 1000],
    ],
  )
})

test('a claim that belongs to no VNI is found in any', () => {
  const history = new History()
  history.add({ event: 'refused', key: { ...KEY, vni: 0 }, port: 'tap1', detail: 'no-vni' }, 1)
  assert.equal(history.refusals({ vni: 100, ip: KEY.ip }).length, 1)
  assert.equal(history.refusals({ vni: 100, ip: '10.0.0.2' }).length, 0)
  assert.equal(history.refusals({ mac: VM1 }).length, 1)
  assert.equal(history.refusals({ mac: VM2 }).length, 0)
})

test('who invents addresses does not displace what happened to others', () => {
  const history = new History()
  note(history, { event: 'duplicate' })
  for (let number = 0; number < 4 * MAX_EVENTS; number++) {
    // 10,000 claims per second
    const key = { ...KEY, ip: ip(number) }
    history.add({ event: 'refused', key, port: 'tap1', detail: 'mac-mismatch' }, number / 10)
  }
  assert.deepEqual(sequences(eventsOf(history, { events: new Set(['duplicate']) })), [0])
  assert.ok(history.end > 100, 'but some are told')
  const kept = history.refusals({})
  assert.equal(kept.length, MAX_REFUSALS)
  assert.equal(kept.at(-1)?.key.ip, ip(4 * MAX_EVENTS - 1), 'the most recent are kept')
})

test('refusals are those of a plain model: least recent forgotten first', () => {
  const claim = fc.record({ ip: fc.integer({ min: 0, max: MAX_REFUSALS + 40 }), times: fc.integer({ min: 1, max: 3 }) })
  fc.assert(
    fc.property(fc.array(claim, { maxLength: 300 }), (claims) => {
      const history = new History()
      const model = new Map<string, number>()
      const refuse = (address: string): void => {
        history.add({ event: 'refused', key: { ...KEY, ip: address }, port: '', detail: 'gateway' }, 1)
        const count = model.get(address) ?? 0
        model.delete(address)
        model.set(address, count + 1)
        const [oldest] = model.keys()
        if (model.size > MAX_REFUSALS && oldest !== undefined) model.delete(oldest)
      }
      for (let number = 0; number < MAX_REFUSALS; number++) refuse(ip(number))
      for (const { ip: number, times } of claims) for (let i = 0; i < times; i++) refuse(ip(number))
      assert.deepEqual(
        history.refusals({}).map(({ key, count }) => [key.ip, count]),
        [...model],
      )
    }),
    { numRuns: 30 },
  )
})

test('a reader of any speed sees every matching event once and in order, or is told how many it missed', () => {
  const names = Object.keys(EVENTS).filter((name) => name !== 'refused') as EventName[]
  const action = fc.oneof(
    fc.record({ event: fc.constantFrom(...names), ip: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ read: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ flood: fc.constantFrom(1, MAX_EVENTS - 1, MAX_EVENTS, MAX_EVENTS + 3) }),
  )
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
      const history = new History()
      const cursor = history.last(0, {})
      const filter = { ip: ip(1) }
      let noted: number[] = []
      for (const it of actions) {
        if ('event' in it) {
          if (it.ip === 1) noted.push(history.end)
          note(history, { event: it.event, ip: ip(it.ip) })
        } else if ('flood' in it) {
          for (let left = it.flood; left > 0; left--) note(history, { ip: ip(2) })
        } else {
          const before = cursor.sequence
          const { events, lost } = history.read(cursor, filter, it.read)
          assert.equal(lost, Math.max(0, history.start - before))
          noted = noted.filter((sequence) => sequence >= before + lost)
          assert.deepEqual(sequences(events), noted.slice(0, it.read))
          assert.ok(events.length === it.read || cursor.sequence === history.end)
        }
      }
      assert.ok(history.end - history.start <= MAX_EVENTS)
    }),
    { numRuns: 50 },
  )
})

test('who waits is woken by the next event, and by hand', async () => {
  const history = new History()
  let woken = 0
  const wait = (): Promise<void> =>
    history.more().then(() => {
      woken++
    })
  const [first, second] = [wait(), wait()]
  note(history)
  note(history)
  await Promise.all([first, second])
  assert.equal(woken, 2)
  const third = wait()
  history.wake()
  await third
})
