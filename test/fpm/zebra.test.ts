// What real zebras say through FPM, and what the view makes of it.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { FpmMessage } from '../../src/fpm/message.js'
import type { Freshness } from '../../src/fpm/view.js'
import {
  BLACKHOLE,
  CHANGES,
  fpmLife,
  GATEWAYS,
  GOES,
  type Heard,
  IPV6,
  MEANWHILE,
  ONE_PATH,
  snapshots,
  TWO_PATHS,
} from '../../lab/fpm-life.js'
import type { Snapshot } from '../../lab/fpm-listen.js'
import { RELEASES } from '../../lab/frr.js'

const messages = (events: Heard): FpmMessage[] =>
  events.flatMap((event) => (event.event === 'message' ? [event.message] : []))

/** The gateways that a host route leads to, and how sure that is. */
type Lead = { freshness: Freshness; gateways: (string | undefined)[] }

function lead({ hostRoutes }: Snapshot, ip: string): Lead | undefined {
  const route = hostRoutes.find((route) => route.ip === ip)
  return route && { freshness: route.freshness, gateways: (route.leads ?? []).map(({ gateway }) => gateway) }
}

/** The four times that the phase changes while the listener runs: replaying, live, disconnected, replaying, live. */
function phases(events: Heard): { live: Snapshot; disconnected: Snapshot; again: Snapshot } {
  const [, live, disconnected, , again, ...more] = snapshots(events)
  if (live === undefined || disconnected === undefined || again === undefined) assert.fail('too few phases')
  assert.deepEqual(more, [])
  return { live, disconnected, again }
}

/** What came until zebra seemed to have told everything. */
const replayOf = (events: Heard): Heard =>
  events.slice(
    0,
    events.findIndex(
      (event) => event.event === 'change' && event.change.type === 'phase' && event.change.phase === 'live',
    ),
  )

const [gateway, other] = GATEWAYS

function checkRoutes(first: Heard, second: Heard): void {
  const { live, disconnected, again } = phases(first)
  for (const [snapshot, freshness] of [
    [live, 'replayed'],
    [disconnected, 'stale'],
  ] as const) {
    assert.deepEqual(lead(snapshot, TWO_PATHS), { freshness, gateways: [gateway, other] })
    assert.deepEqual(lead(snapshot, GOES), { freshness, gateways: [gateway] })
    assert.deepEqual(lead(snapshot, IPV6.ip), { freshness, gateways: [IPV6.gateway] })
    assert.deepEqual(lead(snapshot, BLACKHOLE), { freshness, gateways: [] })
  }
  assert.deepEqual(lead(again, TWO_PATHS), { freshness: 'replayed', gateways: [gateway] })
  assert.equal(lead(again, GOES), undefined)
  assert.deepEqual(lead(live, CHANGES), { freshness: 'replayed', gateways: [gateway] })
  assert.equal(lead(disconnected, CHANGES), undefined)
  const removed = first.flatMap((event) =>
    event.event === 'change' && event.change.type === 'host-route' && event.change.update === 'removed'
      ? [event.change.route.ip]
      : [],
  )
  assert.deepEqual(new Set(removed), new Set([CHANGES, GOES]))

  const [, replayed] = snapshots(second)
  assert.ok(replayed)
  assert.deepEqual(lead(replayed, MEANWHILE), { freshness: 'replayed', gateways: [gateway, other] })
  assert.deepEqual(lead(replayed, TWO_PATHS), { freshness: 'replayed', gateways: [gateway] })
}

/** Everything is understood, down to the last attribute. */
function checkUnderstood(events: Heard): void {
  for (const message of messages(events)) {
    assert.ok(!['malformed', 'other'].includes(message.kind), JSON.stringify(message))
    if (message.kind !== 'route') continue
    assert.deepEqual([message.route.unknown, ...message.route.nexthops.map(({ unknown }) => unknown)].flat(), [])
  }
}

suite('zebra', { concurrency: true }, () => {
  for (const frr of RELEASES) {
    test(`FRR ${frr}, dplane_fpm_nl: routes with nexthop groups and without, a remote MAC, connections anew`, async () => {
      const life = await fpmLife(frr, 'dplane_fpm_nl')
      const { first, second, mac, vtep } = life
      checkRoutes(first, second)
      checkUnderstood([...first, ...second])

      // with groups: first all nexthops, then all routes, which only name them
      const { live, disconnected, again } = phases(first)
      const kinds = messages(replayOf(first)).map(({ kind }) => kind)
      assert.ok(kinds.lastIndexOf('nexthop') < kinds.indexOf('route'), kinds.join(' '))
      assert.ok(live.hostRoutes.every(({ paths }) => paths.length === 0))
      const nameless = live.hostRoutes.filter(({ nexthopId }) => nexthopId === undefined)
      assert.deepEqual(
        nameless.map(({ ip, type }) => [ip, type]),
        [[BLACKHOLE, 'blackhole']],
      )
      // without: the routes say all
      assert.ok(again.hostRoutes.every(({ nexthopId }) => nexthopId === undefined))
      assert.ok(!messages(second).some(({ kind }) => kind === 'nexthop'))

      const changes = first.flatMap((event) =>
        event.event === 'change' && event.change.type === 'mac' ? [event.change] : [],
      )
      assert.deepEqual(
        changes.map(({ update }) => update),
        ['added', 'removed'],
      )
      const [added] = changes
      assert.equal(added?.mac.mac, mac)
      assert.equal(added.mac.vtep, vtep)
      assert.equal(added.mac.ifindex, life.vxlan)
      assert.equal(added.mac.vni, frr === '8.4' ? undefined : 100)
      assert.equal(added.mac.replayed, false)
      const [message] = messages(first).filter(({ kind }) => kind === 'mac')
      assert.equal(message?.kind === 'mac' && message.mac.master, life.bridge)

      // zebra does not tell it again, although it is there
      for (const { macs } of [disconnected, again])
        assert.deepEqual(
          macs.map(({ freshness }) => freshness),
          ['stale'],
        )
      assert.ok(!messages(second).some(({ kind }) => kind === 'mac'))
    })

    test(`FRR ${frr}, the old module: routes with their nexthops, no MACs of hosts, connections anew`, async () => {
      const { first, second } = await fpmLife(frr, 'fpm')
      checkRoutes(first, second)
      checkUnderstood([...first, ...second])
      assert.deepEqual(new Set(messages([...first, ...second]).map(({ kind }) => kind)), new Set(['route']))
      const prefixes = messages(first).flatMap((message) => (message.kind === 'route' ? [message.route.prefix] : []))
      assert.ok(prefixes.includes(ONE_PATH))
    })
  }
})
