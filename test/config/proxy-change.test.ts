// What a reload changes: what takes effect at once, which sessions end, and what needs a restart.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../../src/config/parse.js'
import { changeOf, type ProxyChange } from '../../src/config/proxy/change.js'
import { proxyOptions } from '../../src/config/proxy/settings.js'
import type { ProxyOptions } from '../../src/config/options.js'

const USUAL = {
  as: '65000',
  routerId: '192.0.2.3',
  source: '192.0.2.3',
  neighbors: '[{ address: 192.0.2.1, passwordFile: /a }, { address: 192.0.2.2 }]',
  discover: '{ from: [192.0.2.0/24] }',
  vnis: '{ 100: { vteps: { 192.0.2.101: {} } }, 200: {} }',
}

function options(keys: Record<string, string> = {}, log = ''): ProxyOptions {
  const lines = Object.entries({ ...USUAL, ...keys }).map(([key, value]) => `  ${key}: ${value}\n`)
  return proxyOptions({}, parseConfig(`${log}\nproxy:\n${lines.join('')}`, 'macipd.yaml'), (path) => ({
    key: Buffer.from(path),
    isReadableByAll: false,
  }))
}

const SAME = { added: [], removed: [], changed: [] }
const NOTHING: ProxyChange = { live: [], vnis: SAME, neighbors: SAME, restart: [] }

const LIVE: Record<string, string> = {
  discover: '{ from: [192.0.2.0/25] }',
  learnIp: 'false',
  age: '1h',
  probes: 'off',
  probeRate: '{ total: 1 }',
  duplicates: '{ moves: 3 }',
  limits: '{ rate: 1 }',
  interfaces: '[uplink]',
  ports: '[8472]',
  repeatInterval: '5s',
  staleTime: '1s',
}

const CASES: [keys: Record<string, string>, change: Partial<ProxyChange>][] = [
  [{}, {}],
  ...Object.entries(LIVE).map(([key, value]): [Record<string, string>, Partial<ProxyChange>] => [
    { [key]: value },
    { live: [`proxy.${key}`] },
  ]),
  [{ discover: '{ from: [192.0.2.0/24], limit: 1 }' }, { live: ['proxy.discover'] }],
  [{ limits: '{ ipsPerMac: 1 }' }, { live: ['proxy.limits'] }],
  [{ vnis: '{ 100: { vteps: { 192.0.2.102: {} } }, 200: {} }' }, { live: ['proxy.vnis'] }],
  [
    { vnis: "{ 200: { routeTargets: ['65000:1'] }, 300: {} }" },
    { live: ['proxy.vnis'], vnis: { added: ['300'], removed: ['100'], changed: ['200'] } },
  ],
  [
    { neighbors: '[{ address: 192.0.2.2 }, { address: 192.0.2.9 }]' },
    { neighbors: { added: ['192.0.2.9'], removed: ['192.0.2.1'], changed: [] } },
  ],
  [
    { neighbors: '[{ address: 192.0.2.1, passwordFile: /b }, { address: 192.0.2.2 }]' },
    { neighbors: { ...SAME, changed: ['192.0.2.1'] } },
  ],
  [
    { neighbors: '[{ address: 192.0.2.2, as: 65001, holdTime: 9s }, { address: 192.0.2.1, passwordFile: /a }]' },
    { neighbors: { ...SAME, changed: ['192.0.2.2'] } },
  ],
  [{ restartTime: '0' }, { neighbors: { ...SAME, changed: ['192.0.2.1', '192.0.2.2'] } }],
  [
    { control: '/run/c', state: 'none', stateAge: '1h' },
    { restart: ['proxy.control', 'proxy.state', 'proxy.stateAge'] },
  ],
  [{ snoop: '/run/s', mark: '1:2' }, { restart: ['proxy.snoop', 'proxy.mark'] }],
]
for (const [keys, change] of CASES) {
  test(`a reload with ${JSON.stringify(keys)}`, () => {
    assert.deepEqual(changeOf(options(), options(keys)), { ...NOTHING, ...change })
  })
}

test('what the proxy is to its neighbours needs a restart', () => {
  const restart = (keys: Record<string, string>): readonly string[] => changeOf(options(), options(keys)).restart
  assert.deepEqual(restart({ as: '65001' }), ['proxy.as'])
  assert.deepEqual(restart({ routerId: '192.0.2.4' }), ['proxy.routerId'])
  assert.deepEqual(restart({ source: '192.0.2.4' }), ['proxy.source'])
  assert.deepEqual(changeOf(options(), options({}, 'log: { level: debug }')).restart, ['log.level'])
})

test('a VNI whose route distinguisher another VNI has taken has changed', () => {
  const before = options({ vnis: '{ 100001: {} }' })
  const now = options({ vnis: '{ 100000: {}, 100001: {} }' })
  assert.deepEqual(changeOf(before, now).vnis, { added: ['100000'], removed: [], changed: ['100001'] })
})
