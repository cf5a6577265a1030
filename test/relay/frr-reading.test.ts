// What is read of the fabric that lab/shown.ts describes.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { RELEASES } from '../../lab/frr.js'
import { MacIpFlag } from '../../src/base/macip-flags.js'
import { readFrr } from '../../src/relay/frr-reading.js'
import { eachByIp } from '../../src/relay/overlay/views.js'
import { tempDir } from '../support.js'
import { FakeVty, answers, recordedAnswers } from '../vty/fake-vty.js'

const macOf = (number: number): string => `bc:24:11:00:00:${String(number).padStart(2, '0')}`
const sorted = <T>(values: Iterable<T>): T[] => [...values].sort()

suite('FRR is read', () => {
  for (const frr of RELEASES)
    test(`${frr}: VNIs with routes, local hosts and remote ones`, async (t) => {
      const dir = tempDir(t)
      for (const daemon of ['zebra', 'bgpd'] as const)
        await FakeVty.listen(t, join(dir, `${daemon}.vty`), answers(recordedAnswers(frr, daemon)))
      const readings = await readFrr(dir)
      assert.deepEqual([...readings.keys()], [100])
      const reading = readings.get(100)
      assert.ok(reading)
      assert.equal(reading.vrf, 0)
      assert.deepEqual(reading.body, {
        vni: 100,
        vtep: '192.0.2.1',
        tenantVrf: 0,
        multicastGroup: '0.0.0.0',
        sviIfindex: 3,
      })
      assert.deepEqual(sorted(reading.vteps), ['192.0.2.2'])
      assert.deepEqual(sorted(reading.routes.keys()), [1, 3, 4, 5].map(macOf))
      assert.equal(reading.routes.get(macOf(4))?.flags, MacIpFlag.STICKY)
      assert.deepEqual(
        sorted([...eachByIp(reading.macIpRoutes)].map(({ mac, ip, value }) => `${mac} ${ip} ${value.seq}`)),
        [
          `${macOf(1)} 10.2.1.11 0`,
          `${macOf(1)} 2001:db8::11 0`,
          `${macOf(3)} 10.2.1.13 0`,
          `${macOf(3)} 2001:db8::13 0`,
          `${macOf(5)} 10.2.1.15 1`,
          `${macOf(5)} 2001:db8::15 1`,
        ],
      )
      // a MAC that only a neighbour refers to, and such a neighbour, are not announced
      const firstHand = (seq: number): object => ({ seq, isProxy: false })
      assert.deepEqual(sorted(reading.macs), [
        [macOf(1), firstHand(0)],
        [macOf(3), firstHand(0)],
        [macOf(4), firstHand(0)],
        [macOf(5), firstHand(1)],
      ])
      assert.deepEqual(sorted([...eachByIp(reading.neighbors)].map(({ mac, ip }) => `${mac} ${ip}`)), [
        `${macOf(3)} 10.2.1.13`,
        `${macOf(3)} 2001:db8::13`,
      ])
      assert.deepEqual(sorted(reading.remoteMacs.keys()), [2, 6].map(macOf))
      assert.deepEqual(
        sorted([...eachByIp(reading.remoteMacIps)].map(({ mac, ip, value }) => `${mac} ${ip} ${value.vtep}`)),
        [`${macOf(2)} 10.2.1.12 192.0.2.2`, `${macOf(6)} 10.2.1.16 192.0.2.2`],
      )
    })

  test('what zebra announces of an Ethernet segment, or would if another node did', async (t) => {
    const dir = tempDir(t)
    const bgpds = recordedAnswers('10.7', 'bgpd')
    const routes = 'show bgp l2vpn evpn route rd 192.0.2.1:2 type macip json'
    bgpds.set(
      routes,
      (bgpds.get(routes) ?? '').replaceAll('"local":true', '"local":true,"esi":"03:44:38:39:ff:ff:01:00:00:01"'),
    )
    await FakeVty.listen(t, join(dir, 'bgpd.vty'), answers(bgpds))
    const zebras = recordedAnswers('10.7', 'zebra')
    zebras.delete('show evpn arp-cache vni all json')
    const local = { type: 'local', state: 'active', mac: macOf(1), localSequence: 2, localInactive: true }
    const held = { ...local, peerActive: true, peerActiveHold: '00:01:30' }
    const neighbors = {
      '10.2.1.11': { ...local, peerActive: true },
      '2001:db8::11': { ...local, peerProxy: true },
      // the other node announces it no more
      '10.2.1.99': held,
      // nor this one, but as a proxy
      '2001:db8::99': { ...held, peerProxy: true },
    }
    zebras.set('show evpn arp-cache vni all detail json', JSON.stringify({ 100: neighbors }))
    await FakeVty.listen(t, join(dir, 'zebra.vty'), answers(zebras))
    const reading = (await readFrr(dir)).get(100)
    assert.deepEqual(
      [...eachByIp(reading?.neighbors ?? new Map<string, Map<string, unknown>>())],
      ['10.2.1.11', '10.2.1.99', '2001:db8::99'].map((ip) => {
        return { mac: macOf(1), ip, value: { seq: 2, isProxy: true } }
      }),
    )
    const synced = (flags = 0): object => ({ vtep: '0.0.0.0', seq: 2, flags: MacIpFlag.SYNC_PATH | flags })
    assert.deepEqual(
      [...eachByIp(reading?.remoteMacIps ?? new Map<string, Map<string, unknown>>())],
      [
        { mac: macOf(1), ip: '10.2.1.11', value: synced() },
        { mac: macOf(1), ip: '2001:db8::11', value: synced(MacIpFlag.PROXY_ADVERT) },
        { mac: macOf(1), ip: '2001:db8::99', value: synced(MacIpFlag.PROXY_ADVERT) },
      ],
    )
  })

  test('as without any VNI while no instance of bgpd advertises them', async (t) => {
    const dir = tempDir(t)
    await FakeVty.listen(t, join(dir, 'zebra.vty'), answers(new Map()))
    const bgpd = new Map([
      ['enable', ''],
      ['show running-config', 'router bgp 65000\n'],
    ])
    await FakeVty.listen(t, join(dir, 'bgpd.vty'), answers(bgpd))
    assert.deepEqual(await readFrr(dir), new Map())
  })

  test('not at all where a daemon does not answer', async (t) => {
    const dir = tempDir(t)
    await assert.rejects(readFrr(dir), /ENOENT/)
    await FakeVty.listen(t, join(dir, 'bgpd.vty'), answers(new Map()))
    await assert.rejects(readFrr(dir), /ENOENT/)
    await FakeVty.listen(t, join(dir, 'zebra.vty'), answers(new Map()))
    await assert.rejects(readFrr(dir), /"enable" failed with status 2/)
  })
})
