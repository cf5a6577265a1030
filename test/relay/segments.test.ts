// What is counted of each Ethernet segment.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MacIpFlag } from '../../src/base/macip-flags.js'
import { Overlay } from '../../src/relay/overlay/overlay.js'
import { Views } from '../../src/relay/overlay/views.js'
import { segmentsOf } from '../../src/relay/segments.js'
import { inSlices } from '../../src/relay/slices.js'
import { ZERO_ESI } from '../../src/zapi/messages/macip.js'
import { vniBody } from './fake-frr.js'

const { PROXY_ADVERT, SYNC_PATH } = MacIpFlag
const ESI = Buffer.from('03444839ffff01000001', 'hex')
const [M1, M2, M3] = ['02:00:00:00:00:01', '02:00:00:00:00:02', '02:00:00:00:00:03'] as const

test('the MAC-IPs of a segment are heard here, for another node, or by other nodes', async () => {
  const views = new Views()
  const overlay = new Overlay(views)
  overlay.setGate('open')
  const add = (vni: number, mac: string, ip?: string, flags = 0, esi = ESI): void => {
    overlay.onZebra({ command: 'ZEBRA_MACIP_ADD', vrf: 0, body: { vni, mac, ip, flags, seq: 0, esi } })
  }
  const synced = (mac: string, ip: string, flags = 0): void => {
    const body = { vni: 100, mac, ip, vtep: '192.0.2.2', flags: SYNC_PATH | flags, seq: 0, esi: ESI }
    overlay.onBgpd({ command: 'ZEBRA_REMOTE_MACIP_ADD', vrf: 0, body })
  }
  assert.deepEqual(await inSlices(segmentsOf(views, overlay)), [])
  for (const vni of [100, 200]) overlay.onZebra({ command: 'ZEBRA_VNI_ADD', vrf: 0, body: vniBody(vni) })
  // a host on the segment whose address was heard on both nodes, one that was heard on the other, and one of zebra's own
  add(100, M1)
  add(100, M1, '10.0.0.1', PROXY_ADVERT)
  add(100, M1, '10.0.0.2', PROXY_ADVERT)
  add(100, M1, '10.0.0.3')
  const seen = { router: false, port: 'bond1', vlan: 0, firstSeen: 0, lastSeen: 0, minSeq: 0, observe: false }
  overlay.put({ vni: 100, mac: M1, ip: '10.0.0.1', ...seen })
  synced(M1, '10.0.0.1')
  synced(M1, '10.0.0.2')
  synced(M1, '10.0.0.3', PROXY_ADVERT)
  // one in another VNI, and one that is on no segment
  add(200, M2)
  add(200, M3, undefined, 0, ZERO_ESI)
  add(200, M3, '10.0.0.4', 0, ZERO_ESI)
  assert.deepEqual(await inSlices(segmentsOf(views, overlay)), [
    { esi: ESI, vnis: [100, 200], macs: 2, heard: 2, proxied: 1, synced: 2 },
  ])
})
