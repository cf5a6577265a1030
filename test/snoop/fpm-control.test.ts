// The snooper's control socket about zebra's FPM connection: a stand-in for zebra tells, macipctl's questions ask.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { askFpm, askSnooper } from '../../src/cli/queries.js'
import { frame as framed } from '../../src/control/framing.js'
import { ExitCode, FatalError } from '../../src/base/exit.js'
import { decodeFpmRecords, FpmRecordKind } from '../../src/record/fpm-records.js'
import { snoop as proto } from '../../src/gen/snoop.js'
import { Deframer } from '../../src/control/framing.js'
import { listenSnoopControl } from '../../src/snoop/control.js'
import { fpmStatusToProto } from '../../src/control/fpm-codec.js'
import { FpmSource, type FpmSourceOptions } from '../../src/snoop/fpm-source.js'
import { Awaited, silent, tempDir } from '../support.js'
import { FakeZebra } from '../fpm/rig.js'
import { readFileSync } from 'node:fs'
import { eachFrame } from '../../src/fpm/frame.js'
import { ROOT } from '../../lab/frr.js'
import { subject } from './subject.js'

const STREAM = readFileSync(join(ROOT, 'test/fixtures/fpm/10.3/dplane_fpm_nl-first-1.bin'))
const FRAMES = [...eachFrame(STREAM)]
const MAC = { mac: 'bc:24:11:00:00:02' }

type Scene = { path: string; port: number; source: FpmSource; news: Awaited }

async function scene(t: TestContext, changes: Partial<FpmSourceOptions> = {}): Promise<Scene> {
  const path = join(tempDir(t), 'snoop.sock')
  const news = new Awaited()
  const options: FpmSourceOptions = {
    listen: [{ ip: '127.0.0.1', port: 0 }],
    allowRemote: false,
    forward: undefined,
    ...{ ensure: false, vty: '/nowhere' },
    recentBytes: 1 << 20,
    ...changes,
  }
  const source = await FpmSource.open(options, silent, () => {
    news.changed()
  })
  t.after(() => source.close())
  const it = subject({ fpm: () => source })
  const server = await listenSnoopControl(path, it, () => ({ fpm: fpmStatusToProto(source) }), silent)
  t.after(() => server.close())
  return { path, port: source.status()?.listening[0]?.port ?? 0, source, news }
}

/** zebra has told everything, and it is in the view. */
async function told(t: TestContext, { port, source, news }: Scene): Promise<FakeZebra> {
  const zebra = await FakeZebra.connect(t, port)
  zebra.send(STREAM)
  await news.until(() => source.view?.status().macs === 1)
  return zebra
}

test('status, MACs, routes and nexthops, and what is asked for of them', async (t) => {
  const it = await scene(t)
  await told(t, it)
  const status = await askSnooper(it.path)
  assert.ok(status.running)
  assert.deepEqual([status.fpm.phase, status.fpm.format, status.fpm.macs], ['replaying', 'netlink', 1])
  assert.ok(Math.abs(status.fpm.since - Date.now()) < 60_000)

  const macs = await askFpm(it.path, { what: 'macs' })
  assert.ok(macs.running)
  const [{ at, ...mac } = { at: 0 }] = macs.macs
  assert.ok(Math.abs(at - Date.now()) < 60_000)
  assert.deepEqual(mac, {
    ...{ vni: 100, mac: MAC.mac, vtep: '192.0.2.2', nexthopId: null, vlan: null, sticky: false, router: false },
    ifindex: (mac as { ifindex: number }).ifindex,
    freshness: 'replayed',
  })
  const routes = await askFpm(it.path, { what: 'routes', address: { ip: '203.0.113.7' } })
  assert.ok(routes.running)
  const [route, ...others] = routes.routes
  assert.deepEqual(others, [])
  assert.deepEqual([route?.table, route?.resolved, route?.paths.length], [254, true, 2])
  const nexthops = await askFpm(it.path, { what: 'nexthops' })
  assert.ok(nexthops.running)
  assert.ok(nexthops.nexthops.some(({ group }) => group.length === 2))

  const count = async (...question: Parameters<typeof askFpm>[1][]): Promise<number[]> =>
    Promise.all(
      question.map(async (each) => {
        const answer = await askFpm(it.path, each)
        assert.ok(answer.running)
        return answer.macs.length + answer.routes.length + answer.nexthops.length
      }),
    )
  assert.deepEqual(
    await count(
      { what: 'macs', address: MAC },
      { what: 'macs', address: { ip: '192.0.2.2' }, vni: 100 },
      { what: 'macs', vni: 101 },
      { what: 'routes', address: MAC },
      { what: 'routes', table: 7 },
      { what: 'status' },
    ),
    [1, 1, 0, 0, 0, 0],
  )
})

/** Everything that is answered until `enough`, or the end. */
async function answers(
  path: string,
  questions: readonly (proto.ToSnoop.$Properties | Buffer)[],
  enough: (all: readonly proto.FromSnoop[]) => boolean = () => false,
): Promise<proto.FromSnoop[]> {
  const socket = connect(path)
  for (const it of questions) socket.write(framed(Buffer.isBuffer(it) ? it : proto.ToSnoop.encode(it).finish()))
  const deframer = new Deframer()
  const all: proto.FromSnoop[] = []
  for await (const chunk of socket) {
    deframer.feed(chunk as Buffer, (bytes) => all.push(proto.FromSnoop.decode(bytes)))
    if (enough(all)) break
  }
  socket.destroy()
  return all
}

test('questions that make no sense are refused', async (t) => {
  const it = await scene(t)
  for (const [question, why] of [
    [{ getFpm: {} }, 'FPM has no such table; known are routes, macs, nexthops, status'],
    [{ getFpm: { what: '__proto__' } }, 'FPM has no such table; known are routes, macs, nexthops, status'],
    [{ getFpm: { what: 'macs', mac: Buffer.alloc(5) } }, 'a MAC address has 6 bytes, not 5'],
    [{ getFpm: { what: 'routes', ip: Buffer.alloc(3) } }, 'an IP address has 4 or 16 bytes, not 3'],
    [{ getFpm: { what: 'macs', vni: 1 << 24 } }, 'a VNI is at most 16777215, not 16777216'],
  ] as const)
    assert.deepEqual(
      (await answers(it.path, [question])).map(({ error }) => error),
      [why],
    )
  const dump = { fpmDump: { follow: true } }
  assert.equal((await answers(it.path, [dump, dump])).at(-1)?.error, 'one question at a time')
  const after = await answers(it.path, [{ fpmDump: {} }], (all) => all.some(({ end }) => end != null))
  assert.ok(after.length > 0)
})

test('a dump has the frames as they came, with their times, and follows', async (t) => {
  const it = await scene(t)
  const zebra = await told(t, it)
  const last = FRAMES.at(-1) ?? Buffer.alloc(0)
  const frames = (all: readonly proto.FromSnoop[]): Buffer[] =>
    all
      .flatMap(({ fpmRecords }) =>
        fpmRecords?.records == null ? [] : [...decodeFpmRecords(Buffer.from(fpmRecords.records))],
      )
      .flatMap(({ kind, bytes, connection, time }) => {
        assert.equal(connection, 1)
        assert.ok(Math.abs(time - Date.now()) < 60_000)
        return kind === FpmRecordKind.frame ? [bytes] : []
      })
  const before = await answers(it.path, [{ fpmDump: { last: 0xffffffff } }], (all) =>
    all.some(({ end }) => end != null),
  )
  assert.deepEqual(frames(before), FRAMES)
  let sent = false
  const followed = await answers(it.path, [{ fpmDump: { follow: true } }], (all) => {
    if (!sent && all.some(({ end }) => end != null)) zebra.send(last)
    sent ||= all.some(({ end }) => end != null)
    return frames(all).length > 0
  })
  assert.deepEqual(frames(followed), [last])
})

test('who does not read loses frames, is told how many, and costs nothing else', async (t) => {
  const it = await scene(t, { recentBytes: 64 << 10 })
  const zebra = await told(t, it)
  const socket = connect(it.path)
  socket.pause()
  await once(socket, 'connect')
  socket.write(framed(proto.ToSnoop.encode({ fpmDump: { follow: true } }).finish()))
  const many = Buffer.concat(Array.from({ length: 2000 }, () => STREAM))
  const frames = (): number => it.source.status()?.counters.frames ?? 0
  zebra.send(many)
  for (;;) {
    await new Promise<void>((resolve) => setImmediate(resolve))
    if (frames() === 2001 * FRAMES.length && it.source.status()?.backlog === 0) break
  }
  const deframer = new Deframer()
  let [records, lost] = [0, 0]
  for await (const chunk of socket.resume()) {
    deframer.feed(chunk as Buffer, (bytes) => {
      const { fpmRecords } = proto.FromSnoop.decode(bytes)
      if (fpmRecords?.records != null) records += [...decodeFpmRecords(Buffer.from(fpmRecords.records))].length
      lost += fpmRecords?.lost ?? 0
    })
    if (records + lost >= 2000 * FRAMES.length) break
  }
  socket.destroy()
  assert.equal(records + lost, 2000 * FRAMES.length)
})

test('what is not there is said: not wanted, not listening, no frames kept', async (t) => {
  const off = await scene(t, { listen: 'none' })
  const answer = await askFpm(off.path, { what: 'macs' })
  assert.ok(answer.running && answer.status.off)
  assert.match(
    (await answers(off.path, [{ fpmDump: {} }]))[0]?.error ?? '',
    /^it does not listen for FPM; see fpm.listen/,
  )
  const none = await scene(t, { recentBytes: 0 })
  assert.match((await answers(none.path, [{ fpmDump: {} }]))[0]?.error ?? '', /^it keeps no recent FPM frames/)
})

test('an address that another server has: fatal where it was given', async (t) => {
  const first = await scene(t)
  const options = { allowRemote: false, forward: undefined, ensure: false, vty: '/nowhere', recentBytes: 0 }
  const given = FpmSource.open({ listen: [{ ip: '127.0.0.1', port: first.port }], ...options }, silent, () => undefined)
  await assert.rejects(given, (error) => error instanceof FatalError && error.exitCode === ExitCode.socketBusy)
})
