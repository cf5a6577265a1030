// Where frames begin, whatever happens to a worker or to the writer of a frame in the middle of it.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { overlay as proto } from '../../src/gen/overlay.js'
import { NUMBERS, OPENINGS, frame, hex, macIpAdd, macIpDel, vniAdd } from '../zapi/build.js'
import { type ControlPeer, type Inbox, RelayRig } from './rig.js'

const N = NUMBERS['8.4']
const MAC = 'bc:24:11:00:00:01'
const { hello, capabilities } = OPENINGS['8.4']
const put: proto.ToRelay.$Properties = {
  put: { entries: [{ key: { vni: 100, mac: hex(MAC), ip: Buffer.from([10, 2, 1, 11]) }, port: 'tap1' }] },
}
const announced = macIpAdd(N, MAC, '0a02010b')
const withdrawn = macIpDel(N, MAC, '0a02010b')
const after = frame(N.ROUTE_ADD, Buffer.from('after'))

async function mainSession(rig: RelayRig): Promise<{ bgpd: Inbox; zebra: Inbox }> {
  const server = await rig.startZebra()
  await rig.start()
  const bgpd = await rig.bgpd()
  bgpd.socket.write(hello)
  const zebra = await server.accept()
  await zebra.take(hello.length)
  const opening = Buffer.concat([capabilities, vniAdd(N), macIpAdd(N, MAC, '')])
  zebra.socket.write(opening)
  assert.deepEqual(await bgpd.take(opening.length), opening)
  return { bgpd, zebra }
}

async function owner(rig: RelayRig): Promise<ControlPeer> {
  const peer = (await rig.control()).say({ own: { client: 'test' } })
  await peer.receive((message) => message.synced)
  return peer
}

suite('the worker is killed while a frame is half through', () => {
  test('its successor injects behind the frame, not into it, however long its rest takes', async () => {
    await using rig = new RelayRig()
    const { bgpd, zebra } = await mainSession(rig)
    const route = frame(N.ROUTE_ADD, Buffer.alloc(100))
    for (const cut of [50, 100]) {
      zebra.socket.write(route.subarray(cut - 50, cut))
      assert.deepEqual(await bgpd.take(50), route.subarray(cut - 50, cut))
      await rig.killWorker()
    }
    const snooper = (await owner(rig)).say(put)
    await snooper.status()
    // longer than any silence within a frame was once believed to be possible
    await new Promise((resolve) => setTimeout(resolve, 300))
    assert.equal(bgpd.bytes.length, 0)
    zebra.socket.write(Buffer.concat([route.subarray(100), after]))
    assert.deepEqual(await bgpd.take(10), route.subarray(100))
    const frames = [await bgpd.frame(), await bgpd.frame()]
    assert.deepEqual(frames, frames[0]?.equals(after) === true ? [after, announced] : [announced, after])
    const status = await snooper.status()
    assert.equal(status.injecting, true)
    assert.equal(status.sessions?.[0]?.inSync, true)
  })

  test('with more frames on their way than its reader takes: each arrives once, and injection goes on', async () => {
    await using rig = new RelayRig()
    const { bgpd, zebra } = await mainSession(rig)
    bgpd.socket.pause()
    // pieces so small that no system call of the relay takes whole frames
    const many = Buffer.concat(
      Array.from({ length: 3000 }, (_, index) => frame(N.ROUTE_ADD, Buffer.alloc(index % 997))),
    )
    for (let offset = 0; offset < 40_000; offset += 7) zebra.socket.write(many.subarray(offset, offset + 7))
    zebra.socket.write(many.subarray(40_005))
    for (let kills = 0; kills < 2; kills++) await rig.killWorker()
    const snooper = (await owner(rig)).say(put)
    const { injecting, sessions } = await snooper.status()
    assert.equal(injecting, true, sessions?.[0]?.uncertain ?? '')
    bgpd.socket.resume()
    const sent = Buffer.concat([many.subarray(0, 40_005), many.subarray(40_005)])
    let ours = 0
    for (let offset = 0; offset < sent.length; ) {
      const one = await bgpd.frame()
      if (one.equals(announced)) {
        ours++
        continue
      }
      assert.deepEqual(one, sent.subarray(offset, offset + one.length))
      offset += one.length
    }
    if (ours === 0) assert.deepEqual(await bgpd.frame(), announced)
    assert.ok(ours <= 1)
    assert.equal((await snooper.status()).injecting, true)
  })

  test('of a watched message nothing is guessed: nothing is injected before it is known what bgpd has, and status says why', async () => {
    await using rig = new RelayRig()
    const { bgpd, zebra } = await mainSession(rig)
    const gone = macIpDel(N, MAC, '')
    zebra.socket.write(gone.subarray(0, 20))
    assert.deepEqual(await bgpd.take(20), gone.subarray(0, 20))
    await rig.killWorker()
    zebra.socket.write(gone.subarray(20))
    assert.deepEqual(await bgpd.take(gone.length - 20), gone.subarray(20))
    const status = await (await rig.control()).status()
    assert.equal(status.injecting, false)
    assert.match(status.sessions?.[0]?.uncertain ?? '', /half through when the worker ended/)
  })
})

test('the keeper, which forwards frames in parts without a worker, keeps count of where they begin', async () => {
  await using rig = new RelayRig()
  const { bgpd, zebra } = await mainSession(rig)
  const route = frame(N.ROUTE_ADD, Buffer.alloc(100))
  // the worker ends inside a frame of each direction
  for (const [from, to] of [
    [zebra, bgpd],
    [bgpd, zebra],
  ] as const) {
    from.socket.write(route.subarray(0, 50))
    assert.deepEqual(await to.take(50), route.subarray(0, 50))
  }
  await rig.killUntilPlain()
  const rest = Buffer.concat([route.subarray(50), after, route.subarray(0, 20)])
  zebra.socket.write(rest)
  assert.deepEqual(await bgpd.take(rest.length), rest)
  await rig.keeperUntil('a worker to serve', ({ plain, worker }) => plain === null && worker.state === 'serving')
  const peer = await rig.control()
  const isInSync = async (): Promise<boolean | null | undefined> => (await peer.status()).sessions?.[0]?.inSync
  assert.equal(await isInSync(), true)
  zebra.socket.write(Buffer.concat([route.subarray(20), after]))
  bgpd.socket.write(Buffer.concat([route.subarray(50), after]))
  assert.deepEqual(await bgpd.take(90), route.subarray(20))
  assert.deepEqual(await bgpd.frame(), after)
  assert.deepEqual(await zebra.take(60), route.subarray(50))
  assert.deepEqual(await zebra.frame(), after)
  const status = await peer.status()
  assert.equal(status.sessions?.[0]?.inSync, true)
  assert.equal(status.counters?.find(({ name }) => name === 'protocolErrors')?.value, 0)
})

suite('zebra stops in the middle of a message that is watched', () => {
  test('it passes in parts and is understood all the same; nothing stands between the parts', async () => {
    await using rig = new RelayRig()
    const { bgpd, zebra } = await mainSession(rig)
    const snooper = (await owner(rig)).say(put)
    assert.deepEqual(await bgpd.frame(), announced)
    const gone = macIpDel(N, MAC, '')
    // inside the header, and behind it
    for (const cut of [6, 20]) {
      zebra.socket.write(gone.subarray(0, cut))
      assert.deepEqual(await bgpd.take(cut), gone.subarray(0, cut))
      snooper.say({ remove: { keys: put.put?.entries?.map(({ key }) => key ?? {}) ?? [] } }).say(put)
      await snooper.status()
      zebra.socket.write(gone.subarray(cut))
      assert.deepEqual(await bgpd.take(gone.length - cut), gone.subarray(cut))
      assert.deepEqual(await bgpd.frame(), withdrawn)
      const add = macIpAdd(N, MAC, '')
      zebra.socket.write(add)
      assert.deepEqual([await bgpd.frame(), await bgpd.frame()], [add, announced])
    }
    assert.equal((await snooper.status()).sessions?.[0]?.inSync, true)
  })

  test('wake-ups by others do not shorten its time', async () => {
    await using rig = new RelayRig()
    const { bgpd, zebra } = await mainSession(rig)
    const snooper = await owner(rig)
    const gone = macIpDel(N, MAC, '')
    zebra.socket.write(gone.subarray(0, 20))
    const start = performance.now()
    let passed: number | undefined
    void bgpd.take(20).then(() => (passed = performance.now()))
    // each change of the overlay looks at the stream again
    while (passed === undefined) {
      snooper.say({ put: { entries: [{ ...put.put?.entries?.[0], observe: true }] } })
      await snooper.status()
    }
    assert.ok(passed - start >= 240, `${passed - start} ms`)
  })

  test('what should have been dropped is put right after it has passed', async () => {
    await using rig = new RelayRig()
    const { bgpd, zebra } = await mainSession(rig)
    ;(await owner(rig)).say(put)
    assert.deepEqual(await bgpd.frame(), announced)
    zebra.socket.write(withdrawn.subarray(0, 30))
    assert.deepEqual(await bgpd.take(30), withdrawn.subarray(0, 30))
    zebra.socket.write(withdrawn.subarray(30))
    assert.deepEqual(await bgpd.take(withdrawn.length - 30), withdrawn.subarray(30))
    assert.deepEqual(await bgpd.frame(), announced)
  })
})

test('boundaries that were lost are found again, and it is not certain then what bgpd has', async () => {
  await using rig = new RelayRig()
  const { bgpd, zebra } = await mainSession(rig)
  const said = Buffer.concat([Buffer.alloc(30), ...new Array<Buffer>(20).fill(after)])
  zebra.socket.write(said)
  assert.deepEqual(await bgpd.take(said.length), said)
  const status = await (await rig.control()).status()
  assert.equal(status.injecting, false)
  assert.match(status.sessions?.[0]?.uncertain ?? '', /frame length 0 is below 10/)
  assert.equal(status.sessions?.[0]?.inSync, true)
})
