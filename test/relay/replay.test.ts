// Recorded exchanges through the relay's logic. The recordings are journals of relays with real daemons, made by
// lab/record.ts.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { Comparison } from '../../src/cli/zapi/replay/check.js'
import { macIpOf } from '../../src/cli/zapi/replay/macip.js'
import { overlay as proto } from '../../src/gen/overlay.js'
import { INITIAL_SYNC_MS } from '../../src/relay/overlay/overlay.js'
import type { Entry } from '../../src/bindings/model.js'
import { frrRelease } from '../../src/zapi/releases.js'
import { entryToProto, keyToProto } from '../../src/control/relay-codec.js'
import { type ExchangeRecord, MAGIC, RecordKind, fileRecords, encodeRecord } from '../../src/record/zapi-records.js'
import { type Act, type Done, replay, type Timed } from '../../src/relay/replay.js'
import { RELEASES, ROOT } from '../../lab/frr.js'
import { NUMBERS, OPENINGS, frame, macIpAdd, macIpDel, remoteMacIpAdd, vniAdd, vniDel } from '../zapi/build.js'

const N = NUMBERS['8.4']
const M1 = 'bc:24:11:00:00:01'
const M2 = 'bc:24:11:00:00:02'
const IP = '10.2.1.11'
const IP_HEX = '0a02010b'

const entry = (mac: string, ip: string, minSeq = 0): Entry => {
  const seen = { port: 'tap1', vlan: 0, firstSeen: 1, lastSeen: 2 }
  return { vni: 100, mac, ip, router: false, minSeq, observe: false, ...seen }
}

/** Records as a relay would write them, `step` milliseconds apart. */
class Tape {
  readonly records: ExchangeRecord[] = []
  time = 1_000_000

  constructor(private readonly step = 10) {
    this.session(1)
  }

  add(kind: RecordKind, bytes: Uint8Array, session = 1): this {
    this.time += this.step
    this.records.push({ kind, time: this.time, session, bytes: Buffer.from(bytes) })
    return this
  }

  session(id: number): this {
    const { hello, capabilities } = OPENINGS['8.4']
    return this.add(RecordKind.toZebra, hello, id).add(RecordKind.toBgpd, capabilities, id)
  }

  zebra(frame: Buffer, session = 1): this {
    return this.add(RecordKind.toBgpd, frame, session)
  }

  put(mac: string, ip: string, minSeq = 0): this {
    return this.add(RecordKind.overlayPut, proto.Entry.encode(entryToProto(entry(mac, ip, minSeq))).finish(), 0)
  }

  remove(mac: string, ip: string): this {
    return this.add(RecordKind.overlayRemove, proto.Key.encode(keyToProto({ vni: 100, mac, ip })).finish(), 0)
  }

  acts(options: { configured?: string; entries?: Entry[] } = {}): Timed<Act | Done>[] {
    const { configured, entries = [] } = options
    return [
      ...replay(this.records, {
        configured: configured === undefined ? undefined : frrRelease(configured),
        entries,
      }),
    ]
  }

  /** Injections, holds and statuses in short. */
  said(options: Parameters<Tape['acts']>[0] = {}): string[] {
    return this.acts(options).flatMap((act) => {
      switch (act.type) {
        case 'inject':
        case 'drop': {
          const { mac, ip, what } = macIpOf(act.message)
          const cause = act.type === 'inject' && act.cause !== undefined ? ` (${act.cause})` : ''
          return [`${act.type} ${mac} ${ip ?? '-'} ${what}${cause}`]
        }
        case 'status':
          return [`${act.key.mac} ${act.key.ip} is ${act.status}`]
        case 'fault':
          return [`fault: ${act.fault}`]
        case 'session':
        case 'end':
        case 'recorded':
          return []
      }
    })
  }
}

const fixture = (frr: string): Buffer => readFileSync(join(ROOT, 'test/fixtures/exchange', `${frr}.bin`))

function compare(file: Buffer): Comparison {
  const comparison = new Comparison()
  for (const act of replay(fileRecords(file), { configured: undefined, entries: [] })) comparison.add(act)
  return comparison
}

for (const frr of RELEASES) {
  suite(`the recording of FRR ${frr}`, () => {
    test('the relay of today does what the recorded one did', () => {
      const comparison = compare(fixture(frr))
      assert.deepEqual(comparison.differences(false), [])
      const { inject, drop } = comparison.replayed
      assert.ok(inject >= 10 && drop >= 2, `${inject} injected, ${drop} dropped`)
    })

    test('cut at any byte, it agrees up to the cut', () => {
      const file = fixture(frr)
      for (let length = 0; length < file.length; length++) {
        assert.deepEqual(compare(file.subarray(0, length)).differences(true), [], `${length} bytes`)
      }
    })

    test('an injection that is not in the recording, or only there, is a difference', () => {
      const records = [...fileRecords(fixture(frr))]
      const at = records.findIndex(({ kind }) => kind === RecordKind.injected)
      const without = Buffer.concat([MAGIC, ...records.toSpliced(at, 1).map(encodeRecord)])
      assert.equal(compare(without).differences(false).length, 1)
      const puts = records.filter(({ kind }) => kind !== RecordKind.overlayPut)
      const nothing = compare(Buffer.concat([MAGIC, ...puts.map(encodeRecord)])).differences(false)
      assert.ok(nothing.every(({ recorded, replayed }) => recorded.length > 0 && replayed.length === 0))
      assert.equal(nothing.length, 2)
    })
  })
}

suite('what would be injected', () => {
  test('when VNI, MAC and entry are there; why not before; why no longer', () => {
    const tape = new Tape()
      .put(M1, IP)
      .zebra(vniAdd(N))
      .zebra(macIpAdd(N, M1, '', 4))
      .zebra(macIpDel(N, M1, ''))
      .zebra(macIpAdd(N, M1, '', 5))
      .remove(M1, IP)
    assert.deepEqual(tape.said(), [
      `${M1} ${IP} is vni-not-live`,
      `${M1} ${IP} is mac-not-local`,
      `inject ${M1} ${IP} ADD seq 4`,
      `${M1} ${IP} is announced`,
      `inject ${M1} ${IP} DEL (mac-not-local)`,
      `${M1} ${IP} is mac-not-local`,
      `inject ${M1} ${IP} ADD seq 5`,
      `${M1} ${IP} is announced`,
      `inject ${M1} ${IP} DEL (removed)`,
    ])
  })

  test('at the recorded time of what caused it', () => {
    const tape = new Tape()
      .zebra(vniAdd(N))
      .zebra(macIpAdd(N, M1, ''))
      .put(M1, IP)
    const at = tape.time
    tape.time += 5000
    tape.zebra(vniDel(N))
    const injections = tape.acts().filter(({ type }) => type === 'inject')
    assert.deepEqual(
      injections.map(({ time }) => time),
      [at],
    )
  })

  test('of an entry that only the asker imagines', () => {
    const tape = new Tape().zebra(vniAdd(N)).zebra(macIpAdd(N, M1, '', 1))
    assert.deepEqual(tape.said(), [])
    assert.deepEqual(tape.said({ entries: [entry(M1, IP)] }).at(-2), `inject ${M1} ${IP} ADD seq 1`)
  })

  test('before zebra’s own entry of another MAC for the IP', () => {
    const tape = new Tape()
      .zebra(vniAdd(N))
      .zebra(macIpAdd(N, M1, ''))
      .put(M1, IP)
      .zebra(macIpAdd(N, M2, IP_HEX))
    assert.deepEqual(tape.said().slice(-2), [`inject ${M1} ${IP} DEL (ip-conflict)`, `${M1} ${IP} is ip-conflict`])
  })

  test('what zebra repeats of it is dropped', () => {
    const tape = new Tape()
      .zebra(vniAdd(N))
      .zebra(macIpAdd(N, M1, ''))
      .put(M1, IP)
      .zebra(macIpAdd(N, M1, IP_HEX))
      .zebra(macIpDel(N, M1, IP_HEX))
    assert.deepEqual(
      tape.said().filter((release) => release.startsWith('drop')),
      [`drop ${M1} ${IP} ADD seq 0`, `drop ${M1} ${IP} DEL`],
    )
  })

  test('in a new session, and half a minute later what zebra has lost meanwhile', () => {
    const tape = new Tape()
      .zebra(vniAdd(N))
      .zebra(macIpAdd(N, M1, ''))
      .zebra(macIpAdd(N, M2, ''))
      .put(M1, IP)
    tape
      .add(RecordKind.closed, Buffer.alloc(0))
      .session(2)
      .zebra(vniAdd(N), 2)
      .zebra(macIpAdd(N, M1, ''), 2)
    const settled = tape.time - 30 + INITIAL_SYNC_MS
    tape.time += INITIAL_SYNC_MS
    tape.zebra(frame(N.ROUTE_ADD, Buffer.alloc(4)), 2)
    assert.equal(tape.said().filter((release) => release === `inject ${M1} ${IP} ADD seq 0`).length, 2)
    assert.equal(tape.said().at(-1), `inject ${M2} - DEL (lost-by-zebra)`)
    assert.equal(tape.acts().at(-1)?.time, settled)
  })
})

test('a journal written anew tells the state it was in: an entry of ours that zebra announces, too', () => {
  const tape = new Tape(0)
    .put(M1, IP)
    .zebra(vniAdd(N))
    .zebra(macIpAdd(N, M1, ''))
    .zebra(macIpAdd(N, M1, IP_HEX))
    .add(RecordKind.injected, macIpAdd(N, M1, IP_HEX))
    .add(RecordKind.dropped, macIpDel(N, M1, IP_HEX))
  assert.deepEqual(
    tape.said().filter((line) => /^(inject|drop)/.test(line)),
    [`drop ${M1} ${IP} DEL`],
  )
})

suite('a demanded sequence number', () => {
  const injected = (tape: Tape, ...frames: Buffer[]): Tape => {
    for (const each of frames) tape.add(RecordKind.injected, each)
    return tape
  }
  const check = ({ records }: Tape): string[] => {
    const comparison = new Comparison()
    for (const act of replay(records, { configured: undefined, entries: [] })) comparison.add(act)
    return comparison
      .differences(false)
      .map(({ mac, ip, recorded, replayed }) => `${mac} ${ip ?? '-'}: ${recorded.join()} / ${replayed.join()}`)
  }
  /** zebra says the MAC and one of its IPs, then the demand comes. */
  const raised = (): Tape => {
    const tape = new Tape()
      .zebra(vniAdd(N))
      .zebra(macIpAdd(N, M1, ''))
      .zebra(macIpAdd(N, M1, '0a02010c'))
      .put(M1, IP, 2)
    injected(tape, macIpAdd(N, M1, '', 2), macIpAdd(N, M1, IP_HEX, 2), macIpAdd(N, M1, '0a02010c', 2))
    return tape.add(RecordKind.dropped, macIpAdd(N, M1, ''))
  }

  test('is replayed as it was recorded', () => {
    assert.deepEqual(check(raised()), [])
    assert.deepEqual(
      raised()
        .said()
        .filter((release) => release.startsWith('drop')),
      [`drop ${M1} - ADD seq 0`],
    )
  })

  test('that bgpd was not told, or was told without need, is a difference', () => {
    const untold = raised()
    untold.records.splice(
      untold.records.findIndex(({ kind }) => kind === RecordKind.injected),
      1,
    )
    assert.deepEqual(check(untold), [`${M1} -: drop ADD seq 0 / ADD seq 2,drop ADD seq 0`])
    const needless = new Tape()
      .zebra(vniAdd(N))
      .zebra(macIpAdd(N, M1, ''))
      .zebra(macIpAdd(N, M1, '0a02010c'))
    injected(needless, macIpAdd(N, M1, '', 2), macIpAdd(N, M1, '0a02010c', 2))
    assert.deepEqual(check(needless), [`${M1} -: ADD seq 2 / `, `${M1} 10.2.1.12: ADD seq 2 / `])
  })

  test('that no entry requires any more is in a journal that was written anew', () => {
    const tape = new Tape(0)
      .put(M1, IP)
      .add(RecordKind.minSequence, macIpAdd(N, M1, '', 3))
      .zebra(vniAdd(N))
      .add(RecordKind.dropped, macIpAdd(N, M1, ''))
      .add(RecordKind.dropped, macIpAdd(N, M1, '0a02010c'))
    injected(tape, macIpAdd(N, M1, '', 3), macIpAdd(N, M1, IP_HEX, 3), macIpAdd(N, M1, '0a02010c', 3))
    assert.deepEqual(check(tape), [])
    const before = tape.said()
    tape.zebra(macIpDel(N, M1, '')).zebra(macIpAdd(N, M1, ''))
    assert.deepEqual(
      tape
        .said()
        .slice(before.length)
        .filter((release) => release.startsWith('inject')),
      [`inject ${M1} ${IP} ADD seq 0`, `inject ${M1} 10.2.1.12 ADD seq 0`],
    )
  })
})

suite('nothing is injected', () => {
  const ready = (): Tape => new Tape().put(M1, IP)

  test('if another release is configured', () => {
    const tape = ready()
      .zebra(vniAdd(N))
      .zebra(macIpAdd(N, M1, ''))
    assert.deepEqual(tape.said({ configured: '10.3' }), [`${M1} ${IP} is release-uncertain`])
    const session = tape.acts({ configured: '10.3' }).find(({ type }) => type === 'session')
    assert.match(JSON.stringify(session), /FRR 10.3 is configured, but the session is that of 8.4/)
  })

  const faults: [name: string, kind: RecordKind, bytes: Buffer, fault: RegExp][] = [
    ['a message of another layout', RecordKind.toBgpd, frame(N.VNI_ADD, Buffer.alloc(21)), /left over/],
    ['a frame that is no frame', RecordKind.toZebra, Buffer.alloc(12), /frame length 0/],
    ['less than a header', RecordKind.dropped, Buffer.alloc(3), /at least 10 bytes/],
    ['more than the frame', RecordKind.toBgpd, Buffer.concat([vniAdd(N), Buffer.alloc(1)]), /recorded with 31 bytes/],
  ]
  for (const [name, kind, bytes, fault] of faults) {
    test(`after ${name}`, () => {
      const tape = ready()
        .add(kind, bytes)
        .zebra(vniAdd(N))
        .zebra(macIpAdd(N, M1, ''))
      const said = tape.said()
      assert.match(said[1] ?? '', fault)
      assert.ok(
        said.every((release) => !release.startsWith('inject')),
        said.join('\n'),
      )
    })
  }

  test('and nothing more is understood: one fault is enough', () => {
    const wrong = frame(N.VNI_ADD, Buffer.alloc(21))
    const faults = ready()
      .zebra(wrong)
      .zebra(wrong)
      .said()
      .filter((release) => release.startsWith('fault'))
    assert.equal(faults.length, 1)
  })

  test('after bgpd has a remote route that wins', () => {
    const tape = ready()
      .zebra(vniAdd(N))
      .add(RecordKind.toZebra, remoteMacIpAdd(N, M1, '', 1))
      .zebra(macIpAdd(N, M1, '', 1))
    assert.equal(tape.said().at(-1), `${M1} ${IP} is remote`)
  })
})

test('a record of the overlay that is none is a fault, and the session goes on', () => {
  const tape = new Tape().add(RecordKind.overlayPut, Buffer.from([0xff]), 1).put(M1, IP)
  tape.zebra(vniAdd(N)).zebra(macIpAdd(N, M1, ''))
  const said = tape.said()
  assert.match(said[0] ?? '', /^fault/)
  assert.ok(said.includes(`inject ${M1} ${IP} ADD seq 0`), said.join('\n'))
})

test('whatever bytes a recording has, replaying it ends without an exception', () => {
  const files = RELEASES.map(fixture)
  const mutation = fc.record({ at: fc.nat(4000), byte: fc.nat(255) })
  fc.assert(
    fc.property(fc.constantFrom(...files), fc.array(mutation, { maxLength: 8 }), (original, mutations) => {
      const file = Buffer.from(original)
      for (const { at, byte } of mutations) file[MAGIC.length + (at % (file.length - MAGIC.length))] = byte
      const options = { configured: undefined, entries: [entry(M1, '10.2.1.99')] }
      for (const act of replay(fileRecords(file), options)) assert.equal(typeof act.time, 'number')
    }),
    { numRuns: 300 },
  )
})
