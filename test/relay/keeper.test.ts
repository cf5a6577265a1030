// What may be missing around the relay while bgpd depends on it: the bytes pass all the same, and it mends itself.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, lstatSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { waitFor } from '../../lab/wait.js'
import { frame as messageFrame } from '../../src/control/framing.js'
import { overlay as proto } from '../../src/gen/overlay.js'
import { NUMBERS, OPENINGS, frame } from '../zapi/build.js'
import { maxUnanswered } from '../../src/relay/worker-process.js'
import { type ControlPeer, type FakeZebra, type Inbox, RelayRig } from './rig.js'

const N = NUMBERS['8.4']
const { hello, capabilities } = OPENINGS['8.4']

type Ends = { readonly bgpd: Inbox; readonly zebra: Inbox }
type Connected = Ends & { readonly server: FakeZebra }

const OTHER_USER = { uid: 65_534, gid: 65_534 }

/** A relay with one connection through it, running as another user if there is one. */
async function connected(rig: RelayRig, user?: number): Promise<Connected> {
  const server = await rig.startZebra()
  await rig.startAs(user)
  return connectedTo(rig, server)
}

async function connectedTo(rig: RelayRig, server: FakeZebra): Promise<Connected> {
  const bgpd = await rig.bgpd()
  bgpd.socket.write(hello)
  const zebra = await server.accept()
  assert.deepEqual(await zebra.take(hello.length), hello)
  zebra.socket.write(capabilities)
  assert.deepEqual(await bgpd.take(capabilities.length), capabilities)
  return { bgpd, zebra, server }
}

let marker = 0
/** Fails unless a frame passes in each direction. */
async function assertPasses({ bgpd, zebra }: Ends): Promise<void> {
  for (const [from, to] of [
    [bgpd, zebra],
    [zebra, bgpd],
  ] as const) {
    const sent = frame(N.ROUTE_ADD, Buffer.from(`frame ${marker++}`))
    from.socket.write(sent)
    assert.deepEqual(await to.frame(), sent)
  }
}

test('nothing connects to zebra but what bgpd asks for: zebra is not indifferent to a client that says nothing', async () => {
  await using rig = new RelayRig()
  const server = await rig.startZebra()
  for (let starts = 0; starts < 2; starts++) {
    await rig.start()
    rig.signal('SIGTERM')
    await rig.exited()
  }
  await rig.start()
  await connectedTo(rig, server)
  await rig.killWorker()
  assert.equal(server.connections, 1)
})

/** Sends everything back, and lets one connection wait besides the one that is next. */
const ECHO = `
const server = require('node:net').createServer((socket) => socket.pipe(socket))
server.listen({ path: process.argv[1], backlog: 1 }, () => console.log('listening'))`

/** Kills the worker, and stops its successor before it is lent anything. Resolves with the successor's process id. */
async function stopAtStart(rig: RelayRig): Promise<number> {
  const before = await rig.workerPid()
  process.kill(before, 'SIGKILL')
  const { worker } = await rig.keeperUntil(
    'the next worker to start',
    ({ worker }) => worker.state === 'starting' && worker.pid !== null && worker.pid !== before,
  )
  assert.ok(worker.pid !== null)
  process.kill(worker.pid, 'SIGSTOP')
  return worker.pid
}

const descriptors = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length

suite('bytes pass', () => {
  test('when a second relay with the same run directory was started, and has touched nothing', async () => {
    await using rig = new RelayRig()
    const ends = await connected(rig)
    const before = readdirSync(rig.dir)
    const second = new RelayRig(rig.dir)
    assert.equal(await second.run(), 5)
    assert.match(second.log, /another relay uses this run directory/)
    assert.deepEqual(readdirSync(rig.dir), before)
    await rig.killWorker()
    await assertPasses(ends)
  })

  test('when the run directory was emptied; the sockets come back, and bgpd can connect again', async () => {
    await using rig = new RelayRig()
    const ends = await connected(rig)
    const workerPid = await rig.workerPid()
    for (const name of readdirSync(rig.dir)) if (name !== 'zebra') rmSync(join(rig.dir, name), { recursive: true })
    process.kill(workerPid, 'SIGKILL')
    await assertPasses(ends)
    const again = await rig.bgpd()
    again.socket.write(hello)
    assert.notEqual(await rig.workerPid(), workerPid)
    assert.equal((await rig.keeper()).connections, 2)
  })

  test('when the journal cannot be read, written or replaced', async () => {
    await using rig = new RelayRig()
    const ends = await connected(rig)
    rmSync(rig.path('journal'))
    mkdirSync(join(rig.path('journal'), 'in-the-way'), { recursive: true })
    await rig.killWorker()
    await assertPasses(ends)
    const status = await (await rig.control()).status()
    assert.ok((status.counters?.find(({ name }) => name === 'journalErrors')?.value ?? 0) > 0)
  })

  test('when a FIFO, which would block whoever opens it, is in place of the journal', async () => {
    await using rig = new RelayRig()
    const ends = await connected(rig)
    const workerPid = await rig.workerPid()
    rmSync(rig.path('journal'))
    execFileSync('mkfifo', [rig.path('journal')])
    process.kill(workerPid, 'SIGKILL')
    await rig.keeperUntil(
      'a successor to serve',
      ({ worker: { pid, state } }) => pid !== workerPid && state === 'serving',
    )
    await assertPasses(ends)
    await waitFor(
      'a journal in its place',
      () => lstatSync(rig.path('journal'), { throwIfNoEntry: false })?.isFile(),
      (isFile) => isFile === true,
    )
  })

  for (const [what, resource, none, enough] of [
    ['descriptor is left for', 'nofile', 8, 1024],
    ['process may be started for', 'nproc', 1, 1024],
  ] as const)
    test(`when no ${what} a new worker: the keeper forwards until it is`, async () => {
      await using rig = new RelayRig()
      // root may always start processes
      const ends = await connected(rig, OTHER_USER.uid)
      const limit = (value: number): unknown =>
        execFileSync('prlimit', ['--pid', String(rig.keeperPid), `--${resource}=${value}:`], OTHER_USER)
      limit(none)
      process.kill(await rig.workerPid(), 'SIGKILL')
      await assertPasses(ends)
      limit(enough)
      // bytes have passed that no worker has seen: it says so, and injects nothing
      await waitFor(
        'a worker to serve again',
        async () => (await (await rig.control()).status()).sessions?.[0]?.uncertain,
        (why) => why?.includes('no worker served') === true,
        { timeoutMs: 30_000, context: () => rig.log },
      )
      await assertPasses(ends)
    })

  test('when workers end at once, again and again, and a worker serves again later', async () => {
    await using rig = new RelayRig()
    const { server, ...ends } = await connected(rig)
    await rig.killUntilPlain()
    await assertPasses(ends)
    // one that begins meanwhile is known by its first messages
    const begun = { bgpd: await rig.bgpd(), zebra: await server.accept() }
    begun.bgpd.socket.write(hello)
    assert.deepEqual(await begun.zebra.frame(), hello)
    begun.zebra.socket.write(capabilities)
    assert.deepEqual(await begun.bgpd.frame(), capabilities)
    await assertPasses(begun)
    await rig.keeperUntil('a worker to serve', ({ plain, worker }) => plain === null && worker.state === 'serving')
    await assertPasses(ends)
    const { sessions } = await (await rig.control()).status()
    assert.equal(sessions?.length, 2)
    for (const { uncertain, kind } of sessions) {
      assert.match(uncertain ?? '', /no worker served/)
      assert.equal(kind, 'main')
    }
  })

  test('of connections that begin while a worker takes over', async () => {
    await using rig = new RelayRig()
    const server = await rig.startZebra()
    await rig.start()
    for (let round = 0; round < 5; round++) {
      const before = await rig.workerPid()
      process.kill(before, 'SIGKILL')
      // they arrive before, between and after the steps of the new worker's start
      for (let isNew = false; !isNew; ) {
        const bgpd = await rig.bgpd()
        bgpd.socket.write(hello)
        assert.deepEqual(await (await server.accept()).frame(), hello)
        bgpd.socket.destroy()
        const { worker } = await rig.keeper()
        isNew = worker.state === 'serving' && worker.pid !== before
      }
    }
  })

  test('when the worker is stopped: it is replaced', async () => {
    await using rig = new RelayRig()
    const ends = await connected(rig)
    process.kill(await rig.workerPid(), 'SIGSTOP')
    await assertPasses(ends)
    assert.match(rig.log, /the worker hangs; it is killed/)
  })

  test('when a worker takes its time to start: they wait for it, and nothing is forwarded unseen', async () => {
    await using rig = new RelayRig()
    const ends = await connected(rig)
    const starting = await stopAtStart(rig)
    await sleep(4000)
    process.kill(starting, 'SIGCONT')
    await assertPasses(ends)
    assert.doesNotMatch(rig.log, /forwards the bytes itself/)
    const { sessions } = await (await rig.control()).status()
    assert.equal(sessions?.[0]?.uncertain, '')
  })

  test('when a worker hangs at its start', async () => {
    await using rig = new RelayRig()
    const ends = await connected(rig)
    await stopAtStart(rig)
    await assertPasses(ends)
    assert.match(rig.log, /forwards the bytes itself/)
  })

  test('when signals arrive that end other programs', async () => {
    await using rig = new RelayRig()
    const ends = await connected(rig)
    const pids = [rig.keeperPid, await rig.workerPid()]
    for (const signal of ['SIGHUP', 'SIGQUIT', 'SIGALRM', 'SIGUSR1', 'SIGUSR2', 'SIGXFSZ'] as const)
      for (const pid of pids) process.kill(pid, signal)
    await assertPasses(ends)
    assert.deepEqual([rig.keeperPid, await rig.workerPid()], pids)
    assert.doesNotMatch(rig.log, /Debugger/)
  })
})

test('a worker that is stopped does not keep the relay from ending', async () => {
  await using rig = new RelayRig()
  const { bgpd } = await connected(rig)
  process.kill(await rig.workerPid(), 'SIGSTOP')
  rig.signal('SIGTERM')
  await bgpd.end()
  assert.equal(await rig.exited(), 0)
})

test('connections wait while zebra accepts none, as they would without the relay', async () => {
  await using rig = new RelayRig()
  const zebra = spawn(process.execPath, ['-e', ECHO, rig.path('zebra')], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    await once(zebra.stdout, 'data')
    await rig.start()
    zebra.kill('SIGSTOP')
    const waiting: Inbox[] = []
    // more than the queue of connections has room for
    for (let count = 0; count < 5; count++) {
      const bgpd = await rig.bgpd()
      bgpd.socket.write(hello)
      waiting.push(bgpd)
    }
    await waitFor(
      'the queue to be full',
      () => execFileSync('ss', ['--listening', '--unix', '--no-header', `src = ${rig.path('zebra')}`]).toString(),
      (listening) => / LISTEN +2 +1 /.test(listening),
    )
    zebra.kill('SIGCONT')
    for (const bgpd of waiting) assert.deepEqual(await bgpd.frame(), hello)
  } finally {
    zebra.kill('SIGKILL')
  }
})

test('connections that zebra does not take cost no descriptors', async () => {
  await using rig = new RelayRig()
  await rig.start()
  await rig.keeper()
  const before = descriptors(rig.keeperPid)
  for (let count = 0; count < 100; count++) await (await rig.bgpd()).end()
  await waitFor(
    'all to be closed',
    () => descriptors(rig.keeperPid),
    (count) => count <= before,
  )
})

test('a zebra that is away is logged once, however often bgpd tries, and once more when it is back', async () => {
  await using rig = new RelayRig()
  await rig.start()
  for (let count = 0; count < 5; count++) await (await rig.bgpd()).end()
  await assertPasses(await connectedTo(rig, await rig.startZebra()))
  await waitFor(
    'the log to have both',
    () => rig.log.match(/zebra does not answer|bgpd is connected to zebra again/g),
    (lines) => lines?.at(-1) === 'bgpd is connected to zebra again' && lines.length === 2,
    { context: () => rig.log },
  )
  assert.match(rig.log, /"refused":5/)
})

suite('the control socket', () => {
  test('of many requests at once, some wait while bytes pass', async () => {
    await using rig = new RelayRig()
    const { bgpd, zebra } = await connected(rig)
    const requests = 20_000
    const peer = await rig.control()
    const request = messageFrame(proto.ToRelay.encode({ getStatus: {} }).finish())
    peer.socket.write(Buffer.concat(new Array<Buffer>(requests).fill(request)))
    await peer.receive(({ status }) => status)
    const sent = frame(N.ROUTE_ADD, Buffer.from('in between'))
    zebra.socket.write(sent)
    assert.deepEqual(await bgpd.frame(), sent)
    assert.ok(peer.messages.length < requests - 1, 'all were answered first')
  })

  test('full of idle clients, makes room for one that asks', async () => {
    await using rig = new RelayRig()
    await connected(rig)
    const idle: ControlPeer[] = []
    for (let count = 0; count < 64; count++) idle.push(await rig.control())
    const status = await (await rig.control()).status()
    assert.ok(status.workerPid !== undefined)
    await waitFor(
      'one idle client to be disconnected',
      () => idle.filter(({ socket }) => socket.destroyed).length,
      (count) => count === 1,
    )
  })
})

test('clients of the keeper that talk on and on are few at once, and disconnected', async () => {
  await using rig = new RelayRig()
  const ends = await connected(rig)
  await rig.keeper()
  const before = descriptors(rig.keeperPid)
  const sockets = Array.from({ length: 200 }, () => connect({ path: rig.path('keeper.sock'), allowHalfOpen: true }))
  const talk = setInterval(() => {
    for (const socket of sockets) if (socket.writable) socket.write('x')
  }, 100)
  try {
    await Promise.all(
      sockets.map((socket) => new Promise((resolve) => socket.on('error', resolve).on('end', resolve).resume())),
    )
    assert.ok(descriptors(rig.keeperPid) <= before + 64, `${descriptors(rig.keeperPid)}`)
    await waitFor(
      'all to be disconnected',
      () => descriptors(rig.keeperPid),
      (count) => count <= before,
    )
    assert.equal((await rig.keeper()).pid, rig.keeperPid)
    await assertPasses(ends)
  } finally {
    clearInterval(talk)
    for (const socket of sockets) socket.destroy()
  }
})

test('a worker has as long to answer as it took to start: a slow machine does not lose it for being slow', () => {
  const pingsPerSecond = 2
  const seconds = (startMs: number | undefined): number => maxUnanswered(startMs) / pingsPerSecond
  assert.equal(seconds(undefined), 120)
  assert.equal(seconds(300), 2)
  assert.equal(seconds(22_000), 22)
  assert.equal(seconds(110_000), 30)
})
