// What `macipctl explain` makes of what the two processes say. The pages it prints are in test/fixtures/explain/;
// UPDATE=1 writes them anew, to be read before they are committed.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { explained, type Explained, type Inputs, type Subject } from '../../src/cli/explain/facts.js'
import type { DetailReport, EventReport, PolicyReport, RefusalReport } from '../../src/cli/explain/report.js'
import { renderExplained } from '../../src/cli/explain/text.js'
import type { Address } from '../../src/cli/options.js'
import { type BindingReport, relayReport, snooperReport } from '../../src/cli/report.js'
import type { LocalMac, RemoteMac, ViewsReport } from '../../src/cli/show/report.js'
import { REASONS } from '../../src/bindings/state.js'
import { VM1, VM2 } from '../bindings/build.js'
import { notRunning } from '../support.js'

process.env['TZ'] = 'UTC'
const NOW = Date.parse('2026-03-01T12:00:00Z')
const S = 1000
const MIN = 60 * S
const IP = '10.0.0.5'
const VM3 = 'bc:24:11:00:00:03'

const BINDING: BindingReport = {
  ...{ vni: 100, ip: IP, mac: VM1, port: 'tap1', vlan: 0, state: 'active', reason: 'announced', router: false, seq: 3 },
  ...{ evidence: 'arp-request', firstSeen: NOW - 200 * MIN, lastSeen: NOW - 12 * S, expires: NOW + 30 * MIN - 12 * S },
}
const DETAIL: DetailReport = {
  ...{ timer: { what: 'refresh', time: NOW + 8 * MIN }, tries: 0, claim: null, moves: [], frozenUntil: null },
  ...{ confirmed: true, static: false, minSeq: 0 },
}
const POLICY: PolicyReport = {
  ...{ ageMs: 30 * MIN, observe: false, probes: 'send' },
  ...{ moves: 5, windowMs: 3 * MIN, holdDownMs: 9 * MIN, confirmMs: 3 * S },
  limits: { 'mac-ipv4': 8, total: 100_000, vni: Infinity },
}
const ZEBRA_MAC: LocalMac = { vni: 100, mac: VM1, ip: null, seq: 3, flags: [], esi: null }
const ON_SEGMENT: LocalMac = { ...ZEBRA_MAC, esi: '03:44:38:39:ff:ff:01:00:00:01' }
const FAR: RemoteMac = { vni: 100, mac: VM1, ip: IP, vtep: '192.0.2.2', seq: 4, flags: [] }

type Scene = {
  address?: Address
  vni?: number
  /** null: the snooper knows none. */
  binding?: Partial<BindingReport> | null
  detail?: Partial<DetailReport>
  events?: Partial<EventReport>[]
  refusals?: Partial<RefusalReport>[]
  policy?: Partial<PolicyReport>
  views?: Partial<ViewsReport>
  /** What the relay says of the same entry; null: it has none. */
  kept?: string | null
  relay?: 'missing' | Parameters<typeof relayReport>[0]
  snooper?: 'missing'
  frames?: Record<string, number>
}

function inputs(scene: Scene): Inputs {
  const { address = { ip: IP }, vni, detail, events = [], refusals = [], policy, views, frames = { passed: 9 } } = scene
  const binding = scene.binding === null ? undefined : { ...BINDING, ...scene.binding }
  const relay = {
    injecting: true,
    vnis: 1,
    sessions: [{ kind: 'main' }],
    ...(scene.relay !== 'missing' && scene.relay),
  }
  const kept = scene.kept === undefined ? binding?.reason : scene.kept
  const overlay = kept == null || binding === undefined ? [] : [{ ...binding, reason: kept }]
  const noRelay = scene.relay === 'missing'
  const noSnooper = scene.snooper === 'missing'
  const key = { vni: 100, ip: IP, mac: VM1, port: 'tap1' }
  return {
    address,
    vni,
    snooper: noSnooper
      ? notRunning('/s')
      : {
          ...{ running: true, socket: '/s', policy: { ...POLICY, ...policy } },
          bindings: binding === undefined ? [] : [{ binding, detail: { ...DETAIL, ...detail } }],
          events: events.map((it, at) => ({ ...key, sequence: at, time: NOW, event: 'learned', detail: '', ...it })),
          refusals: refusals.map((it) => ({ ...key, reason: 'gateway', count: 1, first: NOW, last: NOW, ...it })),
        },
    snooperStatus: noSnooper
      ? notRunning('/s')
      : {
          ...{ running: true, socket: '/s', ...snooperReport({}), frames },
          ports: [
            {
              ...{ name: 'tap1', bridge: 'br0', up: false, attached: 'tcx', error: '', bindings: 0, limited: 0 },
              ...{ state: 'disabled', learning: 'on', macs: 0, silentMs: 0, ahead: [], filters: [] },
            },
          ],
        },
    relay: noRelay ? notRunning('/r') : { running: true, socket: '/r', ...relayReport(relay) },
    views: noRelay
      ? notRunning('/r')
      : {
          ...{ running: true, socket: '/r', vnis: [{ vni: 100, vtep: '192.0.2.1' }], macs: [ZEBRA_MAC] },
          ...{ remote: [], synced: [], vteps: [], ...views },
        },
    now: NOW,
    overlay: noRelay ? notRunning('/r') : { running: true, socket: '/r', bindings: overlay },
  }
}

const PAGES: Record<string, Scene> = {
  announced: {
    binding: { vlan: 7, router: true, evidence: 'na' },
    events: [
      { time: NOW - 26 * 60 * MIN, event: 'learned', detail: 'arp-request' },
      { time: NOW - 90 * MIN, event: 'probing' },
      { time: NOW - 90 * MIN + 2 * S, event: 'answered' },
      { time: NOW - 12 * S, event: 'moved', detail: 'tap2' },
    ],
    refusals: [{ mac: VM2, port: 'tap2', reason: 'mac-mismatch', count: 7, first: NOW - 9 * MIN, last: NOW - MIN }],
  },
  shadowed: {
    binding: { state: 'shadowed', reason: 'shadowed' },
    views: { macs: [ZEBRA_MAC, { ...ZEBRA_MAC, ip: IP, flags: ['router'], esi: '03:44:11:11:11:11:11:00:00:01' }] },
  },
  segment: {
    views: {
      macs: [ON_SEGMENT, { ...ON_SEGMENT, ip: IP, flags: ['proxy-advert'] }],
      synced: [FAR, { ...FAR, ip: null, flags: ['proxy-advert', 'sync-path'] }],
    },
  },
  proxied: {
    binding: { state: 'shadowed', reason: 'proxied', expires: 0 },
    kept: null,
    views: { macs: [ON_SEGMENT, { ...ON_SEGMENT, ip: IP, flags: ['proxy-advert'] }], synced: [FAR] },
  },
  'segment-proxy': {
    binding: null,
    views: { macs: [ON_SEGMENT, { ...ON_SEGMENT, ip: IP, flags: ['proxy-advert'] }] },
  },
  remote: { binding: { state: 'remote', reason: 'remote' }, detail: { minSeq: 5 }, views: { remote: [FAR] } },
  'fpm-remote': {
    binding: { state: 'remote', reason: 'fpm-remote' },
    detail: { timer: { what: 'age', time: BINDING.expires } },
    events: [{ time: NOW - MIN, event: 'state', detail: 'fpm-remote' }],
    views: { remote: [{ ...FAR, ip: null }] },
    kept: null,
  },
  'mac-not-local': { binding: { state: 'pending', reason: 'mac-not-local' }, views: { macs: [] } },
  'ip-conflict': {
    binding: { state: 'pending', reason: 'ip-conflict' },
    views: { macs: [ZEBRA_MAC, { ...ZEBRA_MAC, mac: VM2 }, { ...ZEBRA_MAC, mac: VM2, ip: IP }] },
  },
  'vni-not-live': { binding: { state: 'pending', reason: 'vni-not-live' }, views: { vnis: [], macs: [] } },
  'release-uncertain': {
    binding: { state: 'pending', reason: 'release-uncertain' },
    relay: { injecting: false, releaseReason: 'HELLO of no known length' },
  },
  probing: {
    binding: { state: 'probing', reason: 'announced', lastSeen: NOW - 10 * MIN, expires: NOW - S },
    detail: { tries: 3, timer: { what: 'give-up', time: NOW + S } },
    kept: 'announced',
  },
  contested: {
    binding: { state: 'contested', reason: 'announced' },
    detail: {
      timer: { what: 'confirm', time: NOW + 2 * S },
      claim: { mac: VM2, port: 'tap2', vlan: 7, evidence: 'arp-request', time: NOW - S },
      moves: [NOW - 2 * MIN, NOW - MIN],
    },
    kept: 'announced',
  },
  'routed-elsewhere': {
    binding: { state: 'contested', reason: 'announced' },
    detail: { timer: { what: 'confirm', time: NOW + S } },
    kept: 'announced',
    events: [{ time: NOW - S, event: 'contested', detail: 'route to 192.0.2.2' }],
  },
  duplicate: {
    binding: { state: 'duplicate', reason: 'duplicate', expires: 0 },
    detail: {
      timer: { what: 'hold-down', time: NOW + 5 * MIN },
      moves: [NOW - 4 * MIN, NOW - 4 * MIN],
      frozenUntil: NOW + 5 * MIN,
    },
    events: [
      { time: NOW - 4 * MIN, event: 'contested', detail: `${VM2} tap2` },
      { time: NOW - 4 * MIN, event: 'duplicate' },
    ],
    kept: null,
  },
  restored: {
    binding: { evidence: 'restored', state: 'pending', reason: 'unconfirmed' },
    detail: { confirmed: false, timer: null },
    kept: null,
  },
  static: {
    binding: { evidence: 'static', expires: 0, port: '' },
    detail: { static: true, timer: null },
    events: [
      { event: 'learned', port: '', detail: 'static' },
      { event: 'state', port: '', detail: 'announced' },
    ],
  },
  observe: { binding: { state: 'pending', reason: 'observed' }, policy: { observe: true, probes: 'off' } },
  'remote-only': { binding: null, views: { macs: [], remote: [{ ...FAR, mac: VM3, flags: ['router'] }] } },
  'zebra-only': { binding: null, views: { macs: [ZEBRA_MAC, { ...ZEBRA_MAC, ip: IP }] } },
  'mac-only': { address: { mac: VM1 }, binding: null },
  'mac-with-ips': {
    address: { mac: VM1 },
    events: [{ ip: '10.0.0.9', event: 'withdrawn', detail: 'aged', time: NOW - MIN }],
    views: { macs: [ZEBRA_MAC, { ...ZEBRA_MAC, ip: 'fe80::1' }] },
  },
  'relay-missing': { binding: { state: 'pending', reason: 'relay-gone' }, relay: 'missing' },
  'snooper-missing': { snooper: 'missing', binding: { evidence: '', expires: 0 } },
  unknown: { binding: null, vni: 100, frames: { passed: 9, repeated: 9, 'arp-probe': 3, 'na-checksum': 1 } },
  refused: {
    binding: null,
    refusals: [
      { vni: null, reason: 'no-vni', last: NOW - 5 * S, first: NOW - MIN, count: 3 },
      { mac: VM2, reason: 'port-limit' },
    ],
  },
  'refused-before': {
    binding: null,
    refusals: [{ reason: 'mac-limit', last: NOW - 120 * MIN, first: NOW - 180 * MIN, count: 30 }],
  },
  evicted: { binding: null, events: [{ event: 'withdrawn', detail: 'evicted-vni', time: NOW - MIN }] },
  'refused-in-kernel': {
    refusals: [
      { ip: '', mac: VM2, reason: 'arp-truncated', last: NOW - S, first: NOW - MIN, count: 20 },
      { mac: '03:bf:0a:00:00:0a', reason: 'mac-multicast' },
    ],
  },
  withdrawn: { binding: null, events: [{ event: 'withdrawn', detail: 'port-down', time: NOW - MIN }] },
  elsewhere: {
    binding: null,
    events: [
      { event: 'contested', detail: 'route to 192.0.2.2', time: NOW - MIN - 2 * S },
      { event: 'withdrawn', detail: 'elsewhere', time: NOW - MIN },
    ],
  },
}

const plain = (_style: string, text: string): string => text
const FIXTURES = fileURLToPath(new URL('../../../test/fixtures/explain/', import.meta.url))

for (const [name, scene] of Object.entries(PAGES)) {
  test(`explain: ${name}`, () => {
    const page = renderExplained(explained(inputs(scene)), NOW, plain)
    const file = join(FIXTURES, `${name}.txt`)
    if (process.env['UPDATE'] !== undefined) writeFileSync(file, page)
    assert.equal(page, readFileSync(file, 'utf8'))
  })
}

function only({ subjects }: Explained): Subject {
  const [subject, ...others] = subjects
  assert.ok(subject)
  assert.deepEqual(others, [])
  return subject
}

for (const [reason, { state, meaning }] of Object.entries(REASONS)) {
  test(`the verdict on a binding that is ${state}, ${reason}`, () => {
    const macs = reason === 'shadowed' ? [ZEBRA_MAC, { ...ZEBRA_MAC, ip: IP }] : [ZEBRA_MAC]
    const { verdict, todo, advertisedBy } = only(explained(inputs({ binding: { state, reason }, views: { macs } })))
    if (reason === 'shadowed') assert.equal(advertisedBy, 'zebra')
    else if (reason === 'announced') assert.equal(advertisedBy, 'macipd')
    else {
      assert.equal(advertisedBy, null)
      assert.equal(verdict, `${IP} (VNI 100) is not advertised: ${meaning}`)
      assert.ok(todo !== null, 'it says what to do')
    }
  })
}

test('what the relay says of an entry counts more than what the snooper has last heard', () => {
  const late = only(explained(inputs({ kept: 'vni-not-live' })))
  assert.deepEqual(
    [late.advertisedBy, late.verdict],
    [null, `${IP} (VNI 100) is not advertised: ${REASONS['vni-not-live'].meaning}`],
  )
  const lost = only(explained(inputs({ kept: null })))
  assert.deepEqual(
    [lost.advertisedBy, lost.verdict],
    [null, `${IP} (VNI 100) is not advertised: the relay has no such entry`],
  )
})

test('another VNI’s entries are not mixed in', () => {
  const views = { macs: [ZEBRA_MAC], remote: [{ ...FAR, vni: 200 }] }
  const all = explained(inputs({ views }))
  assert.deepEqual(
    all.subjects.map(({ vni, remote }) => [vni, remote.length]),
    [
      [100, 0],
      [200, 1],
    ],
  )
  assert.equal(only(explained(inputs({ views, vni: 200 }))).vni, 200)
})

test('a name that only a newer snooper knows is shown as it is', () => {
  const scene: Scene = {
    binding: { state: 'frozen', reason: 'too-cold' },
    detail: { timer: { what: 'thaw', time: NOW + S } },
    events: [{ event: 'froze', detail: 'winter' }],
    kept: null,
  }
  const page = renderExplained(explained(inputs(scene)), NOW, plain)
  assert.match(page, /is not advertised: too-cold\n/)
  assert.match(page, /in 1 s \(12:00:01\): thaw\n/)
  assert.match(page, /froze on tap1: froze \(winter\)\n/)
})

test('no byte of a name reaches the terminal as a control character', () => {
  const page = renderExplained(
    explained(inputs({ binding: { port: 'tap\u001b[2J' }, events: [{ port: '\u0007' }] })),
    NOW,
    plain,
  )
  assert.match(page, /tap\?\[2J/)
  assert.doesNotMatch(page, /[\u0000-\u0009\u000b-\u001f]/)
})
