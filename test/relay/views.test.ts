import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { formatIp, formatMac } from '../../src/base/address.js'
import { MacIpFlag } from '../../src/base/macip-flags.js'
import { overlay as proto } from '../../src/gen/overlay.js'
import { MAX_VTEPS, Views, VniView, eachByIp, isSynced, viewMessages } from '../../src/relay/overlay/views.js'
import { type BgpMessage, type ZebraMessage, isFromBgpd } from '../../src/zapi/evpn-codec.js'
import { NUMBERS, OPENINGS, frame, hex, macIpAdd, remoteMacIpAdd, u32, vniAdd } from '../zapi/build.js'
import { type ControlPeer, type Inbox, RelayRig } from './rig.js'

const ESI = Buffer.alloc(10)
const M1 = 'bc:24:11:00:00:01'

const vtepAdd = (vni: number, vtep: string, floodControl = 0): BgpMessage => {
  return { command: 'ZEBRA_REMOTE_VTEP_ADD', vrf: 0, body: { vni, vtep, floodControl, more: [] } }
}
const vtepDel = (vni: number, vtep: string): BgpMessage => {
  return { command: 'ZEBRA_REMOTE_VTEP_DEL', vrf: 0, body: { vni, vtep, floodControl: 0, more: [] } }
}
const vniDel = (vni: number): ZebraMessage => ({ command: 'ZEBRA_VNI_DEL', vrf: 0, body: { vni } })

const vtepsOf = (views: Views, vni: number): [string, number][] => [...(views.get(vni)?.vteps ?? [])]

test('zebra’s own IPs of a MAC are those it has now, whenever it is asked', () => {
  const views = new Views()
  const say = (command: 'ZEBRA_MACIP_ADD' | 'ZEBRA_MACIP_DEL', ip: string): void => {
    views.applyZebra(
      command === 'ZEBRA_MACIP_ADD'
        ? { command, vrf: 0, body: { vni: 100, mac: M1, ip, flags: 0, seq: 0, esi: ESI } }
        : { command, vrf: 0, body: { vni: 100, mac: M1, ip, state: 1 } },
    )
  }
  say('ZEBRA_MACIP_ADD', '10.0.0.1')
  say('ZEBRA_MACIP_ADD', '10.0.0.2')
  say('ZEBRA_MACIP_DEL', '10.0.0.1')
  assert.deepEqual([...(views.get(100)?.ipsOf(M1) ?? [])], ['10.0.0.2'])
  say('ZEBRA_MACIP_ADD', '10.0.0.3')
  say('ZEBRA_MACIP_DEL', '10.0.0.2')
  assert.deepEqual([...(views.get(100)?.ipsOf(M1) ?? [])], ['10.0.0.3'])
})

test('a remote route that becomes a path of a shared Ethernet segment is known as that, and back', () => {
  const views = new Views()
  const synced = (): boolean[] => {
    const { remoteMacs, remoteMacIps } = views.get(100) ?? new VniView()
    return [...remoteMacs.values(), ...[...eachByIp(remoteMacIps)].map(({ value }) => value)].map(isSynced)
  }
  const add = (ip: string | undefined, flags: number): void => {
    const body = { vni: 100, mac: M1, ip, vtep: '192.0.2.2', flags, seq: 1, esi: ESI }
    views.applyBgpd({ command: 'ZEBRA_REMOTE_MACIP_ADD', vrf: 0, body })
  }
  for (const ip of [undefined, '10.0.0.1']) add(ip, 0)
  for (const ip of [undefined, '10.0.0.1']) add(ip, MacIpFlag.SYNC_PATH)
  assert.deepEqual(synced(), [true, true])
  for (const ip of [undefined, '10.0.0.1']) add(ip, 0)
  assert.deepEqual(synced(), [false, false])
})

test('an IP of other nodes has one MAC, which takes the place of the former one, whoever has that', () => {
  const views = new Views()
  const add = (mac: string, ip: string | undefined, vtep = '192.0.2.2'): BgpMessage => {
    const body = { vni: 100, mac, ip, vtep, flags: 0, seq: 0, esi: ESI }
    return { command: 'ZEBRA_REMOTE_MACIP_ADD', vrf: 0, body }
  }
  const M2 = 'bc:24:11:00:00:02'
  for (const mac of [M1, M2]) assert.equal(views.applyBgpd(add(mac, undefined)), undefined)
  for (const ip of ['10.0.0.1', '10.0.0.2']) assert.equal(views.applyBgpd(add(M1, ip)), undefined)
  assert.equal(views.applyBgpd(add(M2, '10.0.0.3')), undefined, 'another IP')
  assert.equal(views.applyBgpd(add(M1, '10.0.0.1', '192.0.2.3')), undefined, 'the same one, elsewhere')
  const body = { vni: 100, mac: M1, ip: '10.0.0.1', vtep: '192.0.2.3' }
  const gone = { command: 'ZEBRA_REMOTE_MACIP_DEL', vrf: 0, body }
  assert.deepEqual(views.applyBgpd(add(M2, '10.0.0.1', '192.0.2.2')), gone)
  const { remoteMacs, remoteMacIps } = views.get(100) ?? new VniView()
  assert.deepEqual(
    [...eachByIp(remoteMacIps)].map(({ mac, ip }) => [mac, ip]),
    [
      [M2, '10.0.0.1'],
      [M1, '10.0.0.2'],
      [M2, '10.0.0.3'],
    ],
  )
  assert.equal(remoteMacs.size, 2, 'MACs alone are routes of their own')
})

suite('remote VTEPs', () => {
  test('come, change and go, each in its VNI', () => {
    const views = new Views()
    views.applyBgpd(vtepAdd(100, '192.0.2.2'))
    views.applyBgpd(vtepAdd(200, '192.0.2.2'))
    views.applyBgpd(vtepAdd(100, '2001:db8::2', 1))
    views.applyBgpd(vtepAdd(100, '192.0.2.2', 1))
    assert.deepEqual(vtepsOf(views, 100), [
      ['192.0.2.2', 1],
      ['2001:db8::2', 1],
    ])
    views.applyBgpd(vtepDel(100, '192.0.2.2'))
    views.applyBgpd(vtepDel(100, '192.0.2.9'))
    views.applyBgpd(vtepDel(300, '192.0.2.2'))
    assert.deepEqual(vtepsOf(views, 100), [['2001:db8::2', 1]])
    assert.deepEqual(vtepsOf(views, 200), [['192.0.2.2', 0]])
  })

  test('go with their VNI', () => {
    const views = new Views()
    views.applyBgpd(vtepAdd(100, '192.0.2.2'))
    views.applyZebra(vniDel(100))
    assert.deepEqual(vtepsOf(views, 100), [])
  })

  test('are bounded: further ones are counted, and there is room again when others have gone', () => {
    const views = new Views()
    const ip = (number: number): string => formatIp(Buffer.from(u32(number), 'hex'))
    for (let number = 0; number < MAX_VTEPS; number++) views.applyBgpd(vtepAdd(1 + (number % 2), ip(number)))
    views.applyBgpd(vtepAdd(3, ip(7)))
    assert.deepEqual([vtepsOf(views, 3), views.vtepsLeftOut], [[], 1])
    // one that is known is no further one
    views.applyBgpd(vtepAdd(1, ip(0), 1))
    assert.equal(views.vtepsLeftOut, 1)
    views.applyBgpd(vtepDel(1, ip(0)))
    views.applyBgpd(vtepAdd(3, ip(7)))
    assert.equal(vtepsOf(views, 3).length, 1)
    views.applyZebra(vniDel(2))
    for (let number = 0; number < MAX_VTEPS / 2; number++) views.applyBgpd(vtepAdd(4, ip(number)))
    assert.deepEqual([vtepsOf(views, 4).length, views.vtepsLeftOut], [MAX_VTEPS / 2, 1])
    views.applyBgpd({ command: 'ZEBRA_ADVERTISE_ALL_VNI', vrf: 0, body: { advertise: 0, floodControl: 0 } })
    for (let number = 0; number < MAX_VTEPS; number++) views.applyBgpd(vtepAdd(5, ip(number)))
    assert.deepEqual([vtepsOf(views, 5).length, views.vtepsLeftOut], [MAX_VTEPS, 1])
  })
})

test('the messages of the views make the same views', () => {
  const vni = fc.integer({ min: 1, max: 3 })
  const vtep = fc.constantFrom('192.0.2.2', '192.0.2.3', '2001:db8::2')
  const ip = fc.constantFrom(undefined, '10.0.0.1', '2001:db8::1')
  const seq = fc.nat(3)
  const message = fc.oneof(
    fc.tuple(vni, vtep).map(([vni, vtep]): ZebraMessage => {
      const body = {
        vni,
        vtep,
        tenantVrf: 0,
        multicastGroup: '0.0.0.0',
        sviIfindex: 5,
      }
      return { command: 'ZEBRA_VNI_ADD', vrf: 0, body }
    }),
    vni.map(vniDel),
    fc.tuple(vni, ip, seq).map(([vni, ip, seq]): ZebraMessage => {
      return { command: 'ZEBRA_MACIP_ADD', vrf: 0, body: { vni, mac: M1, ip, flags: 0, seq, esi: ESI } }
    }),
    fc
      .tuple(vni, ip, seq, vtep, fc.constantFrom(0, MacIpFlag.SYNC_PATH))
      .map(([vni, ip, seq, vtep, flags]): BgpMessage => {
        return { command: 'ZEBRA_REMOTE_MACIP_ADD', vrf: 0, body: { vni, mac: M1, ip, vtep, flags, seq, esi: ESI } }
      }),
    fc.tuple(vni, vtep, seq).map(([vni, vtep, flood]) => vtepAdd(vni, vtep, flood)),
    fc.tuple(vni, vtep).map(([vni, vtep]) => vtepDel(vni, vtep)),
  )
  const feed = (messages: Iterable<ZebraMessage | BgpMessage>): Views => {
    const views = new Views()
    for (const one of messages) {
      if (isFromBgpd(one)) views.applyBgpd(one)
      else views.applyZebra(one)
    }
    return views
  }
  fc.assert(
    fc.property(fc.array(message, { maxLength: 30 }), (messages) => {
      const told = [...viewMessages(feed(messages))]
      assert.deepEqual([...viewMessages(feed(told))], told)
    }),
  )
})

/** FRR 8.4 through the relay, and the owner of the overlay, which knows what there is. */
async function owned(rig: RelayRig): Promise<{ bgpd: Inbox; zebra: Inbox; owner: ControlPeer }> {
  const { hello, capabilities } = OPENINGS['8.4']
  const server = await rig.startZebra()
  await rig.start()
  const bgpd = await rig.bgpd()
  bgpd.socket.write(hello)
  const zebra = await server.accept()
  zebra.socket.write(capabilities)
  await bgpd.frame()
  const owner = (await rig.control()).say({ own: { client: 'test' } })
  await owner.receive((message) => message.synced)
  return { bgpd, zebra, owner }
}

test('anyone allowed may ask the relay for the views; its owner is not told of VTEPs', async () => {
  await using rig = new RelayRig()
  const n = NUMBERS['8.4']
  const { bgpd, zebra, owner } = await owned(rig)
  // ZEBRA_REMOTE_VTEP_ADD is 71 in 8.4
  const vtep = frame(71, hex(u32(100), 'c0000202', u32(1)))
  zebra.socket.write(Buffer.concat([vniAdd(n), macIpAdd(n, M1, '', 3)]))
  await bgpd.frame()
  await bgpd.frame()
  bgpd.socket.write(Buffer.concat([vtep, remoteMacIpAdd(n, 'bc:24:11:00:00:02', '0a00000c', 4)]))
  for (let frames = 0; frames < 3; frames++) await zebra.frame()

  const views = async (): Promise<string[]> => {
    const asker = (await rig.control()).say({ getViews: {} })
    const changes: proto.ViewChange.$Properties[] = []
    await asker.receive((message) => {
      changes.push(...(message.views?.changes ?? []))
      return message.synced
    })
    return changes.map(changeText)
  }
  const expected = ['vni 100 192.0.2.1', 'mac seq 3', 'remote seq 4 192.0.2.2', 'vtep 100 192.0.2.2 1']
  assert.deepEqual(await views(), expected)
  const told: string[] = []
  await owner.receive((message) => {
    for (const change of message.views?.changes ?? []) told.push(...Object.keys(change))
    return told.includes('remote') ? true : undefined
  })
  assert.ok(!told.includes('vtep'), told.join(' '))
  // zebra and bgpd do not say it again; the second successor has it from what the first one wrote down
  for (let kills = 0; kills < 2; kills++) {
    await rig.killWorker()
    assert.deepEqual(await views(), expected)
  }
})

test('the owner of the overlay is told when an IP of other nodes has another MAC, though bgpd takes nothing back', async () => {
  await using rig = new RelayRig()
  const n = NUMBERS['8.4']
  const { bgpd, zebra, owner } = await owned(rig)
  zebra.socket.write(vniAdd(n))
  await bgpd.frame()
  for (const last of ['02', '03']) bgpd.socket.write(remoteMacIpAdd(n, `bc:24:11:00:00:${last}`, '0a00000c'))
  const told: string[] = []
  await owner.receive((message) => {
    for (const { remote } of message.views?.changes ?? []) {
      const { key, gone } = proto.RemoteView.create(remote ?? {})
      if (key?.mac != null) told.push(`${formatMac(key.mac)} ${gone ? 'gone' : 'there'}`)
    }
    return told.length >= 3 ? true : undefined
  })
  assert.deepEqual(told, ['bc:24:11:00:00:02 there', 'bc:24:11:00:00:02 gone', 'bc:24:11:00:00:03 there'])
})

function changeText(change: proto.ViewChange.$Properties): string {
  const { vni, mac, remote, vtep } = proto.ViewChange.create(change)
  if (vni != null) return `vni ${vni.vni} ${formatIp(proto.VniView.create(vni).vtep)}`
  if (mac != null) return `mac seq ${mac.seq}`
  if (remote != null) return `remote seq ${remote.seq} ${formatIp(proto.RemoteView.create(remote).vtep)}`
  const view = proto.VtepView.create(vtep ?? {})
  return `vtep ${view.vni} ${formatIp(view.vtep)} ${view.floodControl}`
}
