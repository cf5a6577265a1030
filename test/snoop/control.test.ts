import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { askBindings, askClear, askExplanation, askSnooper } from '../../src/cli/queries.js'
import { Deframer, frame } from '../../src/control/framing.js'
import type { Event } from '../../src/bindings/event.js'
import { DEFAULT_POLICY, type Policy } from '../../src/bindings/policy.js'
import { step } from '../../src/bindings/step.js'
import { Table } from '../../src/bindings/table.js'
import { snoop as proto } from '../../src/gen/snoop.js'
import { monotonicMs } from '../../src/base/clock.js'
import { type BindingDetail, type ClearRequest, listenSnoopControl, type Subject } from '../../src/snoop/control.js'
import { History } from '../../src/snoop/history.js'
import { counters } from '../../src/control/snoop-codec.js'
import { countStates } from '../../src/snoop/status.js'
import { silent, tempDir } from '../support.js'
import { evidence, VM1, VM2 } from '../bindings/build.js'
import { subject } from './subject.js'

const ANY = { ipv4: Infinity, ipv6: Infinity }
const UNLIMITED: Policy = {
  ...DEFAULT_POLICY,
  limits: { perMac: ANY, perPort: ANY, perVni: Infinity, total: Infinity },
}

async function listening(t: TestContext, bindings: number, changes: Partial<Subject> = {}): Promise<string> {
  const path = join(tempDir(t), 'snoop.sock')
  const { table = new Table() } = changes
  for (let index = 0; index < bindings; index++) {
    step(
      table,
      evidence({ ip: `10.0.${index >> 8}.${index & 255 || 1}`, vni: 100 + (index & 255 ? 0 : 1) }),
      UNLIMITED,
      monotonicMs(),
    )
  }
  const status = (): proto.SnoopStatus.$Properties => ({
    pid: 42,
    bindings: table.size,
    ...countStates(table, DEFAULT_POLICY),
    refused: counters(table.refused),
  })
  const server = await listenSnoopControl(path, subject({ ...changes, table }), status, silent)
  t.after(() => server.close())
  return path
}

test('status', async (t) => {
  const answer = await askSnooper(await listening(t, 3))
  assert.ok(answer.running)
  assert.equal(answer.pid, 42)
  assert.equal(answer.bindings, 3)
  assert.deepEqual(answer.states, { pending: 3 })
  assert.deepEqual(answer.reasons, { 'relay-gone': 3 })
  assert.equal(answer.refused['no-vni'], 0)
})

test('bindings of any number come whole', async (t) => {
  for (const number of [0, 1, 500, 12_345]) {
    const answer = await askBindings(await listening(t, number))
    assert.ok(answer.running)
    assert.equal(answer.bindings.length, number)
  }
})

test('a binding says what, where, since when and why', async (t) => {
  const answer = await askBindings(await listening(t, 1))
  assert.ok(answer.running)
  const [binding] = answer.bindings
  assert.ok(binding)
  const { firstSeen, lastSeen, expires, ...rest } = binding
  assert.deepEqual(rest, {
    ...{ vni: 101, ip: '10.0.0.1', mac: VM1, port: 'tap1', vlan: 0, router: false, seq: 0 },
    ...{ state: 'pending', reason: 'relay-gone', evidence: 'arp-request' },
  })
  assert.ok(Math.abs(firstSeen - Date.now()) < 60_000)
  assert.ok(Math.abs(lastSeen - firstSeen) <= 1)
  assert.ok(Math.abs(expires - lastSeen - 1800_000) <= 1)
})

/** Everything that is answered to `messages`, until the server closes the connection. */
async function answersTo(path: string, ...messages: (proto.ToSnoop.$Properties | Uint8Array)[]): Promise<string> {
  const socket = connect(path)
  const bytes = messages.map((it) => (it instanceof Uint8Array ? it : proto.ToSnoop.encode(it).finish()))
  socket.write(Buffer.concat(bytes.map(frame)))
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('latin1')
}

test('questions on top of one another, and none at all, end the connection with a reason', async (t) => {
  const path = await listening(t, 5000)
  const table = { getBindings: {} }
  assert.match(await answersTo(path, table, table, table), /one question at a time/)
  assert.match(await answersTo(path, { getEvents: { follow: true } }, table), /one question at a time/)
  assert.match(await answersTo(path, {}), /the message asks nothing that is known here/)
})

const IP = Buffer.from([10, 0, 0, 1])
const MAC = Buffer.from('bc2411000001', 'hex')
const WRONG: [question: proto.ToSnoop.$Properties, why: RegExp][] = [
  [{ explain: {} }, /explain needs either a MAC or an IP address/],
  [{ explain: { mac: MAC, ip: IP } }, /explain needs either a MAC or an IP address/],
  [{ explain: { ip: MAC } }, /an IP address has 4 or 16 bytes, not 6/],
  [{ explain: { ip: IP, vni: 1 << 24 } }, /a VNI is at most 16777215/],
  [{ getEvents: { filter: { mac: IP } } }, /a MAC address has 6 bytes, not 4/],
  [{ getEvents: { filter: { events: ['__proto__'] } } }, /no event has this name; known are learned, /],
  [{ clear: {} }, /only a duplicate or a binding can be cleared/],
  [{ clear: { what: 'binding' } }, /clearing a binding needs its MAC or IP address/],
  [{ clear: { what: 'duplicate', ip: IP, mac: MAC } }, /clear takes a MAC or an IP address, not both/],
]
for (const [question, why] of WRONG) {
  test(`a question that makes no sense is refused: ${why.source}`, async (t) => {
    const it = subject()
    assert.match(await answersTo(await listening(t, 1, it), question), why)
    assert.deepEqual(it.cleared, [], 'and nothing is done')
  })
}

test('no bytes end the server, or keep it from answering others', async (t) => {
  const path = await listening(t, 3)
  const question = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    // a known question with anything in it
    fc.tuple(fc.integer({ min: 16, max: 20 }), fc.uint8Array({ maxLength: 40 })).map(([field, inner]) => {
      return Uint8Array.from([((field << 3) & 0x7f) | 2 | 0x80, field >> 4, inner.length, ...inner])
    }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(question, { minLength: 1, maxLength: 3 }), async (questions) => {
      const socket = connect(path)
      socket.on('error', () => undefined)
      socket.end(Buffer.concat(questions.map(frame)))
      await once(socket.resume(), 'close')
      const answer = await askSnooper(path)
      assert.ok(answer.running)
    }),
    { numRuns: 100 },
  )
})

const note = (history: History, ip: string, changes: Partial<Event> = {}): void => {
  history.add(
    { event: 'learned', key: { vni: 100, mac: VM1, ip }, port: 'tap1', detail: '', ...changes },
    monotonicMs(),
  )
}

test('explain: the bindings of an address, what happened to them, what was refused', async (t) => {
  const history = new History()
  note(history, '10.0.0.1')
  note(history, '10.0.0.2', { event: 'contested', detail: `${VM2} tap2` })
  note(history, '10.0.0.2', { event: 'refused', detail: 'gateway' })
  const now = monotonicMs()
  const explain = (): BindingDetail => ({
    ...{ timer: { what: 'probe', at: now + 5000 }, tries: 2, moves: [now - 1000], frozenUntil: now + 9000 },
    ...{ confirmed: false, isStatic: true, minSeq: 7 },
    claim: { mac: VM2, port: 'tap2', vlan: 3, evidence: 'na', at: now },
  })
  const path = await listening(t, 5, { history, explain })
  const one = await askExplanation(path, { ip: '10.0.0.2' }, 100)
  assert.ok(one.running)
  const [first, ...others] = one.bindings
  assert.ok(first)
  assert.deepEqual(others, [])
  const near = (time: number | undefined, monotonic: number): boolean =>
    Math.abs((time ?? 0) - Date.now() - (monotonic - monotonicMs())) < 60_000
  const { timer, claim, moves, frozenUntil, ...rest } = first.detail
  assert.deepEqual(rest, { tries: 2, confirmed: false, static: true, minSeq: 7 })
  assert.ok(timer?.what === 'probe' && near(timer.time, now + 5000))
  assert.ok(moves.length === 1 && near(moves[0], now - 1000) && near(frozenUntil ?? 0, now + 9000))
  assert.deepEqual([claim?.mac, claim?.port, claim?.vlan, claim?.evidence], [VM2, 'tap2', 3, 'na'])
  assert.deepEqual([first.binding.ip, first.binding.mac, first.binding.state], ['10.0.0.2', VM1, 'pending'])
  assert.deepEqual(
    one.events.map(({ event, detail }) => [event, detail]),
    [
      ['contested', `${VM2} tap2`],
      ['refused', 'gateway'],
    ],
  )
  assert.deepEqual(
    one.refusals.map(({ ip, reason, count }) => [ip, reason, count]),
    [['10.0.0.2', 'gateway', 1]],
  )
  assert.deepEqual(one.policy?.limits, {
    ...{ 'mac-ipv4': 8, 'mac-ipv6': 16, 'port-ipv4': 64, 'port-ipv6': 128 },
    ...{ vni: 16_000, total: 100_000 },
  })
  const ofMac = await askExplanation(path, { mac: VM2 }, undefined)
  assert.ok(ofMac.running)
  assert.deepEqual([ofMac.bindings.length, ofMac.events.length], [0, 1], 'it claimed the address')
})

test('explain: what is much comes whole', async (t) => {
  const history = new History()
  for (let number = 0; number < 3000; number++) note(history, '10.0.0.2')
  for (let number = 0; number < 1200; number++) {
    note(history, `10.1.${number >> 8}.${number & 255}`, { event: 'refused', detail: 'gateway' })
  }
  const path = await listening(t, 12_345, { history })
  const all = await askExplanation(path, { mac: VM1 }, undefined)
  assert.ok(all.running)
  assert.deepEqual([all.bindings.length, all.refusals.length], [12_345, 1200])
  assert.equal(all.events.filter(({ event }) => event === 'learned').length, 3000)
  const none = await askExplanation(path, { mac: VM1 }, 999)
  assert.ok(none.running)
  assert.deepEqual([none.bindings, none.events, none.refusals], [[], [], []])
})

test('clear: what is asked for, and what it did', async (t) => {
  const history = new History()
  note(history, '10.0.0.9')
  const it = subject({ history })
  const clear = (request: ClearRequest): number => {
    note(history, '10.0.0.1', { event: 'released' })
    return it.clear(request)
  }
  const path = await listening(t, 1, { history, clear })
  const answer = await askClear(path, 'duplicate', undefined, undefined)
  assert.ok(answer.running)
  assert.deepEqual([answer.cleared, answer.events.map(({ event, ip }) => `${event} ${ip}`)], [1, ['released 10.0.0.1']])
  await askClear(path, 'binding', { ip: '2001:db8::1' }, 7)
  await askClear(path, 'binding', { mac: VM2 }, undefined)
  assert.deepEqual(it.cleared, [
    { what: 'duplicate', vni: undefined, mac: undefined, ip: undefined },
    { what: 'binding', vni: 7, mac: undefined, ip: '2001:db8::1' },
    { what: 'binding', vni: undefined, mac: VM2, ip: undefined },
  ])
})

/** Messages as they come, from a client that reads only when it is asked to. */
async function* reading(socket: Socket): AsyncGenerator<proto.FromSnoop> {
  const deframer = new Deframer()
  for await (const chunk of socket) {
    const messages: proto.FromSnoop[] = []
    deframer.feed(chunk as Buffer, (bytes) => messages.push(proto.FromSnoop.decode(bytes)))
    yield* messages
  }
}

test('events: those there already, then end, then those to come, once each and in order', async (t) => {
  const history = new History()
  for (let number = 0; number < 1200; number++) note(history, '10.0.0.1')
  const path = await listening(t, 0, { history })
  const socket = connect(path)
  const filter = { ip: IP, vni: 100 }
  socket.write(frame(proto.ToSnoop.encode({ getEvents: { follow: true, last: 1100, filter } }).finish()))
  const seen: number[] = []
  for await (const { events, end } of reading(socket)) {
    for (const event of events?.events ?? []) seen.push(event.sequence ?? 0)
    assert.equal(events?.lost ?? 0, 0)
    if (end != null) {
      assert.equal(seen.length, 1100)
      note(history, '10.0.0.1')
      note(history, '10.0.0.2')
      note(history, '10.0.0.1')
    }
    if (seen.length === 1102) break
  }
  assert.deepEqual(seen, [...Array.from({ length: 1101 }, (_, index) => 100 + index), 1202])
})

test('a follower that does not read costs no memory and is told what it missed', async (t) => {
  const history = new History()
  const path = await listening(t, 0, { history })
  const socket = connect(path)
  socket.write(frame(proto.ToSnoop.encode({ getEvents: { follow: true } }).finish()))
  const messages = reading(socket)
  const first = await messages.next()
  assert.ok(first.done !== true && first.value.end != null)
  const total = 400_000
  for (let number = 0; number < total; number++) {
    note(history, '10.0.0.1')
    if (number % 1000 === 0) await nextTurn()
  }
  let [read, lost, next] = [0, 0, 0]
  for await (const { events } of messages) {
    lost += events?.lost ?? 0
    next += events?.lost ?? 0
    for (const { sequence } of events?.events ?? []) {
      assert.equal(sequence, next++)
      read++
    }
    if (next === total) break
  }
  assert.equal(read + lost, total)
  assert.ok(read < total / 4, `${read} were kept for it`)
})

test('a follower that leaves is not waited for', async (t) => {
  let woken: () => void = () => undefined
  class Watched extends History {
    override wake(): void {
      super.wake()
      woken()
    }
  }
  const path = await listening(t, 0, { history: new Watched() })
  const socket = connect(path)
  socket.write(frame(proto.ToSnoop.encode({ getEvents: { follow: true } }).finish()))
  for await (const { end } of reading(socket)) if (end != null) break
  await new Promise<void>((resolve) => {
    woken = resolve
    socket.destroy()
  })
})
