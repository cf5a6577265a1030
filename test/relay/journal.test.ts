// A successor believes a journal only if it is all that its predecessor wrote.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, suite, test } from 'node:test'
import { waitFor } from '../../lab/wait.js'
import { overlay as proto } from '../../src/gen/overlay.js'
import { entryToProto } from '../../src/control/relay-codec.js'
import { type ExchangeRecord, MAGIC, RecordKind, encodeRecord, fileRecords } from '../../src/record/zapi-records.js'
import { Journal, type JournalFailure } from '../../src/relay/journal.js'
import { Overlay } from '../../src/relay/overlay/overlay.js'
import { Views, viewMessages } from '../../src/relay/overlay/views.js'
import { recover } from '../../src/relay/recover.js'
import { tempDir } from '../support.js'
import { NUMBERS, OPENINGS, macIpAdd, macIpDel, remoteMacIpAdd, vniAdd } from '../zapi/build.js'

const N = NUMBERS['8.4']
const M1 = 'bc:24:11:00:00:01'
const M2 = 'bc:24:11:00:00:02'
const IP = '0a02010b'

const record = (kind: RecordKind, bytes: Uint8Array, session = 1): ExchangeRecord => {
  return { kind, time: 1_000_000, session, bytes: Buffer.from(bytes) }
}
const zebra = (frame: Buffer): ExchangeRecord => record(RecordKind.toBgpd, frame)
const bgpd = (frame: Buffer): ExchangeRecord => record(RecordKind.toZebra, frame)
const put = (ip: string): ExchangeRecord => {
  const seen = { port: 'tap1', vlan: 0, firstSeen: 1, lastSeen: 2 }
  const entry = { vni: 100, mac: M1, ip, router: false, minSeq: 0, observe: false, ...seen }
  return record(RecordKind.overlayPut, proto.Entry.encode(entryToProto(entry)).finish(), 0)
}

/** What a relay writes at once, one after the other. */
const LIFE: readonly (readonly ExchangeRecord[])[] = [
  [bgpd(OPENINGS['8.4'].hello)],
  [zebra(OPENINGS['8.4'].capabilities)],
  [zebra(vniAdd(N)), zebra(macIpAdd(N, M1, ''))],
  [put('10.2.1.11'), put('10.2.1.12')],
  [record(RecordKind.injected, macIpAdd(N, M1, IP))],
  [bgpd(remoteMacIpAdd(N, M2, '')), record(RecordKind.dropped, macIpAdd(N, M1, IP))],
  [zebra(macIpDel(N, M2, ''))],
]

/** What a successor knows, as text; undefined if it does not trust the journal. */
function known(file: Buffer): string | undefined {
  const views = new Views()
  const overlay = new Overlay(views)
  const { openings, untrusted } = recover(file, overlay, { configured: undefined, zebraVersions: new Map() })
  if (untrusted !== undefined) return undefined
  return JSON.stringify([
    [...openings].map(([id, { hello, capabilities, uncertain }]) => [id, hello, capabilities, uncertain]),
    // nothing of these has an order
    ...[overlay.entries(), viewMessages(views), overlay.injected()].map((each) =>
      [...each].map((one) => JSON.stringify(one)).sort(),
    ),
    overlay.isOurs({ vni: 100, mac: M1, ip: '10.2.1.11' }),
  ])
}

type Written = {
  journal: Journal
  path: string
  /** What a successor would know after each writing. */
  states: string[]
  errors: unknown[]
  read: () => Buffer
}

/** A journal that the life so far has been written to. */
function write(t: TestContext, life = LIFE, snapshot: readonly ExchangeRecord[] = []): Written {
  const path = join(tempDir(t), 'journal')
  const errors: unknown[] = []
  const journal = new Journal(
    path,
    function* () {
      yield* snapshot
    },
    (error) => errors.push(error),
  )
  t.after(() => {
    journal.remove()
  })
  const read = (): Buffer => readFileSync(path)
  const states = [known(read()) ?? '']
  for (const part of life) {
    for (const each of part) journal.append(each)
    journal.flush()
    states.push(known(read()) ?? '')
  }
  return { journal, path, states, errors, read }
}

suite('a successor that reads a journal', () => {
  test('knows what its predecessor knew at each moment', (t) => {
    const { states } = write(t)
    assert.ok(states.every((state) => state !== ''))
    assert.equal(new Set(states).size, LIFE.length)
  })

  test('does not trust it, or knows the same, whichever bit is another one', (t) => {
    const { states, read } = write(t)
    const file = read()
    const truth = states.at(-1)
    let same = 0
    for (let bit = 0; bit < file.length * 8; bit++) {
      const damaged = Buffer.from(file)
      damaged.writeUInt8(damaged.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
      const found = known(damaged)
      if (found === undefined) continue
      same++
      assert.equal(found, truth, `bit ${bit & 7} of byte ${bit >> 3}`)
    }
    // times, and the session of a checksum
    assert.ok(same < file.length * 4, `${same} of ${file.length * 8} bits do not matter`)
  })

  test('does not trust one that is shorter than it was', (t) => {
    const file = write(t).read()
    for (let length = 0; length < file.length; length++)
      assert.equal(known(file.subarray(0, length)), undefined, `${length} of ${file.length} bytes`)
  })

  test('does not trust one with a hole, or with bytes that are gone or come twice', (t) => {
    const file = write(t).read()
    for (let start = 0; start < file.length; start++) {
      for (const length of [1, 4, 17, 64]) {
        const end = Math.min(start + length, file.length)
        const [before, part, after] = [file.subarray(0, start), file.subarray(start, end), file.subarray(end)]
        assert.equal(known(Buffer.concat([before, after])), undefined, `without ${start} to ${end}`)
        const holed = known(Buffer.concat([before, Buffer.alloc(end - start), after]))
        if (holed !== undefined) assert.equal(holed, known(file), `zeros from ${start} to ${end}`)
        const twice = known(Buffer.concat([before, part, part, after]))
        if (twice !== undefined) assert.equal(twice, known(file), `${start} to ${end} twice`)
      }
    }
  })

  test('knows nothing of what was not written completely: it has not happened yet', (t) => {
    const { path, states, read } = write(t, LIFE.slice(0, -1))
    const before = read()
    const after = write(t).read()
    const part = after.subarray(before.length)
    for (let length = 0; length <= part.length; length++) {
      // the frames that it tells of are still in their queue
      writeFileSync(path, Buffer.concat([before, part.subarray(0, length)]))
      const found = known(read())
      assert.ok(found === states.at(-1) || (length === part.length && found !== undefined), `${length} bytes`)
    }
  })

  test('says why it does not trust one of another version, an empty one, and none', () => {
    const why = (file: Buffer): string | undefined =>
      recover(file, new Overlay(new Views()), { configured: undefined, zebraVersions: new Map() }).untrusted
    assert.match(why(Buffer.alloc(0)) ?? '', /there is none/)
    assert.match(why(Buffer.from('MACIPDX0 and more')) ?? '', /another version/)
    assert.match(why(Buffer.from('{}')) ?? '', /another version/)
    assert.match(why(Buffer.alloc(4096)) ?? '', /another version/)
    // records without checksums, as recordings have them
    const recording = Buffer.concat([MAGIC, ...LIFE.flat().map((each) => encodeRecord(each))])
    assert.match(why(recording) ?? '', /another version/)
  })

  test('does not trust one with a record of a kind that it does not know', (t) => {
    const { path, journal, read } = write(t)
    const later = { ...record(RecordKind.gap, Buffer.alloc(8)), kind: 200 as RecordKind }
    journal.append(later)
    journal.flush()
    assert.equal(known(read()), undefined)
    assert.ok(existsSync(path))
  })

  test('does not trust one with a record that it does not understand', (t) => {
    for (const strange of [bgpd(Buffer.from('no frame')), record(RecordKind.overlayPut, Buffer.from([0xff]), 0)])
      assert.equal(known(write(t, [...LIFE, [strange]]).read()), undefined)
  })

  test('reads the same from one that was written anew', async (t) => {
    const { journal, states, read } = write(t, LIFE, LIFE.flat())
    journal.append(put('10.2.1.13'))
    journal.flush()
    const before = read()
    journal.rewrite()
    // what happens meanwhile is in the new file, too, after that by which it is understood
    const meanwhile = [put('10.2.1.14'), zebra(macIpAdd(N, 'bc:24:11:00:00:03', ''))]
    for (const each of meanwhile) journal.append(each)
    journal.flush()
    await waitFor('the new journal', read, (file) => file.length < before.length)
    const found = known(read())
    assert.ok(found !== undefined && found !== states.at(-1))
    assert.match(found, /10\.2\.1\.14/)
    assert.doesNotMatch(found, /10\.2\.1\.13/)
    const truth = known(write(t, [meanwhile], LIFE.flat()).read())
    assert.equal(found, truth)
  })
})

suite('a journal that somebody changes while it is written', () => {
  const changes: Readonly<Record<string, (path: string) => void>> = {
    deleted: (path) => {
      rmSync(path)
    },
    'replaced by another one': (path) => {
      copyFileSync(path, `${path}.old`)
      renameSync(`${path}.old`, path)
    },
    shortened: (path) => {
      truncateSync(path, 60)
    },
    emptied: (path) => {
      truncateSync(path, 0)
    },
    lengthened: (path) => {
      appendFileSync(path, 'more')
    },
  }
  for (const [what, change] of Object.entries(changes)) {
    test(`${what}: it is noticed, and begun anew`, async (t) => {
      const { journal, path, errors, read } = write(t, LIFE, LIFE.flat())
      const truth = known(read())
      change(path)
      await waitFor(
        'the change to be noticed',
        () => errors.length,
        (count) => count === 1,
      )
      assert.match(String(errors[0]), /somebody else has changed it|ENOENT/)
      await waitFor('another journal', () => journal.isWritten, Boolean)
      assert.equal(known(read()), truth)
      journal.append(put('10.2.1.15'))
      journal.flush()
      assert.match(known(read()) ?? '', /10\.2\.1\.15/)
    })

    test(`${what}: a successor that comes before it is noticed does not trust it, or knows the same`, (t) => {
      const { journal, path, read } = write(t)
      const truth = known(read())
      change(path)
      assert.ok([undefined, truth].includes(known(existsSync(path) ? read() : Buffer.alloc(0))))
      journal.append(put('10.2.1.15'))
      journal.flush()
      // a copy that was put in its place is as old as it is until somebody notices
      if (what === 'replaced by another one') return
      const found = known(existsSync(path) ? read() : Buffer.alloc(0))
      assert.ok(found === undefined || found.includes('10.2.1.15'), found)
    })
  }

  test('overwritten: a successor does not trust it', (t) => {
    const { path, read } = write(t)
    const file = read()
    file.fill(0, 100, 120)
    writeFileSync(path, file)
    assert.equal(known(read()), undefined)
  })
})

test('a journal that cannot be begun, again and again, leaves no descriptor open', async (t) => {
  const dir = tempDir(t)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'macipd-test', dir])
  try {
    assert.throws(() => {
      for (;;) appendFileSync(join(dir, 'filler'), Buffer.alloc(4096))
    }, /ENOSPC/)
    const errors: unknown[] = []
    const journal = new Journal(
      join(dir, 'journal'),
      function* () {
        yield put('10.2.1.11')
      },
      (error) => errors.push(error),
    )
    await waitFor(
      'a second attempt',
      () => errors.length,
      (count) => count >= 2,
    )
    assert.match(String(errors[1]), /ENOSPC/)
    assert.deepEqual(openIn(dir), [])
    rmSync(join(dir, 'filler'))
    await waitFor('a journal', () => journal.isWritten, Boolean)
    assert.equal(openIn(dir).length, 1)
    journal.remove()
    assert.deepEqual(openIn(dir), [])
  } finally {
    execFileSync('umount', ['--lazy', dir])
  }
})

test('a journal that meets a limit which the file system does not show is in trouble until the limit is gone', async (t) => {
  const dir = tempDir(t)
  const journal = new Journal(
    join(dir, 'journal'),
    function* () {
      yield put('10.2.1.11')
    },
    () => undefined,
  )
  const limit = (bytes: number | 'unlimited'): void => {
    execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:`])
  }
  const grow = (): void => {
    for (let count = 0; count < 100; count++) journal.append(put('10.2.1.12'))
    journal.flush()
  }
  const failure = (): JournalFailure | undefined => journal.failure
  assert.equal(failure(), undefined)
  limit(100_000)
  try {
    while (journal.isWritten) grow()
    assert.match(String(failure()?.error), /EFBIG/)
    const since = failure()?.since
    await waitFor('a journal', () => journal.isWritten, Boolean)
    // small, and far from the limit
    assert.deepEqual([failure()?.since, failure()?.isWritten], [since, true])
    assert.match(String(failure()?.error), /cannot be written: EFBIG/)
    assert.deepEqual(readdirSync(dir), ['journal'])
  } finally {
    limit('unlimited')
  }
  await waitFor('an end of the trouble', failure, (found) => found === undefined)
  assert.ok(journal.isWritten)
  journal.remove()
})

/** Files of a directory that this process has open. */
const openIn = (dir: string): string[] =>
  readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const file = readlinkSync(join('/proc/self/fd', fd))
      return file.startsWith(dir) ? [file] : []
    } catch {
      // the one that the directory itself was read with
      return []
    }
  })

test('a journal is not written into what somebody else has put in its place', (t) => {
  const dir = tempDir(t)
  const other = join(dir, 'other')
  writeFileSync(other, 'precious')
  const path = join(dir, 'journal')
  symlinkSync(other, `${path}.new`)
  const journal = new Journal(
    path,
    function* () {
      yield put('10.2.1.11')
    },
    () => undefined,
  )
  assert.equal(readFileSync(other, 'utf8'), 'precious')
  assert.ok(journal.isWritten && lstatSync(path).isFile())
  journal.remove()
})

test('a journal is a recorded exchange', (t) => {
  const kinds = [...fileRecords(write(t).read())].map(({ kind }) => kind)
  const frames = LIFE.flat().map(({ kind }) => kind)
  assert.deepEqual(
    kinds.filter((kind) => frames.includes(kind)),
    frames,
  )
})
