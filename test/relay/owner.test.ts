// The owner of the overlay hangs: its connection stays open, and nothing comes any more.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { waitFor } from '../../lab/wait.js'
import type { overlay as proto } from '../../src/gen/overlay.js'
import { NUMBERS, OPENINGS, hex, macIpAdd, macIpDel, vniAdd } from '../zapi/build.js'
import { type ControlPeer, type Inbox, RelayRig } from './rig.js'

const N = NUMBERS['8.4']
const MAC = 'bc:24:11:00:00:01'
const IP = '0a02010b'
const { hello, capabilities } = OPENINGS['8.4']
const entries = [{ key: { vni: 100, mac: hex(MAC), ip: hex(IP) }, port: 'tap1' }]

/** A relay with a main session, and an owner that has one entry announced. */
async function owned(rig: RelayRig, own: proto.Own.$Properties, ...args: string[]): Promise<[ControlPeer, Inbox]> {
  const server = await rig.startZebra()
  await rig.start(...args)
  const bgpd = await rig.bgpd()
  bgpd.socket.write(hello)
  const zebra = await server.accept()
  await zebra.take(hello.length)
  const opening = Buffer.concat([capabilities, vniAdd(N), macIpAdd(N, MAC, '')])
  zebra.socket.write(opening)
  await bgpd.take(opening.length)
  const owner = (await rig.control()).say({ own })
  await owner.receive(({ synced }) => synced)
  owner.say({ put: { entries } })
  assert.deepEqual(await bgpd.frame(), macIpAdd(N, MAC, IP))
  return [owner, bgpd]
}

const statusWhen = async (
  rig: RelayRig,
  what: string,
  isWanted: (status: proto.RelayStatus.$Properties) => boolean,
): Promise<proto.RelayStatus.$Properties> => {
  const peer = await rig.control()
  return waitFor(what, () => peer.status(), isWanted, { timeoutMs: 30_000, context: () => rig.log })
}

suite('an owner of the overlay that does not answer', () => {
  test('counts as gone; when it speaks again it is connected, and nothing was withdrawn', async () => {
    await using rig = new RelayRig()
    const [owner, bgpd] = await owned(rig, { client: 'test', answersPings: true })
    const silent = await statusWhen(rig, 'it to be silent', ({ snooperSilent }) => snooperSilent === true)
    assert.deepEqual([silent.snooperConnected, silent.snooperPid], [false, process.pid])
    // five pings, and no more
    assert.equal(owner.messages.filter(({ ping }) => ping != null).length, 5)
    owner.say({ pong: {} })
    const back = await statusWhen(rig, 'it to be back', ({ snooperConnected }) => snooperConnected === true)
    assert.deepEqual([back.snooperSilent, back.overlayEntries, back.announced], [false, 1, 1])
    // the next frame is this one: there was no withdrawal
    owner.say({ remove: { keys: [entries[0]?.key ?? {}] } })
    assert.deepEqual(await bgpd.frame(), macIpDel(N, MAC, IP))
  })

  test('for the stale time loses its entries and its connection, so that it starts over', async () => {
    await using rig = new RelayRig()
    const [owner, bgpd] = await owned(rig, { client: 'test', answersPings: true }, '--stale-time', '1')
    assert.deepEqual(await bgpd.frame(), macIpDel(N, MAC, IP))
    const error = await owner.receive((message) => message.error)
    assert.match(error, /silent for the stale time/)
  })

  test('is replaced by another', async () => {
    await using rig = new RelayRig()
    await owned(rig, { client: 'test', answersPings: true })
    await statusWhen(rig, 'it to be silent', ({ snooperSilent }) => snooperSilent === true)
    const next = (await rig.control()).say({ own: { client: 'next' } })
    const handedBack = await next.receive((message) => message.handedBack?.entries)
    assert.equal(handedBack.length, 1)
    const status = await next.status()
    assert.deepEqual([status.snooperConnected, status.snooperSilent], [true, false])
  })

  test('is not judged if it is older than pings', async () => {
    await using rig = new RelayRig()
    const [owner] = await owned(rig, { client: 'test' })
    const { snooperConnected, snooperSilent } = await new Promise<proto.RelayStatus.$Properties>((resolve, reject) => {
      setTimeout(() => {
        rig
          .control()
          .then((peer) => peer.status())
          .then(resolve, reject)
      }, 7000)
    })
    assert.deepEqual([snooperConnected, snooperSilent], [true, false])
    assert.ok(owner.messages.every(({ ping }) => ping == null))
  })
})
