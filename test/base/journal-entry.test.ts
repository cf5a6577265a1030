// Entries of the journal: what a line of the log becomes, and that no value can be taken for anything else.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { encodeJournalEntry, journalFields, type JournalField } from '../../src/base/journal-entry.js'
import { decodeJournalEntry } from './journal-decode.js'

const INFO = { level: 30, time: 1, pid: 2, name: 'macipd-snoop' }
const fields = (record: Readonly<Record<string, unknown>>): readonly JournalField[] =>
  journalFields(record, 'macipd-snoop')
const message = (record: Readonly<Record<string, unknown>>): string | undefined =>
  new Map(fields({ ...INFO, ...record })).get('MESSAGE')

suite('the fields of an entry', () => {
  test('are a text for people, priority, identifier, and each value', () => {
    assert.deepEqual(
      fields({ ...INFO, port: 'tap1', bridge: 'br0', holdDownMs: 5, ip: '10.0.0.1', msg: 'port snooped' }),
      [
        ['MESSAGE', 'port snooped: tap1, 10.0.0.1, bridge br0, holdDownMs 5'],
        ['PRIORITY', '6'],
        ['SYSLOG_IDENTIFIER', 'macipd-snoop'],
        ['MACIPD_PORT', 'tap1'],
        ['MACIPD_BRIDGE', 'br0'],
        ['MACIPD_HOLD_DOWN_MS', '5'],
        ['MACIPD_IP', '10.0.0.1'],
      ],
    )
  })

  test('have the priorities of syslog', () => {
    const priorities = [10, 20, 30, 40, 50, 60].map((level) => new Map(fields({ level })).get('PRIORITY'))
    assert.deepEqual(priorities, ['7', '7', '6', '4', '3', '2'])
  })

  test('say an error as it is, and keep its stack out of the text', () => {
    const error = { type: 'Error', message: 'no such device', stack: 'Error: no such device\n  at x' }
    assert.equal(message({ msg: 'left out', err: error }), 'left out: no such device')
    assert.equal(message({ msg: 'left out', error: 'no such device', stack: 'a\nb' }), 'left out: no such device')
    assert.deepEqual(
      fields({ err: error }).filter(([name]) => name === 'MACIPD_STACK'),
      [['MACIPD_STACK', error.stack]],
    )
  })

  test('of a list are one for each item; what is not there is none', () => {
    const found = fields({ pids: [1, 2], ahead: [], gone: null, detail: { a: 1 } })
    assert.deepEqual(
      found.filter(([name]) => name.startsWith('MACIPD_')),
      [
        ['MACIPD_PIDS', '1'],
        ['MACIPD_PIDS', '2'],
        ['MACIPD_DETAIL', '{"a":1}'],
      ],
    )
    assert.equal(message({ msg: 'two', pids: [1, 2] }), 'two: pids 1 2')
    assert.equal(message({ msg: 'nothing more' }), 'nothing more')
  })
})

suite('the encoding of an entry', () => {
  const name = fc.stringMatching(/^[A-Z][A-Z0-9_]{0,20}$/)
  const value = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[a-z=\n]{0,20}$/))

  test('a decoder finds what was encoded, whatever the values contain', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 20 }), (given) => {
        const asBytes = given.map(([key, text]) => [key, Buffer.from(text).toString()])
        assert.deepEqual(decodeJournalEntry(encodeJournalEntry(given)), asBytes)
      }),
    )
  })

  test('any record becomes an entry of fields that the journal accepts', () => {
    const record = fc.dictionary(fc.string(), fc.jsonValue())
    fc.assert(
      fc.property(record, (given) => {
        const decoded = decodeJournalEntry(encodeJournalEntry(journalFields(given, 'x')))
        assert.deepEqual(
          decoded.slice(0, 3).map(([key]) => key),
          ['MESSAGE', 'PRIORITY', 'SYSLOG_IDENTIFIER'],
        )
        for (const [key] of decoded.slice(3)) assert.match(key, /^MACIPD_[A-Z0-9_]{0,57}$/)
      }),
    )
  })

  test('a value is cut between two characters, and an entry between two fields', () => {
    const [[, cut] = []] = decodeJournalEntry(encodeJournalEntry([['A', `x${'é'.repeat(10_000)}`]]))
    assert.equal(cut, `x${'é'.repeat(4095)}`)
    const many = Array.from({ length: 20 }, (): JournalField => ['B', 'y'.repeat(9000)])
    const entry = encodeJournalEntry(many)
    assert.ok(entry.length <= 64 * 1024)
    assert.deepEqual(new Set(decodeJournalEntry(entry).map(([, text]) => text.length)), new Set([8192]))
  })
})
