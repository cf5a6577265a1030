// Whole sessions of real bgpds, recorded by lab/record-bgp.ts.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { findCapability } from '../../src/bgp/capabilities.js'
import { type ExtendedCommunity, TUNNEL_VXLAN } from '../../src/bgp/attributes/extended-communities.js'
import type { Attributes } from '../../src/bgp/attributes/table.js'
import { rdText } from '../../src/bgp/evpn/rd.js'
import type { EvpnRoute, OriginatedRoute } from '../../src/bgp/evpn/route.js'
import { MAX_MESSAGE, MessageType, messageType } from '../../src/bgp/header.js'
import { decodeNotification, notificationName, shutdownText } from '../../src/bgp/notification.js'
import { decodeOpen, encodeOpen } from '../../src/bgp/open.js'
import { decodeRouteRefresh } from '../../src/bgp/route-refresh.js'
import { MessageScanner } from '../../src/bgp/scanner.js'
import { type Update, decodeUpdate, isEvpnEndOfRib } from '../../src/bgp/update.js'
import { encodeAnnouncements, encodeEvpnEndOfRib, encodeWithdrawals } from '../../src/bgp/update-encode.js'
import { RELEASES, ROOT } from '../../lab/frr.js'
import { SHUTDOWN_TEXT } from '../../lab/record-bgp.js'

const SESSION = { fourOctetAs: true, internal: true }

/** One line for a route: what the recording is known to hold. */
function brief(route: EvpnRoute): string {
  switch (route.kind) {
    case 'mac-ip':
      return `${rdText(route.rd)} ${route.mac} ${route.ip ?? '-'} ${route.labels.join()}`
    case 'inclusive-multicast':
      return `${rdText(route.rd)} flood to ${route.originator}`
    case 'ip-prefix':
      return `${rdText(route.rd)} ${route.prefix.ip}/${route.prefix.length} ${route.label}`
    case 'ethernet-ad':
    case 'ethernet-segment':
    case 'unknown':
    case 'malformed':
      return route.kind
  }
}

function briefCommunity(community: ExtendedCommunity): string[] {
  if (community.kind === 'mac-mobility') return [`seq ${community.sequence}${community.sticky ? ' sticky' : ''}`]
  if (community.kind === 'encapsulation') assert.equal(community.tunnelType, TUNNEL_VXLAN)
  if (community.kind === 'arp-nd') return [community.router ? 'router' : 'host']
  return community.kind === 'router-mac' ? ['router-mac'] : []
}

const briefAttributes = ({ extendedCommunities = [], originatorId, clusterList, pmsiTunnel }: Attributes): string[] => [
  ...extendedCommunities.flatMap(briefCommunity),
  ...(pmsiTunnel === undefined ? [] : [`${pmsiTunnel.tunnel.kind} ${pmsiTunnel.label}`]),
  ...(originatorId === undefined ? [] : [`reflected ${originatorId} ${clusterList?.join() ?? ''}`]),
]

function briefUpdate({ announced, withdrawn, attributes }: Update): string[] {
  const routes = (parts: readonly { family: string; routes?: readonly EvpnRoute[] }[]): string[] =>
    parts.flatMap((part) => part.routes ?? []).map(brief)
  const suffix = briefAttributes(attributes).sort().join(', ')
  return [
    ...routes(announced).map((text) => (suffix === '' ? text : `${text} (${suffix})`)),
    ...routes(withdrawn).map((text) => `gone ${text}`),
  ]
}

const ANNOUNCED = [
  '192.0.2.1:1 2001:db8:7::/48 4001 (router-mac)',
  '192.0.2.1:1 203.0.113.0/24 4001 (router-mac)',
  '192.0.2.1:2 bc:24:11:00:00:01 - 100 (seq 2)',
  '192.0.2.1:2 bc:24:11:00:00:01 10.2.1.11 100,4001 (router-mac, seq 2)',
  '192.0.2.1:2 bc:24:11:00:00:01 2001:db8::11 100,4001 (router, router-mac, seq 2)',
  '192.0.2.1:2 bc:24:11:00:00:03 - 100 (seq 0 sticky)',
  '192.0.2.1:2 flood to 192.0.2.1 (ingress-replication 100)',
  '192.0.2.2:2 bc:24:11:00:00:02 - 100 (reflected 192.0.2.2 192.0.2.1)',
  '192.0.2.2:2 bc:24:11:00:00:02 10.2.1.12 100 (reflected 192.0.2.2 192.0.2.1)',
  '192.0.2.2:2 flood to 192.0.2.2 (ingress-replication 100, reflected 192.0.2.2 192.0.2.1)',
]
/** bgpd withdraws with label 0. */
const WITHDRAWN = [
  'gone 192.0.2.1:2 bc:24:11:00:00:01 - 0',
  'gone 192.0.2.1:2 bc:24:11:00:00:01 10.2.1.11 0',
  'gone 192.0.2.1:2 bc:24:11:00:00:01 2001:db8::11 0',
]

for (const frr of RELEASES) {
  const stream = readFileSync(join(ROOT, `test/fixtures/bgp/${frr}.bin`))
  const scanner = new MessageScanner()
  const messages = [...scanner.push(stream)]
  const ofType = (type: number): Buffer[] => messages.filter((message) => messageType(message) === type)
  const updates = ofType(MessageType.UPDATE).map((message) => {
    const result = decodeUpdate(message, SESSION)
    assert.equal(result.kind, 'ok', JSON.stringify(result))
    return { message, update: result.update }
  })

  suite(`FRR ${frr}`, () => {
    test('the session is read to its last byte, split at every offset', () => {
      assert.equal(scanner.fault, undefined)
      assert.deepEqual(Buffer.concat(messages), stream)
      for (let split = 0; split <= stream.length; split++) {
        const other = new MessageScanner()
        const seen = [...other.push(stream.subarray(0, split)), ...other.push(stream.subarray(split))]
        assert.deepEqual(
          seen.map(({ length }) => length),
          messages.map(({ length }) => length),
          `split at ${split}`,
        )
      }
    })

    test('OPEN', () => {
      const [message, ...others] = ofType(MessageType.OPEN)
      assert.ok(message)
      assert.deepEqual(others, [])
      const result = decodeOpen(message)
      assert.ok(result.kind === 'ok')
      const { as, holdTime, routerId, capabilities } = result.open
      assert.deepEqual([as, holdTime, routerId], [65000, 60, '192.0.2.1'])
      assert.deepEqual(findCapability(capabilities, 'multiprotocol'), { kind: 'multiprotocol', afi: 25, safi: 70 })
      assert.deepEqual(findCapability(capabilities, 'four-octet-as')?.as, 65000)
      assert.ok(findCapability(capabilities, 'route-refresh'))
      assert.ok(findCapability(capabilities, 'extended-message'))
      assert.ok(findCapability(capabilities, 'enhanced-route-refresh'))
      assert.deepEqual(findCapability(capabilities, 'fqdn')?.hostname, 'n1')
      const restart = findCapability(capabilities, 'graceful-restart')
      assert.deepEqual([restart?.restartTime, restart?.notification], [120, true])
      const addPath = [{ afi: 25, safi: 70, mode: 'receive' }]
      assert.deepEqual(findCapability(capabilities, 'add-path')?.families, addPath)
    })

    test('one parameter of all capabilities is another OPEN of the same meaning', () => {
      const [message = Buffer.alloc(0)] = ofType(MessageType.OPEN)
      const result = decodeOpen(message)
      assert.ok(result.kind === 'ok')
      assert.deepEqual(decodeOpen(encodeOpen(result.open)), result)
    })

    test('every route that the fabric had is announced, then End-of-RIB, then what is gone', () => {
      const end = updates.findIndex(({ update }) => isEvpnEndOfRib(update))
      const said = (from: number, to?: number): string[] =>
        updates
          .slice(from, to)
          .flatMap(({ update }) => briefUpdate(update))
          .sort()
      assert.deepEqual(said(0, end), ANNOUNCED)
      assert.deepEqual(said(end + 1), WITHDRAWN)
    })

    test('UPDATEs are written as bgpd writes them', () => {
      let compared = 0
      for (const { message, update } of updates) {
        const bytes = rewritten(update)
        if (bytes === undefined) continue
        compared++
        assert.deepEqual(attributesOf(bytes), attributesOf(message))
      }
      assert.equal(compared, updates.length - 2)
    })

    test('ROUTE-REFRESH, KEEPALIVE, and a NOTIFICATION with the words of its operator', () => {
      const [refresh = Buffer.alloc(0)] = ofType(MessageType.ROUTE_REFRESH)
      const expected = { afi: 25, safi: 70, subtype: 'request' }
      assert.deepEqual(decodeRouteRefresh(refresh), { kind: 'ok', refresh: expected })
      assert.ok(ofType(MessageType.KEEPALIVE).length >= 2)
      const last = messages.at(-1) ?? Buffer.alloc(0)
      assert.equal(messageType(last), MessageType.NOTIFICATION)
      const notification = decodeNotification(last)
      assert.equal(notificationName(notification), 'Cease (6), Administrative Shutdown (2)')
      assert.equal(shutdownText(notification), SHUTDOWN_TEXT)
    })
  })
}

/** The same UPDATE by the encoder; undefined for prefixes, which are not written. */
function rewritten({ announced: [reach], withdrawn: [unreach], attributes }: Update): Buffer | undefined {
  const format = { ...SESSION, maxMessage: MAX_MESSAGE }
  if (reach?.family === 'evpn') {
    const routes = reach.routes.filter(isOriginated)
    return encodeAnnouncements(attributes, reach.nextHop, routes, format)[0]
  }
  assert.ok(unreach?.family === 'evpn')
  const routes = unreach.routes.filter(isOriginated)
  return routes.length === 0 ? encodeEvpnEndOfRib() : encodeWithdrawals(routes, MAX_MESSAGE)[0]
}

const isOriginated = (route: EvpnRoute): route is OriginatedRoute =>
  route.kind === 'mac-ip' || route.kind === 'inclusive-multicast'

/** Attributes in hex, in the order of their codes, without Extended Length: bgpd has a length of two bytes without need. */
function attributesOf(message: Buffer): string[] {
  const attributes: string[] = []
  for (let offset = 23; offset < message.length; ) {
    const extended = ((message[offset] ?? 0) & 0x10) !== 0
    const length = extended ? message.readUInt16BE(offset + 2) : message.readUInt8(offset + 2)
    const value = offset + (extended ? 4 : 3)
    const flags = ((message[offset] ?? 0) & ~0x10).toString(16)
    attributes.push(`${message[offset + 1]} ${flags} ${message.toString('hex', value, value + length)}`)
    offset = value + length
  }
  return attributes.sort()
}
