// The recorded streams of real zebras: every byte is understood, and the view is what the fabric was.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { decodeFrame } from '../../src/fpm/decode.js'
import { eachFrame, FrameScanner } from '../../src/fpm/frame.js'
import type { FpmMessage } from '../../src/fpm/message.js'
import { FpmView } from '../../src/fpm/view.js'
import { BLACKHOLE, CHANGES, GATEWAYS, GOES, IPV6, MEANWHILE, recordingsOf, TWO_PATHS } from '../../lab/fpm-life.js'
import { FPM_MODULES, type FpmModule, RELEASES, type Release, ROOT } from '../../lab/frr.js'

const VTEP = '192.0.2.2'
const VM_MAC = 'bc:24:11:00:00:02'
const [gateway, other] = GATEWAYS

const directory = (frr: Release): string => join(ROOT, 'test/fixtures/fpm', frr)

function recorded(frr: Release, module: FpmModule, connection: string): FpmMessage[] {
  return messagesOf(join(directory(frr), `${recordingsOf(module)}${connection}.bin`))
}

function messagesOf(file: string): FpmMessage[] {
  const scanner = new FrameScanner()
  const messages: FpmMessage[] = []
  scanner.feed(readFileSync(file), (frames) => {
    for (const frame of eachFrame(frames)) messages.push(...decodeFrame(frame))
  })
  assert.equal(scanner.waiting, 0)
  return messages
}

for (const frr of RELEASES) {
  test(`FRR ${frr}: every message is known, and so are its attributes`, () => {
    for (const file of readdirSync(directory(frr))) {
      for (const message of messagesOf(join(directory(frr), file))) {
        assert.ok(message.kind === 'route' || message.kind === 'nexthop' || message.kind === 'mac', message.kind)
        const { unknown } =
          message.kind === 'route' ? message.route : message.kind === 'mac' ? message.mac : message.nexthop
        assert.deepEqual(unknown, [])
      }
    }
  })

  for (const module of FPM_MODULES) {
    test(`FRR ${frr}, ${module}: the view follows the routes, the MAC and the new connection`, () => {
      const view = new FpmView()
      const gateways = (ip: string): unknown => {
        const [route] = view.hostRoutes(ip)
        return route && view.paths(route)?.map(({ gateway }) => gateway)
      }
      const ways: unknown[] = []
      const play = (connection: string, mac: (gone: boolean) => void): void => {
        for (const message of recorded(frr, module, connection)) {
          view.apply(message, 1)
          if (message.kind === 'mac') mac(message.gone)
          if (message.kind === 'route' && message.route.prefix === CHANGES) ways.push(gateways(CHANGES))
        }
      }
      let seen = 0
      view.opened(0)
      play('first-1', (gone) => {
        seen++
        assert.equal(gone, false)
        const [found] = view.remoteMacs()
        assert.deepEqual([found?.mac, found?.vtep, found?.vni], [VM_MAC, VTEP, frr === '8.4' ? undefined : 100])
      })
      assert.deepEqual(gateways(TWO_PATHS), [gateway, other])
      assert.deepEqual(gateways(GOES), [gateway])
      assert.deepEqual(gateways(IPV6.ip), [IPV6.gateway])
      assert.deepEqual(
        view.hostRoutes(BLACKHOLE).map(({ type }) => type),
        ['blackhole'],
      )
      const seenWays = ways.filter((way, index) => way !== undefined || index === ways.length - 1)
      assert.deepEqual(seenWays, [[gateway], [gateway, other], [other], undefined])
      view.tick(10_000)
      assert.equal(view.phase, 'live')
      view.closed(10_001)
      view.opened(10_002)
      // what comes at the end of this connection comes when zebra's replay is long over
      play('first-2', (gone) => {
        seen++
        assert.equal(gone, true)
        assert.deepEqual([...view.remoteMacs()], [])
      })
      view.tick(100_000)
      assert.equal(seen, module === 'dplane_fpm_nl' ? 2 : 0)
      assert.deepEqual(gateways(TWO_PATHS), [gateway])
      assert.equal(gateways(GOES), undefined)
      assert.equal(view.status().nexthops, 0)

      const later = new FpmView()
      later.opened(0)
      for (const message of recorded(frr, module, 'second-1')) later.apply(message, 1)
      const [meanwhile] = later.hostRoutes(MEANWHILE)
      assert.deepEqual(meanwhile && later.paths(meanwhile)?.map(({ gateway }) => gateway), [gateway, other])
    })
  }
}
