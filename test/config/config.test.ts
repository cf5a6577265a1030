import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { BlockList } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatIp, parseIp } from '../../src/base/address.js'
import { loadConfig } from '../../src/config/file.js'
import { type Config, parseConfig, schema } from '../../src/config/parse.js'
import { parseDuration } from '../../src/base/duration.js'
import { ExitCode, FatalError, reason } from '../../src/base/exit.js'
import { addPrefix, isMapped, networkOf, parseAddressAndLength } from '../../src/base/prefix.js'
import { defaultPaths, relayOptions, snoopOptions } from '../../src/config/settings.js'
import { DEFAULT_POLICY } from '../../src/bindings/policy.js'
import { tempDir } from '../support.js'

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
  recent: 64k
frr: { release: 10.0 }
fpm: { listen: none, allowRemote: true, forward: 127.0.0.1:2621, recent: 1M }
snoop:
  control: /run/e
  relay: /run/c
  mode: observe
  age: 1h
  repeatInterval: 10
  exclude: [bond0, 'eth*']
  probes: off
  probeRate: { perPort: 1, total: 2 }
  probeSources: [10.0.0.250/24]
  neighborSolicitations: learn
  filters: heed
  linkLocal: ignore
  macMismatch: accept
  vrrp: learn
  duplicates: { moves: 3, window: 4s, holdDown: 5s, confirm: 250ms }
  limits:
    rate: 6
    burst: 7
    perMac: { ipv4: 8, ipv6: 9 }
    perPort: { ipv4: 10, ipv6: 11 }
    perVni: 12
    total: 1000000
  allow: { 100: [10.0.0.0/16, '2001:DB8:0::/32'], 16777215: [0.0.0.0/0] }
  deny: [02:00:00:00:00:0A, 10.0.0.1, '2001:db8:0:0::1', 192.0.2.0/24]
  pin: [{ vni: 100, ip: '2001:DB8::5', macs: [02:00:00:00:00:0B, 02:00:00:00:00:0c] }]
  static:
    - { vni: 100, ip: '2001:db8:0::9', mac: 02:00:00:00:00:0D, router: true }
    - { vni: 200, ip: 10.0.0.9, mac: 02:00:00:00:00:0d }
  state: /var/lib/x
  stateAge: 1h
metrics: { listen: 127.0.0.1:9430, perPort: true }
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
    frrRelease: '10.0',
    takeOver: false,
    recentBytes: 65_536,
    logLevel: 'debug',
  })
  const { policy, ...options } = snoopOptions({}, config)
  assert.deepEqual(options, {
    relay: '/run/c',
    zebra: '/run/b',
    control: '/run/e',
    repeatIntervalMs: 10_000,
    exclude: ['bond0', 'eth*'],
    statics: [
      { vni: 100, ip: '2001:db8::9', mac: '02:00:00:00:00:0d', router: true },
      { vni: 200, ip: '10.0.0.9', mac: '02:00:00:00:00:0d', router: false },
    ],
    rate: { perSecond: 6, burst: 7 },
    learnNs: true,
    heedFilters: true,
    probeSources: [{ ip: '10.0.0.250', prefixLength: 24 }],
    stateFile: '/var/lib/x',
    stateAgeMs: 3_600_000,
    fpm: {
      ...{ listen: 'none', allowRemote: true, forward: { ip: '127.0.0.1', port: 2621 } },
      ...{ ensure: false, recentBytes: 1 << 20 },
    },
    metrics: { listen: { ip: '127.0.0.1', port: 9430 }, perPort: true },
    logLevel: 'debug',
  })
  const { allowed, denied, ...plain } = policy
  assert.deepEqual(plain, {
    ageMs: 3_600_000,
    linkLocal: 'ignore',
    macMismatch: 'accept',
    vrrp: 'learn',
    observe: true,
    probes: 'off',
    probeRate: { perPort: 1, total: 2 },
    duplicates: { moves: 3, windowMs: 4000, holdDownMs: 5000, confirmMs: 250 },
    limits: { perMac: { ipv4: 8, ipv6: 9 }, perPort: { ipv4: 10, ipv6: 11 }, perVni: 12, total: 1_000_000 },
    pinned: new Map([['100 2001:db8::5', new Set(['02:00:00:00:00:0b', '02:00:00:00:00:0c'])]]),
  })
  assert.deepEqual([...allowed.keys()], [100, 16777215])
  assert.deepEqual(allowed.get(100)?.rules.toSorted(), ['Subnet: IPv4 10.0.0.0/16', 'Subnet: IPv6 2001:db8::/32'])
  assert.deepEqual([...denied.macs], ['02:00:00:00:00:0a'])
  for (const ip of ['10.0.0.1', '192.0.2.255']) assert.ok(denied.ips?.check(ip), ip)
  for (const ip of ['10.0.0.0', '10.0.0.2', '192.0.3.0']) assert.ok(!denied.ips?.check(ip), ip)
  assert.ok(denied.ips?.check('2001:db8::1', 'ipv6'))
  assert.ok(!denied.ips?.check('2001:db8::2', 'ipv6'))
})

const EMPTY = `snoop:
  exclude:
  probeRate:
  probeSources:
  duplicates:
  limits: { perMac: , perPort: }
  allow:
  deny:
  pin:
  static:
`

test('an empty file and empty sections mean the defaults', () => {
  for (const source of ['', '# nothing\n', 'relay:\nsnoop:\n  # age: 1h\n', '{}', EMPTY]) {
    assert.deepEqual(relayOptions({}, parse(source)), {
      listen: '/run/macipd/zserv.api',
      zebra: '/run/frr/zserv.api',
      control: '/run/macipd/relay.sock',
      runDir: '/run/macipd',
      staleMs: 300_000,
      frrRelease: undefined,
      takeOver: false,
      recentBytes: 4_194_304,
      logLevel: 'info',
    })
    const snoop = snoopOptions({}, parse(source))
    assert.equal(snoop.control, '/run/macipd/snoop.sock')
    assert.equal(snoop.relay, '/run/macipd/relay.sock')
    assert.equal(snoop.stateFile, '/var/lib/macipd/bindings')
    assert.deepEqual(snoop.policy, DEFAULT_POLICY)
  }
})

test('FRR’s path space adds a directory to every default', () => {
  assert.deepEqual(defaultPaths('blue'), {
    runDir: '/run/macipd/blue',
    zebra: '/run/frr/blue/zserv.api',
    listen: '/run/macipd/blue/zserv.api',
    relayControl: '/run/macipd/blue/relay.sock',
    snoopControl: '/run/macipd/blue/snoop.sock',
    state: '/var/lib/macipd/blue/bindings',
    proxyControl: '/run/macipd/blue/proxy.sock',
    proxyState: '/var/lib/macipd/blue/proxy',
  })
})

test('the command line goes before the file', () => {
  const config = parse('pathspace: blue\nrelay:\n  zebra: /run/file\n  staleTime: 1m\nsnoop: { exclude: [a] }')
  const relay = relayOptions({ zebra: '/run/line', pathspace: 'green' }, config)
  assert.equal(relay.zebra, '/run/line')
  assert.equal(relay.listen, '/run/macipd/green/zserv.api')
  assert.equal(relay.staleMs, 60_000)
  assert.deepEqual(snoopOptions({ exclude: ['b'] }, config).exclude, ['b'])
  assert.equal(snoopOptions({ observe: true }, parse('snoop: { mode: announce }')).policy.observe, true)
  assert.equal(snoopOptions({ age: 4000 }, parse('snoop: { age: 1h }')).policy.ageMs, 4000)
  assert.equal(snoopOptions({ state: '/s' }, parse('snoop: { state: none }')).stateFile, '/s')
  assert.equal(snoopOptions({ state: 'none' }, parse('snoop: { state: /s }')).stateFile, undefined)
})

test('the snooper finds the relay whose control socket the file names', () => {
  assert.equal(snoopOptions({}, parse('relay: { control: /run/r }')).relay, '/run/r')
})

const MISTAKES: [source: string, message: string][] = [
  ['relay:\n  listn: /run/a\n', '2:3: relay.listn: unknown key; known here: listen, zebra, control, runDir, staleTime'],
  ['relai: {}\n', '1:1: relai: unknown key; known here: pathspace, relay, frr, snoop, fpm, metrics, log'],
  [
    'relay:\n  staleTime: soon\n',
    "2:14: relay.staleTime: expected a duration: seconds, or a number with ms, s, m or h ('30', '30s', '5m'), found \"soon\"",
  ],
  ['relay: { zebra: "a\\nb" }\n', '1:17: relay.zebra: expected an absolute path, found "a\\nb"'],
  ['snoop:\n  constructor: 1\n', '2:3: snoop.constructor: unknown key; known here: control, '],
  ['snoop: { mode: quiet }\n', '1:16: snoop.mode: expected one of announce, observe, found "quiet"'],
  [
    'snoop:\n  limits:\n    rate: many\n',
    '3:11: snoop.limits.rate: expected a whole number from 1 to 1000000, found "many"',
  ],
  [
    'snoop: { limits: { perPort: { ipv6: 0 } } }\n',
    '1:37: snoop.limits.perPort.ipv6: expected a whole number from 1 to 1000000, found "0"',
  ],
  ['snoop: { limits: { total: 1000001 } }\n', '1:27: snoop.limits.total: expected a whole number from 1 to 1000000'],
  ['snoop: { limits: { perMac: 3 } }\n', '1:28: snoop.limits.perMac: expected some of the keys ipv4, ipv6, found "3"'],
  ['snoop: { duplicates: { moves: 1 } }\n', '1:31: snoop.duplicates.moves: expected a whole number from 2 to 1000'],
  [
    'snoop: { duplicates: { confirm: 99ms } }\n',
    '1:33: snoop.duplicates.confirm: expected a duration of at least 0.1 s, found "99ms"',
  ],
  ['snoop: { stateAge: 0 }\n', '1:20: snoop.stateAge: expected a duration of at least 1 s, found "0"'],
  ['snoop: { state: here }\n', '1:17: snoop.state: expected an absolute path or none, found "here"'],
  ...['10.0.0.0/24', '10.0.0.255/24', '10.0.0.1', '10.0.0.1/32', '10.0.0.1/0', '127.0.0.1/8', '2001:db8::1/64'].map(
    (source): [string, string] => [
      `snoop:\n  probeSources:\n  - '${source}'\n`,
      `3:5: snoop.probeSources.0: expected an IPv4 address that the node could have in a subnet, with the subnet's length ('10.0.0.250/24'), found "${source}"`,
    ],
  ),
  [
    'snoop:\n  allow:\n    100: [10.0.0.0/16, 10.1.2.3/16]\n',
    '3:24: snoop.allow.100.1: expected a prefix without bits beyond its length: 10.1.0.0/16, found "10.1.2.3/16"',
  ],
  ...['10.0.0.0', '10.0.0.0/33', '::/129', '10.0.0/8', '::ffff:10.0.0.0/104', '10.0.0.0/8/8'].map(
    (prefix): [string, string] => [
      `snoop: { allow: { 100: ['${prefix}'] } }\n`,
      `1:25: snoop.allow.100.0: expected a prefix ('10.0.0.0/16', '2001:db8::/32'), found "${prefix}"`,
    ],
  ),
  ...['0', '16777216', 'x', '0100', 'constructor', '__proto__'].map((vni): [string, string] => [
    `snoop:\n  allow:\n    100: [10.0.0.0/8]\n    ${vni}: [10.0.0.0/8]\n`,
    `4:5: snoop.allow.${vni}: expected a VNI from 1 to 16777215, found "${vni}"`,
  ]),
  ['snoop: { allow: { 100: } }\n', '1:24: snoop.allow.100: expected a list of prefixes, at least one, found ""'],
  ['snoop: { allow: { 100: [] } }\n', '1:24: snoop.allow.100: expected a list of prefixes, at least one, found Array'],
  ['snoop: { allow: [10.0.0.0/8] }\n', '1:17: snoop.allow: expected VNIs as keys, each with its list, found Array'],
  ['snoop: { allow: all }\n', '1:17: snoop.allow: expected VNIs as keys, each with its list, found "all"'],
  [
    'snoop: { deny: [host] }\n',
    "1:17: snoop.deny.0: expected a MAC address, an IP address or a prefix ('02:00:00:00:00:01', '10.0.0.1', '192.0.2.0/24'), found \"host\"",
  ],
  [
    'snoop: { deny: [192.0.2.1/24] }\n',
    '1:17: snoop.deny.0: expected a prefix without bits beyond its length: 192.0.2.0/24, found "192.0.2.1/24"',
  ],
  ['snoop: { pin: [{ vni: 1, ip: 10.0.0.5 }] }\n', '1:16: snoop.pin.0.macs: is missing'],
  [
    'snoop: { pin: [{ vni: 1, ip: 10.0.0.5, macs: [] }] }\n',
    '1:46: snoop.pin.0.macs: expected a list of MAC addresses, at least one, found Array',
  ],
  ...['00:00:00:00:00:00', '01:00:5e:00:00:01', 'ff:ff:ff:ff:ff:ff', '02-00-00-00-00-05', '2:0:0:0:0:5'].map(
    (mac): [string, string] => [
      `snoop: { static: [{ vni: 1, ip: 10.0.0.5, mac: ${mac} }] }\n`,
      `1:48: snoop.static.0.mac: expected the MAC address of a host ('02:00:00:00:00:05'), found "${mac}"`,
    ],
  ),
  ...[
    '0.0.0.0',
    '127.0.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    'ff02::1',
    '::ffff:10.0.0.1',
    'fe80::1%eth0',
    '10.0.0.0/24',
  ].map((ip): [string, string] => [
    `snoop:\n  static:\n  - vni: 1\n    ip: '${ip}'\n    mac: 02:00:00:00:00:05\n`,
    `4:9: snoop.static.0.ip: expected the IP address of a host ('10.0.0.5', '2001:db8::5'), found "${ip}"`,
  ]),
  [
    'snoop: { static: [{ vni: 1, ip: 10.0.0.5, mac: 02:00:00:00:00:05, router: yes }] }\n',
    '1:75: snoop.static.0.router: expected true or false, found "yes"',
  ],
  [
    'snoop: { static: [{ vni: 1, ip: 10.0.0.5, mac: 02:00:00:00:00:05, router: true }] }\n',
    '1:75: snoop.static.0.router: only IPv6 has a router flag (RFC 9047)',
  ],
  [
    `snoop:
  static:
  - { vni: 1, ip: '2001:db8::5', mac: 02:00:00:00:00:05 }
  - { vni: 2, ip: '2001:db8::5', mac: 02:00:00:00:00:06 }
  - { vni: 1, ip: '2001:db8:0::5', mac: 02:00:00:00:00:06 }\n`,
    '5:5: snoop.static.2: static.0 is about VNI 1 and 2001:db8::5, too',
  ],
  [
    `snoop:
  pin:
  - { vni: 1, ip: 10.0.0.5, macs: [02:00:00:00:00:05] }
  - { vni: 1, ip: 10.0.0.5, macs: [02:00:00:00:00:06] }\n`,
    '4:5: snoop.pin.1: pin.0 is about VNI 1 and 10.0.0.5, too',
  ],
  [
    `snoop:
  pin: [{ vni: 1, ip: 10.0.0.5, macs: [02:00:00:00:00:05] }]
  static:
  - { vni: 2, ip: 10.0.0.5, mac: 02:00:00:00:00:06 }
  - { vni: 1, ip: 10.0.0.5, mac: 02:00:00:00:00:06 }\n`,
    '5:34: snoop.static.1.mac: pin.0 does not let 02:00:00:00:00:06 have 10.0.0.5 in VNI 1',
  ],
  ['relay: { zebra: zserv.api }\n', '1:17: relay.zebra: expected an absolute path, found "zserv.api"'],
  ['frr:\n  release: 8.3\n', '2:12: frr.release: expected an FRR release: 8.4, '],
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
  test(`a mistake is one line with its place: ${message.slice(0, 60)}`, () => {
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

test('the default file may be missing, one that was named may not', async (t) => {
  const missing = join(tempDir(t), 'none.yaml')
  assert.deepEqual(await loadConfig(undefined, missing), {})
  await assert.rejects(loadConfig(missing), /none\.yaml cannot be read: ENOENT/)
  const file = join(tempDir(t), 'some.yaml')
  writeFileSync(file, 'log: { level: warn }\n')
  assert.deepEqual(await loadConfig(undefined, file), { log: { level: 'warn' } })
})

test('a file is the same whether what parses it was needed or not', async (t) => {
  const file = join(tempDir(t), 'some.yaml')
  const lines = [
    '',
    '# log: {}',
    '  # x',
    '\t',
    '\r',
    '\u00a0',
    '---',
    '...',
    '%YAML 1.2',
    '\ufeff',
    'log: {}',
    '- 1',
    'x',
  ]
  const outcome = async (load: () => Config | Promise<Config>): Promise<unknown> => {
    try {
      return await load()
    } catch (error) {
      return reason(error)
    }
  }
  const parts = fc.array(fc.tuple(fc.constantFrom(...lines), fc.constantFrom('\n', '\r\n', '\r', '')), { maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(parts, async (pairs) => {
      const source = pairs.flat().join('')
      writeFileSync(file, source)
      assert.deepEqual(await outcome(() => loadConfig(file)), await outcome(() => parseConfig(source, file)))
    }),
  )
})

test('options that cannot work together are refused', () => {
  const silent = parse('snoop: { probes: off }')
  assert.throws(
    () => snoopOptions({ age: 30_000, repeatInterval: 20_000 }, silent),
    /age: 30 s is too short; without probes and with a repeat interval of 20 s it must be at least 40 s/,
  )
  assert.equal(snoopOptions({ age: 30_000, repeatInterval: 20_000 }, {}).policy.ageMs, 30_000)
  assert.throws(
    () => snoopOptions({ age: 2999 }, {}),
    /age: 2\.999 s is too short; with probes it must be at least 3 s/,
  )
  assert.throws(() => snoopOptions({ state: 's' }, {}), /state: s is neither an absolute path nor none/)
  assert.throws(() => snoopOptions({ state: '/a', control: '/a' }, {}), /control and state are the same path: \/a/)
  assert.throws(() => relayOptions({ listen: '/a', zebra: '/a' }, {}), /listen and zebra are the same path: \/a/)
  assert.throws(() => relayOptions({ listen: `/${'x'.repeat(107)}` }, {}), /listen: a socket path has at most 99 bytes/)
  assert.throws(() => snoopOptions({ relay: 'r.sock' }, {}), /relay: r\.sock is not an absolute path/)
})

test('a prefix holds the addresses that share its bits, and none of the other family', () => {
  const address = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
    // around the IPv4-mapped addresses
    fc.tuple(fc.nat(15), fc.nat(255)).map(([at, byte]) => {
      const bytes = parseIp('::ffff:1.2.3.4') ?? Buffer.alloc(16)
      bytes[at] = byte
      return bytes
    }),
  )
  const bit = (bytes: Uint8Array, index: number): number => ((bytes[index >> 3] ?? 0) >> (7 - (index & 7))) & 1
  const share = (a: Uint8Array, b: Uint8Array): number => {
    for (let index = 0; index < a.length * 8; index++) if (bit(a, index) !== bit(b, index)) return index
    return a.length * 8
  }
  fc.assert(
    fc.property(address, fc.nat(128), fc.array(address), fc.nat(127), (base, anyLength, others, flip) => {
      const near = Uint8Array.from(base)
      near[(flip >> 3) % near.length] = (near[(flip >> 3) % near.length] ?? 0) ^ (0x80 >> (flip & 7))
      const prefix = networkOf({ ip: formatIp(base), length: anyLength % (base.length * 8 + 1) })
      // written so, it is refused: IPv4 is meant
      if (parseAddressAndLength(`${prefix.ip}/${prefix.length}`) === undefined) return
      const list = new BlockList()
      addPrefix(list, prefix)
      const network = parseIp(prefix.ip) ?? Buffer.alloc(0)
      for (const other of [base, near, parseIp('1.2.3.4') ?? near, ...others]) {
        const ip = formatIp(other)
        // what is IPv4-mapped, a BlockList takes for IPv4
        if (isMapped(Buffer.from(other))) continue
        const expected = other.length === network.length && share(network, other) >= prefix.length
        assert.equal(
          list.check(ip, other.length === 4 ? 'ipv4' : 'ipv6'),
          expected,
          `${ip} in ${JSON.stringify(prefix)}`,
        )
      }
    }),
    { examples: [[new Uint8Array(16), 0, [], 0]] },
  )
})

type Described = {
  wrapped?: Described
  pipe?: readonly Described[]
  entries?: Record<string, Described>
  item?: Described
  /** Of a mapping, what each of its keys has. */
  value?: unknown
}

/** What each item of a list or a mapping is. */
const eachOf = ({ item, value }: Described): Described | undefined =>
  item ?? (typeof value === 'object' && value !== null ? value : undefined)

/** Every key of a schema, with those above it: `snoop.pin`, `snoop.pin.vni`. */
function* keysOf(schema: Described, above = ''): Generator<string> {
  for (const part of [schema.wrapped, eachOf(schema), ...(schema.pipe ?? [])]) {
    if (part !== undefined && part !== schema) yield* keysOf(part, above)
  }
  for (const [key, value] of Object.entries(schema.entries ?? {})) {
    const name = above === '' ? key : `${above}.${key}`
    const below = [...new Set(keysOf(value, name))]
    if (below.length === 0 || hasItems(value)) yield name
    yield* below
  }
}

const hasItems = (part: Described): boolean =>
  eachOf(part) !== undefined ||
  [part.wrapped, ...(part.pipe ?? [])].some((inner) => inner !== undefined && inner !== part && hasItems(inner))

const GUIDE = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8')

test('the documentation has every key and no other', () => {
  const documented = [...GUIDE.matchAll(/^\| `([^`]+)` \|/gm)].map(([, key]) => key)
  const known = [...new Set(keysOf(schema as object))]
  assert.ok(
    known.includes('snoop.limits.perPort.ipv6') && known.includes('snoop.pin.macs') && known.includes('pathspace'),
  )
  assert.deepEqual(documented.toSorted(), known.toSorted())
})

test('the documentation’s examples are right, and its defaults the defaults', () => {
  const examples = [...GUIDE.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, source = '']) => source)
  assert.ok(examples.length > 8)
  for (const source of examples) {
    const config = parse(source)
    relayOptions({}, config)
    snoopOptions({}, config)
  }
  const whole = examples.find((source) => source.includes('stateAge'))
  assert.deepEqual(snoopOptions({}, parse(whole ?? '')), snoopOptions({}, {}))
  const rows = [...GUIDE.matchAll(/^\| `([^`]+)` \|.*\| `([^`]+)` \|$/gm)]
  assert.ok(rows.length > 25)
  const { snoop = {} } = parse(whole ?? '')
  for (const [, key = '', value = ''] of rows) {
    const names = key.split('.')
    if (names[0] === 'snoop' && !value.includes('/') && key !== 'snoop.relay' && key !== 'snoop.static.router') {
      const shown = parse(names.reduceRight((inner, name) => `{ ${name}: ${inner} }`, value)).snoop
      const at = (from: unknown): unknown =>
        names.slice(1).reduce((it, name) => (it as Record<string, unknown> | undefined)?.[name], from)
      assert.deepEqual(at(shown), at(snoop), key)
    }
  }
})

test('fpm: where to listen, from the command line, the file, or by default', () => {
  const fpm = (source: string, ...given: NonNullable<Parameters<typeof snoopOptions>[0]['fpm']>) =>
    snoopOptions(given.length === 0 ? {} : { fpm: given }, parse(source)).fpm
  assert.deepEqual(fpm(''), {
    ...{ listen: 'default', allowRemote: false, forward: undefined, ensure: false, recentBytes: 4 << 20 },
  })
  assert.deepEqual(fpm('fpm: { listen: none, recent: 0 }'), {
    ...{ listen: 'none', allowRemote: false, forward: undefined, ensure: false, recentBytes: 0 },
  })
  assert.deepEqual(fpm("fpm: { listen: ['[::1]:2620', 192.0.2.1:1], allowRemote: true, forward: 127.0.0.1:2621 }"), {
    listen: [
      { ip: '::1', port: 2620 },
      { ip: '192.0.2.1', port: 1 },
    ],
    allowRemote: true,
    forward: { ip: '127.0.0.1', port: 2621 },
    ...{ ensure: false, recentBytes: 4 << 20 },
  })
  assert.equal(fpm('fpm: { ensure: true }').ensure, true)
  assert.throws(() => fpm('fpm: { ensure: true }', 'none'), /fpm\.ensure: zebra cannot be told where to connect/)
  assert.equal(fpm('fpm: { listen: [127.0.0.1:1] }', 'none').listen, 'none')
  assert.deepEqual(fpm('fpm: { listen: none }', { ip: '::1', port: 7 }).listen, [{ ip: '::1', port: 7 }])
  assert.throws(() => fpm('', 'none', { ip: '::1', port: 7 }), /fpm: none and an address at once/)
  for (const wrong of [
    'listen: off',
    'listen: []',
    'listen: [127.0.0.1]',
    'listen: [127.0.0.1:0]',
    'listen: [127.0.0.1:65536]',
    "listen: ['::1:2620']",
    'forward: localhost:2621',
  ])
    assert.throws(() => fpm(`fpm: { ${wrong} }`), /:1:\d+: fpm\.(listen|forward).*: expected .*IP address/, wrong)
})
