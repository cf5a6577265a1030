// What the relay gives to those who want to see recent messages.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { suite, test } from 'node:test'
import { type ExchangeRecord, RecordKind, decodeGap, decodeRecords } from '../../src/record/zapi-records.js'
import { NUMBERS, OPENINGS, frame, hex, macIpAdd, macIpDel, vniAdd } from '../zapi/build.js'
import { type ControlPeer, type Inbox, RelayRig } from './rig.js'

const N = NUMBERS['8.4']
const MAC = 'bc:24:11:00:00:01'
const KEY = { vni: 100, mac: hex(MAC), ip: Buffer.from([10, 2, 1, 11]) }
const { hello, capabilities } = OPENINGS['8.4']
const ALL = 0xffffffff

async function connected(rig: RelayRig, ...args: string[]): Promise<{ bgpd: Inbox; zebra: Inbox }> {
  const server = await rig.startZebra()
  await rig.start(...args)
  const bgpd = await rig.bgpd()
  bgpd.socket.write(hello)
  const zebra = await server.accept()
  await zebra.take(hello.length)
  zebra.socket.write(capabilities)
  await bgpd.take(capabilities.length)
  return { bgpd, zebra }
}

/** The records up to what was there when asked, and how many were lost. */
async function recorded(peer: ControlPeer): Promise<{ records: ExchangeRecord[]; lost: number }> {
  const records: ExchangeRecord[] = []
  let lost = 0
  await peer.receive((message) => {
    records.push(...decodeRecords(Buffer.from(message.records?.records ?? [])))
    lost += message.records?.lost ?? 0
    return message.synced
  })
  return { records, lost }
}

async function recent(rig: RelayRig): Promise<ExchangeRecord[]> {
  return (await recorded((await rig.control()).say({ dump: { last: ALL } }))).records
}

/** The number of the relay's only session. */
async function onlySession(rig: RelayRig): Promise<number> {
  const [session, ...others] = (await (await rig.control()).status()).sessions ?? []
  assert.ok(session?.id != null && others.length === 0)
  return session.id
}

const shape = ({ kind, session, bytes }: ExchangeRecord): [RecordKind, number, string] => [
  kind,
  session,
  bytes.toString('hex'),
]

suite('recent messages', () => {
  test('what passed, what was injected and what was dropped, in the order bgpd saw it', async () => {
    await using rig = new RelayRig()
    const { bgpd, zebra } = await connected(rig)
    zebra.socket.write(Buffer.concat([vniAdd(N), macIpAdd(N, MAC, '')]))
    await bgpd.frame()
    await bgpd.frame()
    const snooper = (await rig.control()).say({ own: { client: 'test' } })
    await snooper.receive((message) => message.synced)
    snooper.say({ put: { entries: [{ key: KEY, port: 'tap1' }] } })
    const ours = await bgpd.frame()
    const after = frame(N.ROUTE_ADD, Buffer.from('after'))
    zebra.socket.write(Buffer.concat([macIpDel(N, MAC, '0a02010b'), after]))
    assert.deepEqual(await bgpd.frame(), after)
    snooper.say({ remove: { keys: [KEY] } })
    const withdrawn = await bgpd.frame()
    const id = await onlySession(rig)
    bgpd.socket.end()
    zebra.socket.end()
    await bgpd.end()
    // the session ends in the relay when both ends have been passed on
    await zebra.end()
    const peer = await rig.control()
    while (((await peer.status()).sessions ?? []).length > 0);
    const records = await recent(rig)
    const events = records.filter(({ kind }) => kind !== RecordKind.overlayPut && kind !== RecordKind.overlayRemove)
    assert.deepEqual(events.map(shape), [
      [RecordKind.opened, id, ''],
      [RecordKind.toZebra, id, hello.toString('hex')],
      [RecordKind.toBgpd, id, capabilities.toString('hex')],
      [RecordKind.toBgpd, id, vniAdd(N).toString('hex')],
      [RecordKind.toBgpd, id, macIpAdd(N, MAC, '').toString('hex')],
      [RecordKind.injected, id, ours.toString('hex')],
      [RecordKind.dropped, id, macIpDel(N, MAC, '0a02010b').toString('hex')],
      [RecordKind.toBgpd, id, after.toString('hex')],
      [RecordKind.injected, id, withdrawn.toString('hex')],
      [RecordKind.closed, id, ''],
    ])
    const overlay = records.filter((record) => !events.includes(record)).map(({ kind }) => kind)
    assert.deepEqual(overlay, [RecordKind.overlayPut, RecordKind.overlayRemove])
  })

  test('a frame that passes in parts is missing, and said to be', async () => {
    await using rig = new RelayRig()
    const { bgpd, zebra } = await connected(rig)
    const route = frame(N.ROUTE_ADD, Buffer.alloc(100))
    const after = frame(N.ROUTE_ADD, Buffer.from('after'))
    zebra.socket.write(route.subarray(0, 50))
    await bgpd.take(50)
    zebra.socket.write(Buffer.concat([route.subarray(50), after]))
    await bgpd.take(60 + after.length)
    const [gap, last] = (await recent(rig)).slice(-2)
    assert.equal(gap?.kind, RecordKind.gap)
    assert.deepEqual(decodeGap(gap.bytes), { lost: 0, inParts: 1 })
    assert.deepEqual(last?.bytes, after)
    const status = await (await rig.control()).status()
    assert.equal(status.counters?.find(({ name }) => name === 'framesInParts')?.value, 1)
  })

  test('the last ones only; the sessions are described with what they began with', async () => {
    await using rig = new RelayRig()
    const { bgpd, zebra } = await connected(rig)
    const routes = Array.from({ length: 10 }, (_, index) => frame(N.ROUTE_ADD, Buffer.from([index])))
    zebra.socket.write(Buffer.concat(routes))
    for (const route of routes) assert.deepEqual(await bgpd.frame(), route)
    const peer = (await rig.control()).say({ dump: { last: 3 } })
    const [described] = await peer.receive((message) => message.records?.sessions)
    assert.deepEqual(
      [
        described?.id,
        Buffer.from(described?.hello ?? []),
        Buffer.from(described?.capabilities ?? []),
        described?.release,
      ],
      [await onlySession(rig), hello, capabilities, '8.4'],
    )
    const { records } = await recorded(peer)
    assert.deepEqual(
      records.map(({ bytes }) => bytes),
      routes.slice(-3),
    )
  })

  test('--recent 0 keeps none, and who asks is told what to do', async () => {
    await using rig = new RelayRig()
    const { bgpd, zebra } = await connected(rig, '--recent', '0')
    const peer = (await rig.control()).say({ dump: { last: ALL } })
    assert.match(await peer.receive((message) => message.error), /keeps no recent messages; set relay.recent/)
    zebra.socket.write(vniAdd(N))
    assert.deepEqual(await bgpd.frame(), vniAdd(N))
  })

  test('one dump for one connection', async () => {
    await using rig = new RelayRig()
    await connected(rig)
    const peer = (await rig.control()).say({ dump: { follow: true } }).say({ dump: { follow: true } })
    assert.match(await peer.receive((message) => message.error), /one dump for one connection/)
  })
})

suite('a client that follows', () => {
  test('gets what comes', async () => {
    await using rig = new RelayRig()
    const { zebra } = await connected(rig)
    const peer = (await rig.control()).say({ dump: { follow: true } })
    assert.deepEqual((await recorded(peer)).records, [])
    for (const body of ['one', 'two']) {
      const sent = frame(N.ROUTE_ADD, Buffer.from(body))
      zebra.socket.write(sent)
      const records = await peer.receive((message) => message.records?.records)
      assert.deepEqual(
        [...decodeRecords(Buffer.from(records))].map(({ bytes }) => bytes),
        [sent],
      )
    }
  })

  test('and does not read while 100,000 frames pass: all pass, and it is told what it has lost', async () => {
    await using rig = new RelayRig()
    const { bgpd, zebra } = await connected(rig, '--recent', '1M')
    const peer = await rig.control()
    peer.say({ dump: { follow: true } })
    await recorded(peer)
    peer.socket.pause()
    const frames = 100_000
    const size = 100
    let received = 0
    bgpd.socket.removeAllListeners('data')
    const all = new Promise<void>((resolve) => {
      bgpd.socket.on('data', (chunk: Buffer) => {
        received += chunk.length
        if (received === frames * size) resolve()
      })
    })
    for (let sent = 0; sent < frames; sent += 500) {
      const batch = Array.from({ length: 500 }, (_, index) => {
        const body = Buffer.alloc(size - 10)
        body.writeUInt32BE(sent + index)
        return frame(N.ROUTE_ADD, body)
      })
      if (!zebra.socket.write(Buffer.concat(batch))) await once(zebra.socket, 'drain')
    }
    await all
    const last = frame(N.VNI_DEL, Buffer.from([0, 0, 0, 100]))
    zebra.socket.write(last)
    peer.socket.resume()
    let [seen, lost] = [0, 0]
    await peer.receive(({ records }) => {
      lost += records?.lost ?? 0
      const found = [...decodeRecords(Buffer.from(records?.records ?? []))]
      seen += found.length
      return found.some(({ bytes }) => bytes.equals(last)) || undefined
    })
    assert.ok(lost > 0)
    // each frame has one record, be it that it passed in parts
    assert.equal(seen + lost, frames + 1)
  })
})
