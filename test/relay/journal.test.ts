// A journal that was damaged is never believed: neither what is wrong in it, nor that it ends where it seems to.
import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { type ExchangeRecord, RecordKind } from '../../src/record/zapi-records.js'
import { checkedRecords, Journal } from '../../src/relay/journal.js'
import { tempDir } from '../support.js'

const record = (number: number): ExchangeRecord => ({
  kind: RecordKind.toBgpd,
  time: number,
  session: 1,
  bytes: Buffer.from(`frame ${number}`),
})

/** What a successor reads of a file, and why it does not trust it. */
function read(file: Buffer): { records: ExchangeRecord[]; untrusted: string | undefined } {
  const reading = checkedRecords(file)
  const records: ExchangeRecord[] = []
  for (;;) {
    const next = reading.next()
    if (next.done === true) return { records, untrusted: next.value }
    records.push(next.value)
  }
}

suite('a journal of three parts', () => {
  const parts = (t: Parameters<typeof tempDir>[0]): Buffer => {
    const path = join(tempDir(t), 'journal')
    const journal = new Journal(
      path,
      function* () {
        yield record(0)
      },
      (error) => {
        assert.fail(String(error))
      },
    )
    for (const number of [1, 2]) {
      journal.append(record(number))
      journal.flush()
    }
    return readFileSync(path)
  }

  test('is believed', (t) => {
    assert.deepEqual(read(parts(t)), { records: [0, 1, 2].map(record), untrusted: undefined })
  })

  test('is not believed when any bit has flipped that says anything', (t) => {
    const file = parts(t)
    for (let offset = 0; offset < file.length; offset++)
      for (let bit = 0; bit < 8; bit++) {
        const damaged = Buffer.from(file)
        damaged.writeUInt8(damaged.readUInt8(offset) ^ (1 << bit), offset)
        const { records, untrusted } = read(damaged)
        if (untrusted === undefined) assert.deepEqual(records, [0, 1, 2].map(record), `bit ${bit} of byte ${offset}`)
      }
  })

  test('is not believed when it ends in the middle of a part', (t) => {
    const file = parts(t)
    const ends = Array.from({ length: file.length }, (_, length) => read(file.subarray(0, length)))
    // after the first part, and after the second: nothing tells that there was more
    assert.equal(ends.filter(({ untrusted }) => untrusted === undefined).length, 2)
  })
})

test('what comes while a journal is written anew comes after what it begins with', async (t) => {
  const path = join(tempDir(t), 'journal')
  const journal = new Journal(
    path,
    function* () {
      yield record(0)
    },
    (error) => {
      assert.fail(String(error))
    },
  )
  const { ino } = statSync(path)
  journal.rewrite()
  journal.append(record(1))
  journal.flush()
  while (statSync(path).ino === ino) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(read(readFileSync(path)).records, [record(0), record(1)])
})
