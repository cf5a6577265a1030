import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { pino } from 'pino'
import { formatIp, formatMac } from '../../src/base/address.js'
import type { Logger } from '../../src/base/log.js'
import { loadState, StateFile } from '../../src/os/state-file.js'
import { BINDINGS_FORMAT, type SavedBinding } from '../../src/snoop/state-file.js'
import { Awaited, run, silent, tempDir } from '../support.js'

const NOW = 1_800_000_000_000
const HOUR = 3_600_000

const binding = (changes: Partial<SavedBinding> = {}): SavedBinding => ({
  vni: 100,
  mac: '02:00:00:00:00:01',
  ip: '10.0.0.1',
  router: false,
  port: 'tap1',
  vlan: 0,
  firstSeen: NOW - HOUR,
  lastSeen: NOW - 1000,
  ...changes,
})

/** The n-th of many. */
const numbered = (n: number): SavedBinding => binding({ ip: `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}` })

type Line = {
  level: number
  msg: string
  damaged?: number
  line?: number
  error?: string
  old?: number
  future?: number
}

/** A logger, and what it was told. */
function listening(): { log: Logger; lines: Line[]; told: (n: number) => Promise<void> } {
  const lines: Line[] = []
  const awaited = new Awaited()
  const write = (line: string): void => {
    lines.push(JSON.parse(line) as Line)
    awaited.changed()
  }
  return { log: pino({ level: 'info' }, { write }), lines, told: (n) => awaited.until(() => lines.length >= n) }
}

const path = (t: TestContext): string => join(tempDir(t), 'bindings')

function written(t: TestContext, content: string | Buffer): string {
  const file = path(t)
  writeFileSync(file, content)
  return file
}

const load = (file: string, log = silent): SavedBinding[] => loadState(file, BINDINGS_FORMAT, NOW, 24 * HOUR, log)

async function saved(file: string, bindings: Iterable<SavedBinding>, log = silent): Promise<void> {
  await new StateFile(file, BINDINGS_FORMAT, () => bindings, log).saveNow()
}

test('what was saved comes back, in a file that others cannot read', async (t) => {
  const file = join(tempDir(t), 'lib', 'macipd', 'bindings')
  const bindings = [
    binding(),
    binding({ ip: '2001:db8::1', router: true, port: 'vnet-é"1', vlan: 4094, vni: 16777215 }),
  ]
  await saved(file, bindings)
  assert.deepEqual(load(file), bindings)
  assert.equal(statSync(file).mode & 0o777, 0o640)
  assert.equal(statSync(dirname(file)).mode & 0o777 & ~0o750, 0)
  assert.deepEqual(readdirSync(dirname(file)), ['bindings'])
  assert.equal(
    readFileSync(file, 'utf8').split('\n').slice(0, 2).join('\n'),
    'macipd bindings 1\n[100,"10.0.0.1","02:00:00:00:00:01","tap1",0,0,1799996400000,1799999999000]',
  )
})

const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length })
const anyBinding = fc.record(
  {
    vni: fc.integer({ min: 1, max: 0xffffff }),
    mac: bytes(6).map((it) => formatMac(it)),
    ip: fc.oneof(bytes(4), bytes(16)).map(formatIp),
    router: fc.boolean(),
    port: fc.stringMatching(/^[!-.0-9;-~]{3,15}$/),
    vlan: fc.integer({ min: 0, max: 4094 }),
    firstSeen: fc.integer({ min: 0, max: NOW - HOUR }),
    lastSeen: fc.integer({ min: NOW - HOUR, max: NOW }),
  },
  { noNullPrototype: true },
)

test('every binding survives', async (t) => {
  const file = path(t)
  const byIp = { selector: ({ vni, ip }: SavedBinding) => `${vni} ${ip}` }
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(anyBinding, byIp), async (bindings) => {
      await saved(file, bindings)
      assert.deepEqual(load(file), bindings)
    }),
    { numRuns: 50 },
  )
})

test('100,000 bindings are saved a little at a time, and all come back', async (t) => {
  const file = path(t)
  let [sinceTurn, most, busy] = [0, 0, true]
  const turn = (): void => {
    sinceTurn = 0
    if (busy) setImmediate(turn)
  }
  function* many(): Generator<SavedBinding> {
    for (let n = 0; n < 100_000; n++) {
      most = Math.max(most, ++sinceTurn)
      yield numbered(n)
    }
  }
  turn()
  await new StateFile(file, BINDINGS_FORMAT, many, silent).saveNow()
  busy = false
  assert.ok(most <= 1000, `${most} bindings without letting anything else run`)
  const loaded = load(file)
  assert.equal(loaded.length, 100_000)
  assert.deepEqual(loaded.at(-1), numbered(99_999))
})

test('no file is no bindings, and nothing to complain about', (t) => {
  const { log, lines } = listening()
  assert.deepEqual(load(path(t), log), [])
  assert.deepEqual(lines, [])
})

const GOOD = '[100,"10.0.0.1","02:00:00:00:00:01","tap1",0,0,1799996400000,1799999999000]'
const DAMAGED = [
  '',
  'x',
  '{}',
  'null',
  '[]',
  '[100]',
  GOOD.replace(']', ',1]'),
  GOOD.slice(0, -1),
  GOOD.replace('100', '0'),
  GOOD.replace('100', '16777216'),
  GOOD.replace('100', '"100"'),
  GOOD.replace('100', '1.5'),
  GOOD.replace('10.0.0.1', '10.0.0'),
  GOOD.replace('10.0.0.1', 'fe80::1%eth0'),
  GOOD.replace('"10.0.0.1"', '["10.0.0.1"]'),
  GOOD.replace('02:00', '0200'),
  GOOD.replace('"tap1"', 'null'),
  GOOD.replace('tap1', ''),
  GOOD.replace('tap1', '..'),
  GOOD.replace('tap1', 'a/b'),
  GOOD.replace('tap1', 'a b'),
  GOOD.replace('tap1', 'x'.repeat(16)),
  GOOD.replace(',0,0,', ',4095,0,'),
  GOOD.replace(',0,0,', ',-1,0,'),
  GOOD.replace(',0,0,', ',0,2,'),
  GOOD.replace(',0,0,', ',0,true,'),
  GOOD.replace('1799996400000', '1799999999001'),
  GOOD.replace('1799996400000', '-1'),
  GOOD.replace('1799999999000', '1e400'),
  `${GOOD.slice(0, -1)}${' '.repeat(600)}]`,
  `"${'x'.repeat(3 << 20)}"`,
]

test('a damaged line costs itself, and is complained about once', (t) => {
  assert.equal(load(written(t, `macipd bindings 1\n${GOOD}\n`)).length, 1)
  for (const line of DAMAGED) {
    const { log, lines } = listening()
    const other = GOOD.replace('10.0.0.1', '10.0.0.2')
    const file = written(t, `macipd bindings 1\n${other}\n${line}\n${line}\n${GOOD}`)
    assert.deepEqual(
      load(file, log).map(({ ip }) => ip),
      ['10.0.0.2', '10.0.0.1'],
      line.slice(0, 80),
    )
    assert.deepEqual(
      lines.map(({ level, damaged, line }) => [level, damaged, line]),
      [[40, 2, 3]],
      line.slice(0, 80),
    )
  }
})

test('another file is left alone, and said to be so', async (t) => {
  const dir = tempDir(t)
  const fifo = join(dir, 'fifo')
  assert.equal((await run('mkfifo', [fifo])).code, 0)
  const huge = join(dir, 'huge')
  writeFileSync(huge, 'macipd bindings 1\n')
  truncateSync(huge, (256 << 20) + 1)
  const cases: [file: string, error: RegExp][] = [
    [written(t, `macipd bindings 2\n${GOOD}\n`), /line 1 is not "macipd bindings 1"/],
    [written(t, Buffer.from([0xff, 0, 0x0a])), /line 1 is not/],
    [dir, /not a regular file/],
    [fifo, /not a regular file/],
    [huge, /longer than 256 MiB/],
    [join(huge, 'below'), /ENOTDIR/],
  ]
  for (const [file, error] of cases) {
    const { log, lines } = listening()
    assert.deepEqual(load(file, log), [])
    assert.equal(lines.length, 1)
    assert.match(lines[0]?.error ?? '', error)
  }
})

test('a file cut off anywhere keeps what is before', async (t) => {
  const file = path(t)
  const bindings = [0, 1, 2].map(numbered)
  await saved(file, bindings)
  const whole = readFileSync(file)
  for (let length = 0; length <= whole.length; length++) {
    writeFileSync(file, whole.subarray(0, length))
    const lines =
      whole
        .subarray(0, length + 1)
        .toString()
        .split('\n').length - 2
    assert.deepEqual(load(file), bindings.slice(0, Math.max(0, lines)), `${length} bytes`)
  }
})

test('no file whatsoever does more than lack bindings', async (t) => {
  const file = path(t)
  await saved(file, [0, 1, 2, 3].map(numbered))
  const whole = readFileSync(file)
  const change = fc.record({ at: fc.nat(whole.length - 1), byte: fc.nat(255) })
  fc.assert(
    fc.property(fc.array(change, { minLength: 1 }), (changes) => {
      const damaged = Buffer.from(whole)
      for (const { at, byte } of changes) damaged[at] = byte
      writeFileSync(file, damaged)
      for (const { vni, port, vlan, lastSeen } of load(file)) {
        assert.ok(vni >= 1 && vni <= 0xffffff && vlan >= 0 && vlan <= 4094 && lastSeen <= NOW + 60_000)
        assert.ok(port.length > 0 && port.length <= 15)
      }
    }),
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), (noise) => {
      writeFileSync(file, Buffer.concat([Buffer.from('macipd bindings 1\n'), noise]))
      assert.deepEqual(load(file), [])
    }),
  )
})

test('what is too old or from the future is left out', async (t) => {
  const file = path(t)
  const seen = (n: number, lastSeen: number): SavedBinding => ({ ...numbered(n), firstSeen: 0, lastSeen })
  const kept = [seen(1, NOW - 24 * HOUR), seen(2, NOW + 60_000)]
  await saved(file, [...kept, seen(3, NOW - 24 * HOUR - 1), seen(4, NOW + 60_001), seen(5, 0)])
  const { log, lines } = listening()
  assert.deepEqual(load(file, log), kept)
  assert.deepEqual([lines[0]?.old, lines[0]?.future], [2, 1])
})

test('of two lines about one IP the later counts', (t) => {
  const file = written(t, `macipd bindings 1\n${GOOD}\n${GOOD.replace('02:00', '06:00')}\n`)
  assert.deepEqual(
    load(file).map(({ mac }) => mac),
    ['06:00:00:00:00:01'],
  )
})

test('times are kept in whole milliseconds', async (t) => {
  const file = path(t)
  await saved(file, [binding({ firstSeen: NOW - 0.2, lastSeen: NOW - 0.4 })])
  assert.deepEqual(load(file), [binding({ firstSeen: NOW, lastSeen: NOW })])
})

/** A state file whose every pass over the bindings is counted, with time that stands still. */
function counted(
  t: TestContext,
  file: string,
  log = silent,
): { state: StateFile<SavedBinding>; passes: (n: number) => Promise<void> } {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let count = 0
  const awaited = new Awaited()
  const bindings = (): SavedBinding[] => {
    count += 1
    awaited.changed()
    return [numbered(count)]
  }
  const state = new StateFile(file, BINDINGS_FORMAT, bindings, log)
  const passes = async (n: number): Promise<void> => {
    await awaited.until(() => count >= n)
    assert.equal(count, n)
  }
  return { state, passes }
}

test('many changes are one save, an interval after the first', async (t) => {
  const { state, passes } = counted(t, path(t))
  state.markChanged()
  t.mock.timers.tick(29_999)
  state.markChanged()
  await passes(0)
  t.mock.timers.tick(1)
  await passes(1)
  t.mock.timers.tick(90_000)
  await passes(1)
  state.markChanged()
  t.mock.timers.tick(30_000)
  await passes(2)
})

test('the table may change while it is saved, and what changed is saved next', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const file = path(t)
  const table = new Map([0, 1].map((n) => [n, numbered(n)]))
  let passes = 0
  const awaited = new Awaited()
  function* bindings(): Generator<SavedBinding> {
    passes += 1
    awaited.changed()
    for (const [n, it] of table) {
      yield it
      if (passes > 1 || n > 0) continue
      table.delete(0)
      table.set(2, numbered(2))
      state.markChanged()
    }
  }
  const state = new StateFile(file, BINDINGS_FORMAT, bindings, silent)
  await state.saveNow()
  assert.deepEqual(load(file), [0, 1, 2].map(numbered))
  t.mock.timers.tick(30_000)
  await awaited.until(() => passes === 2)
  const [one, two] = [state.saveNow(), state.saveNow()]
  assert.equal(one, two, 'saves that have not begun are one')
  await one
  assert.deepEqual(load(file), [1, 2].map(numbered))
})

test('who asks for a save during one gets what is there now', async (t) => {
  const file = path(t)
  let now = [numbered(1)]
  let second: Promise<void> | undefined
  const state = new StateFile(
    file,
    BINDINGS_FORMAT,
    function* () {
      yield* now
      if (second !== undefined) return
      now = [numbered(2)]
      second = state.saveNow()
    },
    silent,
  )
  await state.saveNow()
  await second
  assert.deepEqual(load(file), [numbered(2)])
})

test('close saves a last time, once, and then nothing does', async (t) => {
  const file = path(t)
  const { state, passes } = counted(t, file)
  state.markChanged()
  await Promise.all([state.close(), state.close()])
  await passes(1)
  assert.deepEqual(load(file), [numbered(1)])
  state.markChanged()
  t.mock.timers.tick(90_000)
  await passes(1)
})

test('a snooper that ends before anything changed leaves the file as it was', async (t) => {
  const file = path(t)
  await saved(file, [binding()])
  await new StateFile(file, BINDINGS_FORMAT, () => [], silent).close()
  assert.deepEqual(load(file), [binding()])
})

test('close does not wait for ever, and the old file stays', async (t) => {
  const file = path(t)
  await saved(file, [binding()])
  t.mock.timers.enable({ apis: ['setTimeout'] })
  function* slow(): Generator<SavedBinding> {
    for (let n = 0; n < 10_000; n++) {
      if (n === 100) t.mock.timers.tick(5000)
      yield numbered(n)
    }
  }
  const state = new StateFile(file, BINDINGS_FORMAT, slow, silent)
  state.markChanged()
  await state.close()
  await state.saveNow()
  assert.deepEqual(load(file), [binding()])
  assert.deepEqual(readdirSync(dirname(file)), ['bindings'])
})

test('what cannot be written is tried again, complained about once, and said to be well again', async (t) => {
  const dir = join(tempDir(t), 'dir')
  const { log, lines, told } = listening()
  // a file in the anchor of the directory stops even root
  writeFileSync(dir, '')
  const file = join(dir, 'bindings')
  const { state, passes } = counted(t, file, log)
  state.markChanged()
  t.mock.timers.tick(30_000)
  await told(1)
  await state.saveNow()
  assert.deepEqual(
    lines.map(({ level, msg }) => [level, msg]),
    [[50, 'state file cannot be written; still trying']],
  )
  rmSync(dir)
  mkdirSync(dir)
  t.mock.timers.tick(30_000)
  await passes(1)
  await told(2)
  assert.deepEqual(
    lines.slice(1).map(({ msg }) => msg),
    ['state file can be written again'],
  )
  assert.deepEqual(load(file), [numbered(1)])
})

test('bindings that cannot be read are a failed save, not the end', async (t) => {
  const { log, lines } = listening()
  const file = path(t)
  const failing = (): never => {
    throw new Error('a defect')
  }
  await new StateFile(file, BINDINGS_FORMAT, failing, log).saveNow()
  assert.equal(lines[0]?.error, 'a defect')
  assert.deepEqual(readdirSync(dirname(file)), [])
})
