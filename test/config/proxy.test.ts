// The section `proxy:` of the configuration file, and what the proxy makes of it.
import assert from 'node:assert/strict'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ExitCode, FatalError } from '../../src/base/exit.js'
import { type Config, parseConfig } from '../../src/config/parse.js'
import { contradictions } from '../../src/config/proxy/checks.js'
import { LEAST, proxyOptions } from '../../src/config/proxy/settings.js'
import { KEYS } from '../../src/config/keys.js'
import type { ProxyOptions } from '../../src/config/options.js'
import { DEFAULT_POLICY } from '../../src/proxy/decision/policy.js'
import { tempDir } from '../support.js'

const parse = (source: string): Config => parseConfig(source, 'macipd.yaml')

/** Stands for the files of passwords. */
const noFile = (path: string): { key: Buffer; isReadableByAll: boolean } => ({
  key: Buffer.from(`in ${path}`),
  isReadableByAll: false,
})

const options = (source: string): ProxyOptions => proxyOptions({}, parse(source), noFile)

/** The least, with more keys or other ones. */
function withKeys(keys: Record<string, string>): string {
  const least = {
    ...{ as: '65000', routerId: '192.0.2.3', source: '192.0.2.3', neighbors: '[{ address: 192.0.2.1 }]' },
    vnis: '{ 100: { vteps: { 192.0.2.101: {} } } }',
  }
  const lines = Object.entries({ ...least, ...keys }).map(([key, value]) => `  ${key}: ${value}\n`)
  return `proxy:\n${lines.join('')}`
}

test('every key is understood', () => {
  const { settings, ...process } = options(`
snoop: { control: /run/other }
log: { level: debug }
proxy:
  control: /run/a
  snoop: /run/b
  as: 1.10
  routerId: 192.0.2.9
  source: [192.0.2.3, '2001:DB8::3']
  neighbors:
    - { address: '2001:DB8::1', as: 65000, port: 1179, passwordFile: /etc/key, holdTime: 9s }
    - { address: 127.0.0.1 }
  mark: 65000:1
  restartTime: 0
  staleTime: 1m
  interfaces: [uplink, 'bond*']
  ports: [4789, 8472]
  discover: { from: [192.0.2.0/24], limit: 3 }
  learnIp: false
  age: 10m
  repeatInterval: 10s
  probes: off
  probeRate: { perVtep: 4, total: 5 }
  duplicates: { moves: 6, window: 7s, holdDown: 8s, confirm: 200ms }
  limits: { macsPerVtep: 9, macsPerVni: 10, ipsPerMac: 11, rate: 12, burst: 13 }
  state: none
  stateAge: 1h
  vnis:
    100:
      routeTargets: ['65000:4294967295', '192.0.2.3:65535', '65536:1', '1.10:2']
      vteps:
        192.0.2.101:
          hosts:
            - { mac: 02:00:00:00:01:0A, ips: [10.0.0.101, '2001:DB8::101'], sticky: true }
            - { mac: 00:00:5e:00:01:01 }
        '2001:DB8::101':
    70000:
`)
  assert.deepEqual(process, {
    ...{ control: '/run/a', snoop: '/run/b', stateFile: undefined, stateAgeMs: 3_600_000 },
    ...{ logLevel: 'debug', warnings: [] },
  })
  const { policy, ...rest } = settings
  const session = { localAs: 65_546, routerId: '192.0.2.9', restartTime: 0 }
  assert.deepEqual(rest, {
    routes: {
      ...{ routerId: '192.0.2.9', localAs: 65_546, mark: '65000:1' },
      vnis: new Map([
        [
          100,
          {
            index: 100,
            routeTargets: [
              { type: 'as2', as: 65_000, number: 4_294_967_295 },
              { type: 'ipv4', ip: '192.0.2.3', number: 65_535 },
              { type: 'as4', as: 65_536, number: 1 },
              { type: 'as4', as: 65_546, number: 2 },
            ],
          },
        ],
        [70_000, { index: 65_535, routeTargets: [{ type: 'as2', as: 10, number: 70_000 }] }],
      ]),
    },
    neighbors: [
      {
        ...session,
        ...{ name: '[2001:db8::1]:1179', peerAs: 65_000, holdTime: 9 },
        dial: { address: '2001:db8::1', port: 1179, source: '2001:db8::3', key: Buffer.from('in /etc/key') },
      },
      {
        ...session,
        ...{ name: '127.0.0.1', peerAs: 65_546, holdTime: 90 },
        dial: { address: '127.0.0.1', port: 179, source: '192.0.2.3', key: undefined },
      },
    ],
    watch: {
      interfaces: ['uplink', 'bond*'],
      ports: [4789, 8472],
      vnis: [100, 70_000],
      sources: [
        { ip: '192.0.2.101', length: 32 },
        { ip: '2001:db8::101', length: 128 },
        { ip: '192.0.2.0', length: 24 },
      ],
      repeatIntervalMs: 10_000,
      rate: { perSecond: 12, burst: 13 },
    },
    probes: 'off',
    sourceAddresses: ['192.0.2.3', '2001:db8::3'],
  })
  const { discover, ...plain } = policy
  assert.deepEqual(plain, {
    vnis: new Map([
      [
        100,
        {
          vteps: new Map([
            [
              '192.0.2.101',
              [
                { mac: '02:00:00:00:01:0a', ips: ['10.0.0.101', '2001:db8::101'], isSticky: true },
                // a virtual router may be static, as for the snooper
                { mac: '00:00:5e:00:01:01', ips: [], isSticky: false },
              ],
            ],
            ['2001:db8::101', []],
          ]),
        },
      ],
      [70_000, { vteps: new Map() }],
    ]),
    learnIp: false,
    ageMs: 600_000,
    staleMs: 60_000,
    probeRate: { perPort: 4, total: 5 },
    duplicates: { moves: 6, windowMs: 7000, holdDownMs: 8000, confirmMs: 200 },
    limits: { macsPerVtep: 9, macsPerVni: 10, ipsPerMac: 11 },
    isDraining: false,
  })
  assert.deepEqual([discover.limit, discover.from?.rules], [3, ['Subnet: IPv4 192.0.2.0/24']])
})

test('the least that it needs', () => {
  const { settings, ...process } = options(LEAST)
  assert.deepEqual(process, {
    ...{ control: '/run/macipd/proxy.sock', snoop: '/run/macipd/snoop.sock', stateFile: '/var/lib/macipd/proxy' },
    ...{ stateAgeMs: 86_400_000, logLevel: 'info', warnings: [] },
  })
  const { vnis, ...policy } = settings.policy
  assert.deepEqual({ ...DEFAULT_POLICY, ...policy }, DEFAULT_POLICY)
  assert.deepEqual([...vnis.keys()], [100])
  assert.deepEqual(settings.neighbors, [
    {
      ...{ name: '192.0.2.1', localAs: 65_000, peerAs: 65_000, routerId: '192.0.2.3', holdTime: 90, restartTime: 120 },
      dial: { address: '192.0.2.1', port: 179, source: '192.0.2.3', key: undefined },
    },
  ])
  assert.deepEqual(settings.watch, {
    ...{ interfaces: [], ports: [4789], vnis: [100], sources: [{ ip: '192.0.2.101', length: 32 }] },
    ...{ repeatIntervalMs: 30_000, rate: { perSecond: 200, burst: 400 } },
  })
  assert.equal(settings.routes.mark, '65000:4789')
  assert.equal(settings.probes, 'send')
})

test('paths: the command line goes before the file, and a path space adds a directory', () => {
  const config = parse(`pathspace: blue\nsnoop: { control: /run/s }\n${LEAST}\n`)
  const file = proxyOptions({}, config)
  assert.deepEqual(
    [file.control, file.snoop, file.stateFile],
    ['/run/macipd/blue/proxy.sock', '/run/s', '/var/lib/macipd/blue/proxy'],
  )
  const line = proxyOptions({ control: '/c', snoop: '/s', state: 'none', logLevel: 'warn' }, config)
  assert.deepEqual([line.control, line.snoop, line.stateFile, line.logLevel], ['/c', '/s', undefined, 'warn'])
  assert.throws(() => proxyOptions({ control: '/a', state: '/a' }, config), /control and state are the same path: \/a/)
  assert.throws(() => proxyOptions({ state: 's' }, config), /state: s is neither an absolute path nor none/)
  assert.throws(() => proxyOptions({ snoop: 's' }, config), /snoop: s is not an absolute path/)
})

test('without the section, the message is what to write', () => {
  try {
    proxyOptions({}, {})
    assert.fail('it was taken')
  } catch (error) {
    assert.ok(error instanceof FatalError && error.exitCode === ExitCode.usage)
    const [, example = ''] = /the least that it needs: (proxy: .*)$/.exec(error.message) ?? []
    assert.deepEqual(options(example), options(LEAST))
  }
})

const AS = "expected an AS number from 1 to 4294967295 ('65000', or '1.10' as in RFC 5396), found"
const ROUTE_TARGET =
  "expected a route target: AS:number or IPv4:number, the number in 16 bits, behind an AS up to 65535 in 32 ('65000:100'), found"
const COMMUNITY = "expected a community of two numbers, from 0:0 to 65534:65535 ('65000:4789', RFC 1997), found"
const HOLD_TIME = 'expected whole seconds: 0, or from 3 s to 65535 s, found'
const SOURCE = "expected this node's VTEP address, or a list of one IPv4 and one IPv6 address, found"
const HOST_IP = "expected the IP address of a host ('10.0.0.5', '2001:db8::5'), found"
const PORTS = 'expected a list of 1 to 8 UDP ports, each another one, found'
const SIZE = 'expected a whole number from 1 to 1000000, found'
const wrong = (key: string, values: readonly string[], message: string, path = key): [object, string][] =>
  values.map((value) => [{ [key]: value }, `proxy.${path}: ${message} "${value.replaceAll("'", '')}"`])
const inVnis = (vteps: string): Record<string, string> => ({ vnis: `{ 100: { vteps: { ${vteps} } } }` })
const HOST = '{ hosts: [{ mac: 02:00:00:00:00:01, ips: [10.0.0.1] }] }'

const MISTAKES: [keys: object, message: string][] = [
  ...wrong('as', ['0', '4294967296', '1.65536', '65536.1', '0.0', '1.2.3', '.1', '1.', '007', 'AS1'], AS),
  ...wrong(
    'routerId',
    ['0.0.0.0', "'2001:db8::1'", '1', '192.0.2.300'],
    "expected an IPv4 address that no other speaker has for its router id ('192.0.2.3'), found",
  ),
  ...wrong('source', ['lo', '224.0.0.1', '127.0.0.1'], HOST_IP),
  ...['[]', '[192.0.2.3, 192.0.2.4]', "['2001:db8::3', '2001:db8::4']", '{}'].map((source): [object, string] => [
    { source },
    `proxy.source: ${SOURCE} ${source === '{}' ? 'Object' : 'Array'}`,
  ]),
  [{ neighbors: '[]' }, 'proxy.neighbors: expected a list of { address, as, port, passwordFile, holdTime }, at least '],
  [{ neighbors: '[{ port: 179 }]' }, 'proxy.neighbors.0.address: is missing'],
  [{ neighbors: '[{ adress: 192.0.2.1 }]' }, 'proxy.neighbors.0.adress: unknown key; known here: address, as, port, '],
  [
    { neighbors: '[{ address: rr1 }]' },
    "proxy.neighbors.0.address: expected the IP address of a neighbour ('192.0.2.1', '2001:db8::1'), found \"rr1\"",
  ],
  [{ neighbors: '[{ address: 192.0.2.1, as: 0 }]' }, `proxy.neighbors.0.as: ${AS} "0"`],
  [
    { neighbors: '[{ address: 192.0.2.1, port: 0 }]' },
    'proxy.neighbors.0.port: expected a whole number from 1 to 65535',
  ],
  [{ neighbors: '[{ address: 192.0.2.1, passwordFile: k }]' }, 'proxy.neighbors.0.passwordFile: expected an absolute '],
  ...['1s', '2', '3500ms', '65536'].map((time): [object, string] => [
    { neighbors: `[{ address: 192.0.2.1, holdTime: ${time} }]` },
    `proxy.neighbors.0.holdTime: ${HOLD_TIME} "${time}"`,
  ]),
  [
    { neighbors: '[{ address: 192.0.2.1, holdTime: never }]' },
    'proxy.neighbors.0.holdTime: expected a duration: seconds, or a number with ms, s, m or h',
  ],
  [
    { neighbors: '[{ address: 192.0.2.1 }, { address: 192.0.2.1, port: 1179 }, { address: 192.0.2.1, port: 179 }]' },
    'proxy.neighbors.2.address: neighbors.0 is 192.0.2.1 port 179, too',
  ],
  [
    { neighbors: "[{ address: 192.0.2.1 }, { address: '2001:db8::1' }]" },
    'proxy.neighbors.1.address: proxy.source has no IPv6 address for it',
  ],
  ...wrong('mark', ['65000', '65535:1', '1:65536', '65000:1:2', '1:x'], COMMUNITY),
  ...wrong('restartTime', ['4096', '1.5'], 'expected whole seconds: at most 4095 s, found'),
  ...wrong(
    'staleTime',
    ['long'],
    "expected a duration: seconds, or a number with ms, s, m or h ('30', '30s', '5m'), found",
  ),
  ...wrong('interfaces', ['uplink'], 'expected a list of interface names, found'),
  ...wrong('ports', ['4789'], PORTS),
  [{ ports: '[]' }, `proxy.ports: ${PORTS} Array`],
  [{ ports: '[1, 2, 3, 4, 5, 6, 7, 8, 9]' }, `proxy.ports: ${PORTS} Array`],
  [{ ports: '[4789, 4789]' }, `proxy.ports: ${PORTS} Array`],
  [{ ports: '[65536]' }, 'proxy.ports.0: expected a whole number from 1 to 65535, found "65536"'],
  [{ discover: '{ limit: 0 }' }, `proxy.discover.limit: ${SIZE} "0"`],
  [
    { discover: '{ from: [192.0.2.1/24] }' },
    'proxy.discover.from.0: expected a prefix without bits beyond its length: 192.0.2.0/24, found "192.0.2.1/24"',
  ],
  [{ discover: "{ from: ['2001:db8::/32'] }" }, 'proxy.discover.from.0: proxy.source has no IPv6 address for it'],
  ...wrong('learnIp', ['yes'], 'expected true or false, found'),
  [{ age: '2s' }, 'proxy.age: 2 s is too short; with probes it must be at least 3 s'],
  [
    { age: '59s', probes: 'off' },
    'proxy.age: 59 s is too short; without probes and with a repeat interval of 30 s it must be at least 60 s',
  ],
  ...wrong('probes', ['on'], 'expected one of send, off, found'),
  [{ probeRate: '{ perPort: 1 }' }, 'proxy.probeRate.perPort: unknown key; known here: perVtep, total'],
  [{ probeRate: '{ perVtep: 0 }' }, `proxy.probeRate.perVtep: ${SIZE} "0"`],
  [{ duplicates: '{ moves: 1 }' }, 'proxy.duplicates.moves: expected a whole number from 2 to 1000, found "1"'],
  ...['rate', 'burst', 'macsPerVtep', 'macsPerVni', 'ipsPerMac'].map((name): [object, string] => [
    { limits: `{ ${name}: 0 }` },
    `proxy.limits.${name}: ${SIZE} "0"`,
  ]),
  ...wrong('state', ['here'], 'expected an absolute path or none, found'),
  ...wrong('stateAge', ['0'], 'expected a duration of at least 1 s, found'),
  [{ vnis: '{}' }, 'proxy.vnis: expected VNIs as keys, at least one, found'],
  [{ vnis: '[100]' }, 'proxy.vnis: expected VNIs as keys, each with its section, found Array'],
  [{ vnis: '{ 0: {} }' }, 'proxy.vnis.0: expected a VNI from 1 to 16777215, found "0"'],
  [
    { vnis: '{ 100: { routeTargets: [] } }' },
    'proxy.vnis.100.routeTargets: expected a list of route targets, at least',
  ],
  ...['65000', '65000:4294967296', '65536:65536', '192.0.2.3:65536', '0:1', '1.10:65536', 'x:1'].map(
    (target): [object, string] => [
      { vnis: `{ 100: { routeTargets: ['${target}'] } }` },
      `proxy.vnis.100.routeTargets.0: ${ROUTE_TARGET} "${target}"`,
    ],
  ),
  [inVnis('leaf1: {}'), `proxy.vnis.100.vteps.leaf1: ${HOST_IP} "leaf1"`],
  [inVnis("'2001:db8::1': {}, '2001:DB8:0::1': {}"), 'proxy.vnis.100.vteps.2001:DB8:0::1: is the same as 2001:db8::1'],
  [inVnis("'2001:db8::101': {}"), 'proxy.vnis.100.vteps.2001:db8::101: proxy.source has no IPv6 address for it'],
  [inVnis('192.0.2.3: {}'), "proxy.vnis.100.vteps.192.0.2.3: is the proxy's own address, see proxy.source"],
  [inVnis('192.0.2.101: { hosts: [{ ips: [10.0.0.1] }] }'), 'proxy.vnis.100.vteps.192.0.2.101.hosts.0.mac: is missing'],
  [
    inVnis('192.0.2.101: { hosts: [{ mac: 01:00:5e:00:00:01 }] }'),
    "proxy.vnis.100.vteps.192.0.2.101.hosts.0.mac: expected the MAC address of a host ('02:00:00:00:00:05'), found",
  ],
  [
    inVnis(`192.0.2.101: ${HOST}, 192.0.2.102: { hosts: [{ mac: 02:00:00:00:00:01 }] }`),
    'proxy.vnis.100.vteps.192.0.2.102.hosts.0.mac: hosts.0 of VTEP 192.0.2.101 has 02:00:00:00:00:01 in VNI 100, too',
  ],
  [
    inVnis(`192.0.2.101: ${HOST}, 192.0.2.102: { hosts: [{ mac: 02:00:00:00:00:02, ips: [10.0.0.2, 10.0.0.1] }] }`),
    'proxy.vnis.100.vteps.192.0.2.102.hosts.0.ips.1: hosts.0 of VTEP 192.0.2.101 has 10.0.0.1 in VNI 100, too',
  ],
]
for (const [keys, message] of MISTAKES) {
  test(`a mistake is one line with its place: ${message.slice(0, 70)}`, () => {
    const source = withKeys(keys as Record<string, string>)
    // each key has a line of its own
    const line = source.split('\n').findIndex((text) => text.startsWith(`  ${Object.keys(keys)[0] ?? ''}:`)) + 1
    assert.throws(
      () => parse(source),
      (error: unknown) => {
        assert.ok(error instanceof FatalError)
        assert.equal(error.exitCode, ExitCode.usage)
        const [, found, rest = ''] = /^macipd\.yaml:(\d+):\d+: (.*)$/.exec(error.message) ?? assert.fail(error.message)
        assert.ok(rest.startsWith(message), error.message)
        assert.equal(Number(found), line, error.message)
        return true
      },
    )
  })
}

for (const key of ['as', 'routerId', 'source', 'neighbors', 'vnis'] as const) {
  test(`${key} must be there`, () => {
    const lines = withKeys({}).split('\n')
    const rest = lines.filter((line) => !line.startsWith(`  ${key}:`)).join('\n')
    assert.throws(() => parse(rest), { message: new RegExp(`^macipd\\.yaml:2:3: proxy\\.${key}: is missing$`) })
    // a misspelt one is named as what it is
    const misspelt = lines.map((line) => line.replace(`  ${key}:`, `  ${key}x:`)).join('\n')
    assert.throws(() => parse(misspelt), {
      message: new RegExp(`: proxy\\.${key}x: unknown key; known here: control, `),
    })
  })
}

test('the place of a contradiction is the value, however its address is written', () => {
  const source = `${withKeys({ source: "'2001:db8::3'", neighbors: "[{ address: '2001:db8::1' }]", vnis: '' })}
    100:
      vteps:
        '2001:DB8::3': {}
`
  assert.throws(() => parse(source), {
    message: "macipd.yaml:10:9: proxy.vnis.100.vteps.2001:db8::3: is the proxy's own address, see proxy.source",
  })
})

test('the same MAC and IP may be in several VNIs', () => {
  const { vnis } = options(
    withKeys({ vnis: `{ 1: { vteps: { 192.0.2.9: ${HOST} } }, 2: { vteps: { 192.0.2.9: ${HOST} } } }` }),
  ).settings.policy
  assert.deepEqual(vnis.get(1), vnis.get(2))
})

test('each VNI needs a number of 16 bits, so there are at most 65535', () => {
  const proxy = parse(LEAST).proxy ?? assert.fail()
  const messages = (count: number): string[] => {
    const vnis = new Map(Array.from({ length: count }, (_, at) => [100_000 + at, {}]))
    return [...contradictions({ ...proxy, vnis })].map(({ keys, message }) => `${keys.join('.')}: ${message}`)
  }
  assert.deepEqual(messages(65_535), [])
  assert.deepEqual(messages(65_536), [
    'vnis: 65536 VNIs, at most 65535 can be: each needs a number of 16 bits in its route distinguisher',
  ])
})

test('a password is what the file has, but for a newline at its end', (t) => {
  const file = join(tempDir(t), 'bgp.key')
  const load = (content: string | Buffer, mode = 0o600): ProxyOptions => {
    writeFileSync(file, content)
    chmodSync(file, mode)
    return proxyOptions({}, parse(withKeys({ neighbors: `[{ address: 192.0.2.1, passwordFile: ${file} }]` })))
  }
  const keyOf = ({ settings }: ProxyOptions): string | undefined => settings.neighbors[0]?.dial.key?.toString()
  assert.equal(keyOf(load('secret')), 'secret')
  assert.equal(keyOf(load('secret\n')), 'secret')
  assert.equal(keyOf(load(' secret \n\n')), ' secret \n')
  assert.equal(keyOf(load('x'.repeat(80) + '\n')), 'x'.repeat(80))
  for (const [content, bytes] of [
    ['', 0],
    ['\n', 0],
    ['x'.repeat(81), 81],
  ] as const)
    assert.throws(() => load(content), {
      exitCode: ExitCode.usage,
      message: `proxy.neighbors.0.passwordFile: ${file} has a password of ${bytes} bytes, expected 1 to 80`,
    })
  assert.deepEqual(load('secret', 0o640).warnings, [])
  assert.deepEqual(load('secret', 0o644).warnings, [
    `proxy.neighbors.0.passwordFile: everyone can read ${file}; its mode should be 0600`,
  ])
  const missing = withKeys({ neighbors: '[{ address: 192.0.2.1, passwordFile: /nonexistent/key }]' })
  assert.throws(() => proxyOptions({}, parse(missing)), {
    exitCode: ExitCode.usage,
    message: /^proxy\.neighbors\.0\.passwordFile: \/nonexistent\/key cannot be read: ENOENT/,
  })
})

const GUIDE = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8')

test('the documentation’s examples are right, and its defaults the defaults', () => {
  const examples = [...GUIDE.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, source = '']) => source)
  const [least = '', whole = '', ...others] = examples.filter((source) => source.startsWith('proxy:'))
  assert.ok(others.length >= 3)
  for (const source of others) options(source)
  assert.deepEqual(options(least), options(LEAST))
  assert.deepEqual(options(whole), options(LEAST))
})

test('what a row says of a default is what holds without the key', () => {
  const simple = Object.entries(KEYS).filter(([name, { default: usual }]) => {
    return /^proxy\.(?!neighbors\.|vnis\.)/.test(name) && /^`[^`/]+`$/.test(usual) && !usual.includes('.control')
  })
  assert.ok(simple.length > 18)
  for (const [name, { default: usual }] of simple) {
    const [, key = '', inner] = name.split('.')
    const value = usual.replaceAll('`', '')
    const source = withKeys({ [key]: inner === undefined ? value : `{ ${inner}: ${value} }` })
    assert.deepEqual(options(source), options(LEAST), name)
  }
})
