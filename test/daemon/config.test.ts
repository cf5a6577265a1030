import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Config, loadConfig, parseConfig } from '../../src/daemon/config.js'
import { parseDuration } from '../../src/daemon/duration.js'
import { ExitCode, FatalError } from '../../src/daemon/exit.js'
import { defaultPaths, relayOptions, snoopOptions } from '../../src/daemon/settings.js'
import { tempDir } from './support.js'

const parse = (source: string): Config => parseConfig(source, 'macipd.yaml')

test('durations are seconds or have a unit', () => {
  const durations: [string, number][] = [
    ['30', 30_000],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1.5h', 5_400_000],
    ['250ms', 250],
    ['0', 0],
  ]
  for (const [text, ms] of durations) assert.equal(parseDuration(text), ms, text)
  for (const wrong of ['', 's', '-1', '5 m', '1d', '1e3', 'Infinity', '600h', '30 s']) {
    assert.equal(parseDuration(wrong), undefined, wrong)
  }
})

test('every key is understood', () => {
  const config = parse(`
pathspace: blue
relay:
  listen: /run/a
  zebra: /run/b
  control: /run/c
  runDir: /run/d
  staleTime: 5m
  zebraTimeout: 1.5
  recent: 64k
frr: { release: 10.0 }
snoop:
  control: /run/e
  relay: /run/c
  age: 1h
  repeatInterval: 10
  exclude: [bond0, 'eth*']
  linkLocal: ignore
  macMismatch: accept
log:
  level: debug
`)
  assert.equal(config.frr?.release, '10.0', 'a release is a name, not a number')
  assert.deepEqual(relayOptions({}, config), {
    listen: '/run/a',
    zebra: '/run/b',
    control: '/run/c',
    runDir: '/run/d',
    staleMs: 300_000,
    zebraTimeoutMs: 1500,
    frrRelease: '10.0',
    recentBytes: 65_536,
    logLevel: 'debug',
  })
  assert.deepEqual(snoopOptions({}, config), {
    relay: '/run/c',
    control: '/run/e',
    ageMs: 3_600_000,
    repeatIntervalMs: 10_000,
    exclude: ['bond0', 'eth*'],
    linkLocal: 'ignore',
    macMismatch: 'accept',
    logLevel: 'debug',
  })
})

test('an empty file and empty sections mean the defaults', () => {
  for (const source of ['', '# nothing\n', 'relay:\nsnoop:\n  # age: 1h\n', '{}']) {
    assert.deepEqual(relayOptions({}, parse(source)), {
      listen: '/run/macipd/zserv.api',
      zebra: '/run/frr/zserv.api',
      control: '/run/macipd/relay.sock',
      runDir: '/run/macipd',
      staleMs: 300_000,
      zebraTimeoutMs: 10_000,
      frrRelease: undefined,
      recentBytes: 4_194_304,
      logLevel: 'info',
    })
    const { age, ...snoop } = { age: 1800_000, ...snoopOptions({}, parse(source)) }
    assert.equal(snoop.ageMs, age)
    assert.equal(snoop.control, '/run/macipd/snoop.sock')
    assert.equal(snoop.relay, '/run/macipd/relay.sock')
  }
})

test('FRR’s path space adds a directory to every default', () => {
  assert.deepEqual(defaultPaths('blue'), {
    runDir: '/run/macipd/blue',
    zebra: '/run/frr/blue/zserv.api',
    listen: '/run/macipd/blue/zserv.api',
    relayControl: '/run/macipd/blue/relay.sock',
    snoopControl: '/run/macipd/blue/snoop.sock',
  })
})

test('the command line goes before the file', () => {
  const config = parse('pathspace: blue\nrelay:\n  zebra: /run/file\n  staleTime: 1m\nsnoop: { exclude: [a] }')
  const relay = relayOptions({ zebra: '/run/line', pathspace: 'green' }, config)
  assert.equal(relay.zebra, '/run/line')
  assert.equal(relay.listen, '/run/macipd/green/zserv.api')
  assert.equal(relay.staleMs, 60_000)
  assert.deepEqual(snoopOptions({ exclude: ['b'] }, config).exclude, ['b'])
})

test('the snooper finds the relay whose control socket the file names', () => {
  assert.equal(snoopOptions({}, parse('relay: { control: /run/r }')).relay, '/run/r')
})

const MISTAKES: [source: string, message: string][] = [
  [
    'relay:\n  listn: /run/a\n',
    '2:3: relay.listn: unknown key; known here: listen, zebra, control, runDir, staleTime, zebraTimeout',
  ],
  ['relai: {}\n', '1:1: relai: unknown key; known here: pathspace, relay, frr, snoop, log'],
  [
    'relay:\n  staleTime: soon\n',
    "2:14: relay.staleTime: expected a duration: seconds, or a number with ms, s, m or h ('30', '30s', '5m'), found ",
  ],
  ['relay: { zebra: zserv.api }\n', '1:17: relay.zebra: expected an absolute path, found "zserv.api"'],
  ['frr:\n  release: 8.3\n', '2:12: frr.release: expected an FRR release line: 8.4, '],
  ['snoop:\n  exclude: eth0\n', '2:12: snoop.exclude: expected a list of port names, found "eth0"'],
  ['snoop:\n  exclude:\n    - eth0\n    - { a: b }\n', '4:7: snoop.exclude.1: expected a text, found Object'],
  ['log:\n  level: loud\n', '2:10: log.level: expected one of trace, debug, info, warn, error, fatal, found "loud"'],
  [
    'pathspace: a/b\n',
    "1:12: pathspace: expected a name of letters, digits, '_', '-' and '.', as FRR's -N takes it, found \"a/b\"",
  ],
  ['relay: /run/x\n', '1:8: relay: expected some of the keys listen, '],
  ['- a\n', '1:1: the file: expected some of the keys pathspace, '],
  ['relay:\n  listen: /a\n  listen: /b\n', '3:3: Map keys must be unique'],
  ['relay: [\n', '2:1: '],
]
for (const [source, message] of MISTAKES) {
  test(`a mistake is one line with its place: ${message.slice(0, 30)}`, () => {
    assert.throws(
      () => parse(source),
      (error: unknown) => {
        assert.ok(error instanceof FatalError)
        assert.equal(error.exitCode, ExitCode.usage)
        assert.ok(error.message.startsWith(`macipd.yaml:${message}`), error.message)
        assert.ok(!error.message.includes('\n'))
        return true
      },
    )
  })
}

test('no text whatsoever does more than fail with its place', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...Array.from('relay:{}[]&*!|>-? \n"\'#%@')) })),
      (source) => {
        try {
          parse(source)
        } catch (error) {
          assert.ok(error instanceof FatalError, String(error))
          assert.match(error.message, /^macipd\.yaml:\d+:\d+: /)
        }
      },
    ),
  )
})

test('the default file may be missing, one that was named may not', (t) => {
  const missing = join(tempDir(t), 'none.yaml')
  assert.deepEqual(loadConfig(undefined, missing), {})
  assert.throws(() => loadConfig(missing), /none\.yaml cannot be read: ENOENT/)
  const file = join(tempDir(t), 'some.yaml')
  writeFileSync(file, 'log: { level: warn }\n')
  assert.deepEqual(loadConfig(undefined, file), { log: { level: 'warn' } })
})

test('options that cannot work together are refused', () => {
  const age = /age: 30 s is too short; with a repeat interval of 20 s it must be at least 40 s/
  assert.throws(() => snoopOptions({ age: 30_000, repeatInterval: 20_000 }, {}), age)
  assert.throws(() => relayOptions({ listen: '/a', zebra: '/a' }, {}), /listen and zebra are the same path: \/a/)
  assert.throws(() => relayOptions({ listen: `/${'x'.repeat(107)}` }, {}), /listen: a socket path has at most 99 bytes/)
  assert.throws(() => snoopOptions({ relay: 'r.sock' }, {}), /relay: r\.sock is not an absolute path/)
})
