// What zebra and bgpd of each release showed of one fabric, which lab/shown.ts describes.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, suite, test } from 'node:test'
import { RELEASES, type Release } from '../../lab/frr.js'
import { MacIpFlag } from '../../src/base/macip-flags.js'
import {
  showBgpVnis,
  showEvpnVrf,
  showLocalRoutes,
  showMacs,
  showNeighbors,
  showVni,
  showVrfs,
} from '../../src/vty/evpn-show.js'
import { Vty, VtyError } from '../../src/vty/vty.js'
import { tempDir } from '../support.js'
import { FakeVty, answers, recordedAnswers } from './fake-vty.js'

const LONG_MS = 60_000

/** A daemon that gives these answers. */
async function shows(t: TestContext, table: ReadonlyMap<string, string>): Promise<Vty> {
  const path = join(tempDir(t), 'vty')
  await FakeVty.listen(t, path, answers(table))
  const vty = await Vty.open(path, LONG_MS)
  t.after(() => {
    vty[Symbol.dispose]()
  })
  return vty
}

const recorded = (t: TestContext, frr: Release, daemon: 'zebra' | 'bgpd'): Promise<Vty> =>
  shows(t, recordedAnswers(frr, daemon))

async function all<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const row of rows) found.push(row)
  return found
}

const macOf = (number: number): string => `bc:24:11:00:00:${String(number).padStart(2, '0')}`
/** zebra's tables have no order. */
const byKey = (a: Row, b: Row): number => (keyOf(a) < keyOf(b) ? -1 : 1)
type Row = { mac: string; ip?: string }
const keyOf = ({ mac, ip = '' }: Row): string => `${mac} ${ip}`

for (const frr of RELEASES) {
  suite(`FRR ${frr} shows`, () => {
    test('the MACs of zebra', async (t) => {
      const local = { vni: 100, type: 'local', vtep: '', seq: 0, sticky: false, announced: 'first-hand', peer: 'none' }
      const remote = { ...local, type: 'remote', vtep: '192.0.2.2' }
      assert.deepEqual((await all(showMacs(await recorded(t, frr, 'zebra')))).sort(byKey), [
        { ...local, mac: macOf(1) },
        { ...remote, mac: macOf(2) },
        { ...local, mac: macOf(3) },
        { ...local, mac: macOf(4), sticky: true },
        // it was remote before
        { ...local, mac: macOf(5), seq: 1 },
        // 8.4 does not show that a remote MAC is sticky
        { ...remote, mac: macOf(6), sticky: frr !== '8.4' },
        { ...local, mac: macOf(98), type: 'auto' },
      ])
    })

    test('the neighbours of zebra', async (t) => {
      const local = { vni: 100, type: 'local', vtep: '', seq: 0, active: true, announced: 'first-hand', peer: 'none' }
      const remote = { ...local, type: 'remote', vtep: '192.0.2.2' }
      assert.deepEqual((await all(showNeighbors(await recorded(t, frr, 'zebra'), { detail: false }))).sort(byKey), [
        { ...remote, ip: '10.2.1.12', mac: macOf(2) },
        { ...local, ip: '10.2.1.13', mac: macOf(3) },
        { ...local, ip: '2001:db8::13', mac: macOf(3) },
        { ...remote, ip: '10.2.1.16', mac: macOf(6) },
        // the bridge does not have its MAC
        { ...local, ip: '10.2.1.98', mac: macOf(98), active: false },
      ])
    })

    test('a VNI of zebra, and none that it does not have', async (t) => {
      const zebra = await recorded(t, frr, 'zebra')
      assert.deepEqual(await showVni(zebra, 100), {
        vtep: '192.0.2.1',
        vrf: 'default',
        multicastGroup: '0.0.0.0',
        sviIfindex: 3,
        vteps: ['192.0.2.2'],
      })
      assert.equal(await showVni(zebra, 999), undefined)
      assert.deepEqual(await showVrfs(zebra), new Map())
    })

    test('the VNIs of bgpd, and the VRF of its EVPN instance', async (t) => {
      const bgpd = await recorded(t, frr, 'bgpd')
      assert.deepEqual(await showBgpVnis(bgpd), new Map([[100, '192.0.2.1:2']]))
      assert.equal(await showEvpnVrf(bgpd), 0)
    })

    test('what bgpd has been told on ZAPI', async (t) => {
      const bgpd = await recorded(t, frr, 'bgpd')
      const route = { ip: undefined, flags: 0, seq: 0, esi: Buffer.alloc(10) }
      assert.deepEqual(await all(showLocalRoutes(bgpd, '192.0.2.1:2')), [
        { ...route, mac: macOf(1) },
        { ...route, mac: macOf(1), ip: '10.2.1.11' },
        { ...route, mac: macOf(1), ip: '2001:db8::11' },
        { ...route, mac: macOf(3) },
        { ...route, mac: macOf(3), ip: '10.2.1.13' },
        { ...route, mac: macOf(3), ip: '2001:db8::13', flags: MacIpFlag.ROUTER },
        { ...route, mac: macOf(4), flags: MacIpFlag.STICKY },
        { ...route, mac: macOf(5), seq: 1 },
        { ...route, mac: macOf(5), ip: '10.2.1.15', seq: 1 },
        { ...route, mac: macOf(5), ip: '2001:db8::15', seq: 1 },
      ])
    })
  })
}

suite('shapes that the recordings do not have', () => {
  test('VRFs, an L3VNI, and an EVPN instance in a VRF', async (t) => {
    const zebra = await shows(
      t,
      new Map([
        ['show vrf', 'vrf red id 7 table 1001\nvrf blue inactive\n'],
        ['show evpn vni 4001 json', '{"vni":4001,"type":"L3","localVtepIp":"192.0.2.1","vxlanIntf":"vx4001"}'],
      ]),
    )
    assert.deepEqual(await showVrfs(zebra), new Map([['red', 7]]))
    assert.equal(await showVni(zebra, 4001), undefined)
    const configuration = [
      'router bgp 65000',
      ' address-family ipv4 unicast',
      ' exit-address-family',
      'exit',
      'router bgp 65001 vrf red',
      ' address-family l2vpn evpn',
      '  advertise-all-vni',
      ' exit-address-family',
      'exit',
    ]
    const table = new Map([
      ['enable', ''],
      ['show running-config', configuration.join('\n')],
      ['show bgp vrfs json', '{"vrfs":{"default":{"vrfId":0},"red":{"vrfId":7}},"totalVrfs":2}'],
      [
        'show bgp l2vpn evpn vni json',
        '{"numVnis":3,"100":{"vni":100,"type":"L2","inKernel":"True","rd":"192.0.2.1:2"},' +
          '"200":{"vni":200,"type":"L2","inKernel":"False","rd":"192.0.2.1:3"},"4001":{"vni":4001,"type":"L3","rd":"a"}}',
      ],
    ])
    const bgpd = await shows(t, table)
    assert.equal(await showEvpnVrf(bgpd), 7)
    assert.deepEqual(await showBgpVnis(bgpd), new Map([[100, '192.0.2.1:2']]))
    table.set('show running-config', 'router bgp 65000\n')
    assert.equal(await showEvpnVrf(bgpd), undefined)
  })

  test('an Ethernet segment, a gateway, and a path that another node has of the same host', async (t) => {
    const route = (mac: string, paths: object[]): object => ({ routeType: 2, mac, paths: [paths] })
    const local = { local: true, esi: '03:44:38:39:ff:ff:01:00:00:01' }
    const answer = {
      'a:2': {
        rd: 'a:2',
        '[2]:[0]:[48]:[bc:24:11:00:00:01]': route(macOf(1), [{ esi: local.esi }, local]),
        '[2]:[0]:[48]:[bc:24:11:00:00:02]': route(macOf(2), [{ extendedCommunity: { string: 'ET:8' } }]),
        '[2]:[0]:[48]:[bc:24:11:00:00:04]': route(macOf(4), [
          { ...local, extendedCommunity: { string: 'RT:1:2 ND:Proxy MM:2' } },
        ]),
        '[2]:[0]:[48]:[bc:24:11:00:00:03]': route(macOf(3), [
          { local: true, extendedCommunity: { string: 'ET:8 Default Gateway MM:4294967295 RT:1:2' } },
        ]),
        '[3]:[0]:[32]:[192.0.2.1]': { routeType: 3, paths: [[{ local: true }]] },
      },
    }
    const bgpd = await shows(t, new Map([['show bgp l2vpn evpn route rd a:2 type macip json', JSON.stringify(answer)]]))
    const esi = Buffer.from('03443839ffff01000001', 'hex')
    assert.deepEqual(await all(showLocalRoutes(bgpd, 'a:2')), [
      { mac: macOf(1), ip: undefined, flags: 0, seq: 0, esi },
      { mac: macOf(4), ip: undefined, flags: MacIpFlag.PROXY_ADVERT, seq: 2, esi },
      { mac: macOf(3), ip: undefined, flags: MacIpFlag.GW, seq: 4294967295, esi: Buffer.alloc(10) },
    ])
  })

  test('what zebra announces as a proxy of another node of a segment, and what it does not announce', async (t) => {
    const local = { type: 'local', state: 'active', mac: macOf(1), localSequence: 2 }
    const shown = {
      '10.2.1.11': local,
      '10.2.1.12': { ...local, localInactive: true, peerProxy: true, peerActive: true },
      '10.2.1.13': { ...local, localInactive: true, peerProxy: true },
    }
    const zebra = await shows(
      t,
      new Map([
        ['show evpn arp-cache vni all detail json', JSON.stringify({ 100: { numArpNd: 3, ...shown } })],
        ['show evpn mac vni all detail json', JSON.stringify({ 100: { macs: shown } })],
      ]),
    )
    const announced = ['first-hand', 'proxy', 'not']
    const neighbors = await all(showNeighbors(zebra, { detail: true }))
    assert.deepEqual(
      neighbors.map((it) => it.announced),
      announced,
    )
    assert.deepEqual(
      (await all(showMacs(zebra))).map((it) => it.announced),
      announced,
    )
  })

  const isUnknown = (error: unknown): boolean => error instanceof VtyError

  test('what has another shape is an error, and never something that is missing', async (t) => {
    const shown: [string, string, (vty: Vty) => Promise<unknown>][] = [
      ['show evpn mac vni all detail json', '{"1":{"macs":{"a":"local"}}}', (vty) => all(showMacs(vty))],
      ['show evpn mac vni all detail json', '{"1":{"macs":{"a":{"localSequence":"1"}}}}', (vty) => all(showMacs(vty))],
      [
        'show evpn arp-cache vni all json',
        '{"1":{"10.0.0.1":{"type":"local"}}}',
        (vty) => all(showNeighbors(vty, { detail: false })),
      ],
      [
        'show evpn arp-cache vni all json',
        '{"1":{"10.0.0.1":null}}',
        (vty) => all(showNeighbors(vty, { detail: false })),
      ],
      ['show evpn vni 1 json', '{"type":"L2","vtepIp":1}', (vty) => showVni(vty, 1)],
      ['show evpn vni 1 json', '{"vni":1}', (vty) => showVni(vty, 1)],
      ['show evpn vni 1 json', 'null', (vty) => showVni(vty, 1)],
      ['show evpn vni 1 json', '', (vty) => showVni(vty, 1)],
      ['show bgp l2vpn evpn vni json', '{"1":{"type":"L2","inKernel":true,"rd":"a"}}', showBgpVnis],
      ['show bgp l2vpn evpn vni json', '{"1":{"kind":"L2"}}', showBgpVnis],
      ['show bgp l2vpn evpn vni json', '{"1":null}', showBgpVnis],
      [
        'show bgp l2vpn evpn route rd a type macip json',
        '{"a":{"[2]:[0]":{"routeType":2}}}',
        (vty) => all(showLocalRoutes(vty, 'a')),
      ],
    ]
    for (const [command, answer, ask] of shown)
      await assert.rejects(ask(await shows(t, new Map([[command, answer]]))), isUnknown, `${command}: ${answer}`)
  })

  test('an answer that is cut short, or that is not given, is an error', async (t) => {
    for (const frr of RELEASES) {
      const bgpd = recordedAnswers(frr, 'bgpd')
      const zebra = recordedAnswers(frr, 'zebra')
      for (const table of [bgpd, zebra])
        for (const [command, answer] of table)
          if (command.endsWith('json')) table.set(command, answer.slice(0, answer.trimEnd().length - 1))
      for (const ask of [
        (vty: Vty) => all<object>(showMacs(vty)),
        (vty: Vty) => all<object>(showNeighbors(vty, { detail: false })),
      ]) {
        await assert.rejects(ask(await shows(t, zebra)), isUnknown)
        await assert.rejects(ask(await shows(t, new Map())), isUnknown)
      }
      await assert.rejects(showVni(await shows(t, zebra), 100), isUnknown)
      await assert.rejects(showBgpVnis(await shows(t, bgpd)), isUnknown)
      await assert.rejects(showEvpnVrf(await shows(t, bgpd)), isUnknown)
      await assert.rejects(all(showLocalRoutes(await shows(t, bgpd), '192.0.2.1:2')), isUnknown)
    }
  })
})

test('the MACs of zebra 10.7, which from some 50 on puts their number among them', async (t) => {
  const mac = { type: 'remote', remoteVtep: '192.0.2.2', remoteSequence: 3 }
  const text = JSON.stringify({ 100: { macs: { [macOf(1)]: mac, numMacs: 1 } } })
  const zebra = await shows(t, new Map([['show evpn mac vni all detail json', text]]))
  const remote = { vni: 100, mac: macOf(1), type: 'remote', vtep: '192.0.2.2', seq: 3 }
  const shown = { ...remote, sticky: false, announced: 'first-hand', peer: 'none' }
  assert.deepEqual(await all(showMacs(zebra)), [shown])
})
