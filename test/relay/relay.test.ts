import assert from 'node:assert/strict'
import { once } from 'node:events'
import { lstatSync, readFileSync, readdirSync, symlinkSync } from 'node:fs'
import { suite, test } from 'node:test'
import { MacIpFlag } from '../../src/base/macip-flags.js'
import { Comparison } from '../../src/cli/zapi/replay/check.js'
import { overlay as proto } from '../../src/gen/overlay.js'
import { fileRecords } from '../../src/record/zapi-records.js'
import { replay } from '../../src/relay/replay.js'
import {
  NUMBERS,
  OPENINGS,
  frame,
  hex,
  macIpAdd,
  macIpDel,
  remoteMacIpAdd,
  syncedMacIpAdd,
  vniAdd,
} from '../zapi/build.js'
import { type ControlPeer, type Inbox, RelayRig } from './rig.js'

const N = NUMBERS['8.4']
const MAC = 'bc:24:11:00:00:01'
const { hello, capabilities } = OPENINGS['8.4']

const key = (lastByte = 11): proto.Key.$Properties => {
  return { vni: 100, mac: hex(MAC), ip: Buffer.from([10, 2, 1, lastByte]) }
}
const put = (...lastBytes: number[]): proto.ToRelay.$Properties => {
  return { put: { entries: lastBytes.map((lastByte) => ({ key: key(lastByte), port: 'tap1' })) } }
}
/** The MACIP frames of 10.2.1.x on MAC. */
const announced = (lastByte = 11, seq = 0): Buffer =>
  macIpAdd(N, MAC, `0a0201${lastByte.toString(16).padStart(2, '0')}`, seq)
const withdrawn = (lastByte = 11): Buffer => macIpDel(N, MAC, `0a0201${lastByte.toString(16).padStart(2, '0')}`)

/** A relay with bgpd's main session open, VNI 100 live and MAC local. */
async function mainSession(
  rig: RelayRig,
  ...args: string[]
): Promise<{ bgpd: Inbox; zebra: Inbox; snooper: ControlPeer }> {
  const server = await rig.startZebra()
  await rig.start(...args)
  const bgpd = await rig.bgpd()
  bgpd.socket.write(hello)
  const zebra = await server.accept()
  await zebra.take(hello.length)
  const opening = Buffer.concat([capabilities, vniAdd(N), macIpAdd(N, MAC, '')])
  zebra.socket.write(opening)
  assert.deepEqual(await bgpd.take(opening.length), opening)
  const snooper = (await rig.control()).say({ own: { client: 'test' } })
  await snooper.receive((message) => message.synced)
  return { bgpd, zebra, snooper }
}

suite('a connection through the relay', () => {
  test('bytes and ends pass in both directions, whatever they are', async () => {
    await using rig = new RelayRig()
    const server = await rig.startZebra()
    await rig.start()
    const bgpd = await rig.bgpd()
    const zebra = await server.accept()
    const toZebra = Buffer.concat([hello, Buffer.from('not ZAPI at all, and more than a header')])
    bgpd.socket.end(toZebra)
    assert.deepEqual(await zebra.take(toZebra.length), toZebra)
    await zebra.end()
    // half-closed: zebra may still speak
    zebra.socket.end(capabilities)
    assert.deepEqual(await bgpd.take(capabilities.length), capabilities)
    await bgpd.end()
  })

  test('an unfinished header is not lost when its sender ends', async () => {
    await using rig = new RelayRig()
    const { bgpd, zebra } = await mainSession(rig)
    zebra.socket.end(Buffer.from([0, 50, 0xfe]))
    assert.deepEqual(await bgpd.take(3), Buffer.from([0, 50, 0xfe]))
    await bgpd.end()
  })

  test('a side that does not read stops the other; nothing is lost when it reads again', async () => {
    await using rig = new RelayRig()
    const { bgpd, zebra } = await mainSession(rig)
    zebra.socket.pause()
    const route = frame(N.ROUTE_ADD, Buffer.alloc(1000, 0xab))
    const many = Buffer.concat(new Array<Buffer>(20_000).fill(route))
    assert.equal(bgpd.socket.write(many), false)
    // the other direction is not concerned
    zebra.socket.write(macIpAdd(N, MAC, '', 1))
    await bgpd.frame()
    assert.ok(bgpd.socket.writableLength > 0)
    zebra.socket.resume()
    assert.deepEqual(await zebra.take(many.length), many)
  })

  test('zebra is absent: the connection of bgpd ends, and works when zebra is back', async () => {
    await using rig = new RelayRig()
    const server = await rig.startZebra()
    await rig.start()
    server.server.close()
    await once(server.server, 'close')
    const refused = await rig.bgpd()
    await refused.end()
    const again = await rig.startZebra()
    const bgpd = await rig.bgpd()
    bgpd.socket.write(hello)
    assert.deepEqual(await (await again.accept()).frame(), hello)
  })
})

suite('injection', () => {
  test('between two frames of zebra, and only when both are known', async () => {
    await using rig = new RelayRig()
    const { bgpd, zebra, snooper } = await mainSession(rig)
    const route = frame(N.ROUTE_ADD, Buffer.alloc(100))
    zebra.socket.write(route.subarray(0, 50))
    assert.deepEqual(await bgpd.take(50), route.subarray(0, 50))
    snooper.say(put(11))
    await snooper.status()
    zebra.socket.write(route.subarray(50))
    assert.deepEqual(await bgpd.take(60), route.subarray(50))
    assert.deepEqual(await bgpd.frame(), announced())
  })

  test('zebra’s repetition of our entry is held back; its withdrawal, too', async () => {
    await using rig = new RelayRig()
    const { bgpd, zebra, snooper } = await mainSession(rig)
    snooper.say(put(11))
    assert.deepEqual(await bgpd.frame(), announced())
    const after = frame(N.ROUTE_ADD, Buffer.from('after'))
    zebra.socket.write(Buffer.concat([announced(), withdrawn(), after]))
    assert.deepEqual(await bgpd.frame(), after)
    snooper.say({ remove: { keys: [key()] } })
    assert.deepEqual(await bgpd.frame(), withdrawn())
  })

  const uncertain: [name: string, hello: Buffer, capabilities: Buffer, args: string[], reason: RegExp][] = [
    [
      'an unknown HELLO',
      frame(21, hex('0a000000000000 00')),
      capabilities,
      [],
      /unknown HELLO: command 21 with 8 bytes/,
    ],
    ['an unknown CAPABILITIES', hello, frame(19, Buffer.alloc(17)), [], /CAPABILITIES is command 19 with 17 bytes/],
    [
      'another release than configured',
      hello,
      capabilities,
      ['--frr-release', '10.3'],
      /FRR 10.3 is configured, but the session is that of 8.4 … 9.0/,
    ],
    [
      'a VNI_ADD of another layout',
      hello,
      Buffer.concat([capabilities, frame(N.VNI_ADD, Buffer.alloc(21))]),
      [],
      /ZEBRA_VNI_ADD is not what FRR 8.4 sends/,
    ],
    [
      'a frame longer than any',
      hello,
      Buffer.concat([capabilities, hex('4001 fe 06 00000000 0008'), Buffer.alloc(20)]),
      [],
      /frame length 16385 is above 16384/,
    ],
    [
      'a wrong marker',
      hello,
      Buffer.concat([capabilities, hex('000a ff 06 00000000 0008')]),
      [],
      /header marker is 0xff, expected 0xfe/,
    ],
    [
      'bytes that are no frames',
      hello,
      Buffer.concat([capabilities, Buffer.alloc(50)]),
      [],
      /frame length 0 is below 10/,
    ],
  ]
  for (const [name, first, answer, args, reason] of uncertain) {
    test(`${name}: relayed, nothing injected, and status says why`, async () => {
      await using rig = new RelayRig()
      const server = await rig.startZebra()
      await rig.start(...args)
      const bgpd = await rig.bgpd()
      bgpd.socket.write(first)
      const zebra = await server.accept()
      assert.deepEqual(await zebra.take(first.length), first)
      const said = Buffer.concat([answer, vniAdd(N), macIpAdd(N, MAC, '')])
      zebra.socket.write(said)
      assert.deepEqual(await bgpd.take(said.length), said)
      const snooper = (await rig.control()).say({ own: { client: 'test' } }).say(put(11))
      const status = await snooper.status()
      assert.equal(status.injecting, false)
      const { kind, note, uncertain } = status.sessions?.[0] ?? {}
      const why = kind !== 'main' ? note : uncertain === '' ? status.releaseReason : uncertain
      assert.match(why ?? '', reason)
      const after = frame(N.ROUTE_ADD, Buffer.from('after'))
      zebra.socket.write(after)
      assert.deepEqual(await bgpd.frame(), after)
    })
  }
})

test('a VNI without a local VTEP (FRR 10.6 and later) is not live for bgpd, and makes nothing uncertain', async () => {
  await using rig = new RelayRig()
  const server = await rig.startZebra()
  await rig.start()
  const bgpd = await rig.bgpd()
  bgpd.socket.write(OPENINGS['10.3'].hello)
  const zebra = await server.accept()
  await zebra.frame()
  const n = NUMBERS['10.3']
  const add = (vtep: string): Buffer => frame(n.VNI_ADD, hex('00000064', vtep, '00000000', '00000000', '05000000'))
  const mac = macIpAdd(n, MAC, '')
  const said = Buffer.concat([frame(20, Buffer.alloc(9)), add('0000'), mac])
  zebra.socket.write(said)
  assert.deepEqual(await bgpd.take(said.length), said)
  const snooper = (await rig.control()).say({ own: { client: 'test' } }).say(put(11))
  const state = await snooper.receive((message) => message.states?.states?.at(0))
  assert.equal(state.status, proto.EntryStatus.HELD_VNI_NOT_LIVE)
  zebra.socket.write(Buffer.concat([add('0002c0000201'), mac]))
  assert.deepEqual([await bgpd.frame(), await bgpd.frame()], [add('0002c0000201'), mac])
  assert.deepEqual(await bgpd.frame(), macIpAdd(n, MAC, '0a02010b'))
})

suite('a demanded sequence number', () => {
  const demand = (minSeq: number, ...lastBytes: number[]): proto.ToRelay.$Properties => {
    return { put: { entries: lastBytes.map((lastByte) => ({ key: key(lastByte), port: 'tap1', minSeq })) } }
  }
  const mac = (seq: number): Buffer => macIpAdd(N, MAC, '', seq)
  const after = frame(N.ROUTE_ADD, Buffer.from('after'))

  test('replaces zebra’s in the stream, where it was', async () => {
    await using rig = new RelayRig()
    const { bgpd, zebra, snooper } = await mainSession(rig)
    snooper.say(demand(2, 11))
    assert.deepEqual([await bgpd.frame(), await bgpd.frame()], [mac(2), announced(11, 2)])
    zebra.socket.write(Buffer.concat([mac(0), announced(12, 0), after, mac(1), mac(3), after]))
    assert.deepEqual([await bgpd.frame(), await bgpd.frame()], [announced(12, 2), after])
    const frames = [await bgpd.frame(), await bgpd.frame(), await bgpd.frame(), await bgpd.frame()]
    assert.deepEqual(frames[0], mac(3))
    assert.equal(frames.filter((each) => each.equals(announced(11, 3))).length, 1)
    assert.equal(frames.filter((each) => each.equals(announced(12, 3))).length, 1)
    assert.equal((await snooper.status()).sessions?.[0]?.dropped, 3)
  })

  test('is known to the worker’s successors: nothing is said twice or with less, whoever demands it', async () => {
    await using rig = new RelayRig()
    const { bgpd, zebra, snooper } = await mainSession(rig)
    zebra.socket.write(announced(12, 0))
    assert.deepEqual(await bgpd.frame(), announced(12, 0))
    snooper.say(demand(2, 11))
    const raised = [await bgpd.frame(), await bgpd.frame(), await bgpd.frame()]
    assert.deepEqual(raised[0], mac(2))
    assert.ok(raised.some((each) => each.equals(announced(12, 2))))
    snooper.say({ remove: { keys: [key(11)] } })
    assert.deepEqual(await bgpd.frame(), withdrawn(11))
    // the second has a journal that the first has written anew
    for (const lastByte of [21, 22]) {
      await rig.killWorker()
      zebra.socket.write(Buffer.concat([mac(0), announced(12, 0), after]))
      assert.deepEqual(await bgpd.frame(), after)
      const again = (await rig.control()).say({ own: { client: 'again' } })
      await again.receive((message) => message.synced)
      again.say(put(lastByte))
      assert.deepEqual(await bgpd.frame(), announced(lastByte, 2))
    }
    await rig.killWorker()
    const comparison = new Comparison()
    for (const act of replay(fileRecords(readFileSync(rig.path('journal'))), { configured: undefined, entries: [] }))
      comparison.add(act)
    assert.deepEqual(comparison.differences(false), [])
    zebra.socket.write(macIpDel(N, MAC, ''))
    await bgpd.take(macIpDel(N, MAC, '').length + 2 * withdrawn().length)
    zebra.socket.write(mac(0))
    assert.deepEqual(await bgpd.frame(), mac(0), 'zebra has withdrawn the MAC in between')
  })
})

test('an entry that is only observed is reported on, and bgpd hears nothing', async () => {
  await using rig = new RelayRig()
  const { bgpd, zebra, snooper } = await mainSession(rig)
  snooper.say({ put: { entries: [{ key: key(11), port: 'tap1', observe: true, minSeq: 5 }] } })
  const state = await snooper.receive((message) => message.states?.states?.at(0))
  assert.equal(state.status, proto.EntryStatus.OBSERVED)
  zebra.socket.write(macIpAdd(N, MAC, '', 0))
  assert.deepEqual(await bgpd.frame(), macIpAdd(N, MAC, '', 0))
  assert.equal((await snooper.status()).sessions?.[0]?.injected, 0)
})

suite('the snooper', () => {
  test('comes back to what it left; what it no longer wants is withdrawn when it says so', async () => {
    await using rig = new RelayRig()
    const { bgpd, snooper } = await mainSession(rig)
    snooper.say(put(11, 12))
    assert.deepEqual([await bgpd.frame(), await bgpd.frame()], [announced(11), announced(12)])
    snooper.socket.destroy()
    const again = (await rig.control()).say({ own: { client: 'again' } })
    const back = await again.receive((message) => message.handedBack)
    assert.deepEqual(
      back.entries?.map((entry) => entry.key?.ip?.[3]),
      [11, 12],
    )
    again.say(put(12)).say({ reconciled: {} })
    assert.deepEqual(await bgpd.frame(), withdrawn(11))
  })

  test('that comes back is told what other nodes of an Ethernet segment announce, whoever has heard it before', async () => {
    await using rig = new RelayRig()
    const { bgpd, zebra, snooper } = await mainSession(rig)
    const route = syncedMacIpAdd(N, MAC, '0a02010b')
    bgpd.socket.write(route)
    assert.deepEqual(await zebra.frame(), route)
    snooper.socket.destroy()
    // the second worker has a journal that the first has written anew
    for (let worker = 0; worker < 3; worker++) {
      const again = (await rig.control()).say({ own: { client: 'again' } })
      const remote = await again.receive(({ views }) => views?.changes?.find(({ remote }) => remote != null)?.remote)
      assert.equal(remote.flags, MacIpFlag.SYNC_PATH)
      await again.receive((message) => message.synced)
      again.socket.destroy()
      await rig.killWorker()
    }
  })

  test('hears of a remote route before it hears what that does to an entry', async () => {
    await using rig = new RelayRig()
    const { bgpd, snooper } = await mainSession(rig)
    snooper.say(put(11))
    await snooper.receive(({ states }) => states)
    bgpd.socket.write(remoteMacIpAdd(N, 'bc:24:11:00:00:02', '0a02010b', 1))
    const first = await snooper.receive((message) => message)
    assert.ok(first.views?.changes?.some(({ remote }) => remote != null))
    const states = await snooper.receive((message) => message.states)
    assert.equal(states.states?.[0]?.status, proto.EntryStatus.HELD_REMOTE)
  })

  test('stays away too long: all is withdrawn', async () => {
    await using rig = new RelayRig()
    const { bgpd, snooper } = await mainSession(rig, '--stale-time', '0.2')
    snooper.say(put(11))
    assert.deepEqual(await bgpd.frame(), announced())
    snooper.socket.destroy()
    assert.deepEqual(await bgpd.frame(), withdrawn())
  })

  test('a second one takes over; a stranger may not change anything', async () => {
    await using rig = new RelayRig()
    const { snooper } = await mainSession(rig)
    const stranger = (await rig.control()).say(put(11))
    assert.match(await stranger.receive((message) => message.error), /only the owner/)
    const second = (await rig.control()).say({ own: { client: 'second' } })
    assert.match(await snooper.receive((message) => message.error), /second has taken over/)
    await second.receive((message) => message.synced)
  })

  test('nonsense on the control socket costs the client its connection, nobody else anything', async () => {
    await using rig = new RelayRig()
    const { bgpd, snooper } = await mainSession(rig)
    for (const nonsense of [Buffer.alloc(64, 0xff), Buffer.from([0, 0, 0, 3, 0xff, 0xff, 0xff])]) {
      const peer = await rig.control()
      peer.socket.write(nonsense)
      await once(peer.socket, 'close')
    }
    const wrongKey = await rig.control()
    snooper.say(put(11))
    assert.deepEqual(await bgpd.frame(), announced())
    wrongKey
      .say({ own: { client: 'wrong' } })
      .say({ put: { entries: [{ key: { vni: 0, mac: hex(MAC), ip: Buffer.alloc(3) } }] } })
    await once(wrongKey.socket, 'close')
    const after = await rig.control()
    assert.equal((await after.status()).announced, 1)
  })
})

suite('the worker dies', () => {
  test('its successor knows what was announced: nothing is said twice, and injection goes on', async () => {
    await using rig = new RelayRig()
    const { bgpd, zebra, snooper } = await mainSession(rig)
    snooper.say(put(11))
    assert.deepEqual(await bgpd.frame(), announced())
    await snooper.receive((message) =>
      message.states?.states?.find(({ status }) => status === proto.EntryStatus.ANNOUNCED),
    )
    await rig.killWorker()
    const again = (await rig.control()).say({ own: { client: 'again' } })
    await again.receive((message) => message.synced)
    again.say(put(11, 12)).say({ reconciled: {} })
    assert.deepEqual(await bgpd.frame(), announced(12))
    zebra.socket.write(macIpDel(N, MAC, ''))
    const frames = [await bgpd.frame(), await bgpd.frame(), await bgpd.frame()]
    assert.deepEqual(frames, [macIpDel(N, MAC, ''), withdrawn(11), withdrawn(12)])
  })

  test('again and again under full load: every byte arrives once and in order, injected frames stand between frames', async () => {
    await using rig = new RelayRig()
    const { bgpd, zebra } = await mainSession(rig)
    const frames = 200_000
    const pumped = Promise.all([pump(bgpd, frames), pump(zebra, frames)])
    const counted = Promise.all([countFrames(zebra, frames), countFrames(bgpd, frames)])
    // one more, and the next worker would only forward
    for (let kills = 0; kills < 5; kills++) {
      const snooper = (await rig.control()).say({ own: { client: 'load' } }).say(put(kills))
      await snooper.receive((message) => message.states)
      await rig.killWorker()
    }
    await pumped
    await counted
    const snooper = (await rig.control()).say({ own: { client: 'after' } }).say(put(99))
    await snooper.receive((message) => message.synced)
    assert.equal((await snooper.status()).injecting, true)
    await bgpd.until(() => bgpd.bytes.includes(announced(99)))
  })
})

/** Writes numbered frames of changing size, as fast as they are taken. */
async function pump(inbox: Inbox, frames: number): Promise<void> {
  for (let number = 0; number < frames; ) {
    const batch: Buffer[] = []
    for (let i = 0; i < 50 && number < frames; i++, number++) {
      const payload = Buffer.alloc(4 + (number % 97), 0xfe)
      payload.writeUInt32BE(number)
      batch.push(frame(N.ROUTE_ADD, payload))
    }
    if (!inbox.socket.write(Buffer.concat(batch))) await once(inbox.socket, 'drain')
  }
}

/** Reads frames until all numbered ones have come; others must be whole MACIP frames of ours. */
async function countFrames(inbox: Inbox, frames: number): Promise<void> {
  for (let expected = 0; expected < frames; ) {
    await inbox.until(() => inbox.bytes.length >= 10)
    const bytes = inbox.bytes
    let offset = 0
    while (bytes.length - offset >= 10 && bytes.length - offset >= bytes.readUInt16BE(offset)) {
      const length = bytes.readUInt16BE(offset)
      assert.equal(bytes.readUInt16BE(offset + 2), 0xfe06)
      if (bytes.readUInt16BE(offset + 8) === N.ROUTE_ADD) assert.equal(bytes.readUInt32BE(offset + 10), expected++)
      else assert.ok(bytes.readUInt16BE(offset + 8) === N.MACIP_ADD || bytes.readUInt16BE(offset + 8) === N.MACIP_DEL)
      offset += length
    }
    await inbox.take(offset)
    if (expected < frames) await once(inbox.socket, 'data')
  }
}

suite('starting and stopping', () => {
  test('before zebra: a connection of bgpd is closed until zebra is there', async () => {
    await using rig = new RelayRig()
    await rig.start()
    const early = await rig.bgpd()
    await early.end()
    const server = await rig.startZebra()
    const bgpd = await rig.bgpd()
    bgpd.socket.write(hello)
    assert.deepEqual(await (await server.accept()).frame(), hello)
  })

  test('a link to zebra’s socket, for the time without a relay, is replaced; any other is left alone', async () => {
    await using rig = new RelayRig()
    await rig.startZebra()
    symlinkSync('zebra', rig.path('bgpd'))
    await rig.start()
    await rig.keeper()
    assert.ok(lstatSync(rig.path('bgpd')).isSocket())

    await using other = new RelayRig()
    symlinkSync('/dev/null', other.path('bgpd'))
    assert.equal(await other.run(), 2)
    assert.match(other.log, /exists and is not a socket; it is left alone/)
    assert.ok(lstatSync(other.path('bgpd')).isSymbolicLink())
  })

  test('a socket in use: one line, exit code 5, the other goes on', async () => {
    await using rig = new RelayRig()
    await rig.startZebra()
    await rig.start()
    await using second = new RelayRig()
    const code = await second.run('--listen', rig.path('bgpd'), '--zebra', rig.path('zebra'))
    assert.equal(code, 5)
    assert.match(second.log, /^macipd: .*another process is listening on it.*\n$/)
    const bgpd = await rig.bgpd()
    bgpd.socket.write(hello)
  })

  test('SIGTERM ends the connections and removes every file', async () => {
    await using rig = new RelayRig()
    const { bgpd } = await mainSession(rig)
    rig.signal('SIGTERM')
    await bgpd.end()
    assert.equal(await rig.exited(), 0)
    assert.deepEqual(readdirSync(rig.dir), ['zebra'])
  })
})
