import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test, type TestContext } from 'node:test'
import { pino } from 'pino'
import { ExitCode, FatalError } from '../../src/base/exit.js'
import { Fpm, type FpmEvents, type FpmOptions } from '../../src/fpm/fpm.js'
import { DEFAULT_ADDRESSES, FPM_PORT } from '../../src/fpm/listener.js'
import type { FpmMessage } from '../../src/fpm/message.js'
import type { FpmChange } from '../../src/fpm/view.js'
import { Awaited, silent } from '../support.js'
import { frame, hostRoute, mac } from './build.js'
import { FakeZebra, startFpm } from './rig.js'

const HOST = frame(1, hostRoute('10.2.1.21', ['192.0.2.2']))
const OTHER = frame(1, hostRoute('10.2.1.22', ['192.0.2.2']))
const NONSENSE = frame(1, Buffer.alloc(16, 0xff))

/** Listens, and keeps everything that is said. */
async function listening(
  t: TestContext,
  options: Partial<FpmOptions> = {},
): Promise<{ fpm: Fpm; port: number; news: Awaited; frames: Buffer[]; messages: FpmMessage[]; changes: FpmChange[] }> {
  const [frames, messages, changes]: [Buffer[], FpmMessage[], FpmChange[]] = [[], [], []]
  const news = new Awaited()
  const events: FpmEvents = {
    onFrame(bytes) {
      frames.push(bytes)
      news.changed()
    },
    onMessage(message) {
      messages.push(message)
      news.changed()
    },
    onChange(change) {
      changes.push(change)
      news.changed()
    },
  }
  return { ...(await startFpm(t, options, events)), news, frames, messages, changes }
}

const log = (): { log: FpmOptions['log']; lines: string[] } => {
  const lines: string[] = []
  return { lines, log: pino({ level: 'info' }, { write: (line: string) => lines.push(line) }) }
}

test('what zebra says comes out as frames, messages, changes and in the view; its end makes it stale', async (t) => {
  const { fpm, port, news, frames, messages, changes } = await listening(t)
  const zebra = await FakeZebra.connect(t, port)
  const both = frame(1, hostRoute('10.2.1.21', [], { gone: true }), mac('bc2411000002'))
  zebra.send(HOST, both)
  await news.until(() => messages.length === 3)
  assert.deepEqual(frames, [HOST, both])
  assert.deepEqual(
    changes.map((change) => (change.type === 'phase' ? change.phase : `${change.type} ${change.update}`)),
    ['replaying', 'host-route added', 'host-route removed', 'mac added'],
  )
  const { counters, format, peer, view } = fpm.status()
  assert.equal(format, 'netlink')
  assert.match(peer ?? '', /^127\.0\.0\.1:\d+$/)
  assert.deepEqual([view.macs, view.hostRoutes, view.phase], [1, 0, 'replaying'])
  assert.deepEqual([counters.connections, counters.frames, counters.bytes], [1, 2, HOST.length + both.length])
  assert.deepEqual([counters.messages.route, counters.messages.mac], [2, 1])
  await zebra.close()
  await news.until(() => fpm.view.phase === 'disconnected')
  assert.equal(fpm.status().peer, undefined)
})

/** Connects to `port` as a user, and stays until it is refused. */
function connectAs(t: TestContext, uid: number, port: number): { child: ChildProcess; refused: Promise<unknown> } {
  const script = `require('net').connect(${port}, '127.0.0.1').on('error', () => {}).on('close', () => process.exit())`
  const child = spawn('setpriv', [`--reuid=${uid}`, '--clear-groups', process.execPath, '-e', script], {
    stdio: 'ignore',
  })
  t.after(() => child.kill('SIGKILL'))
  return { child, refused: once(child, 'exit') }
}

test('only who may is believed, as the kernel knows him: others are refused, counted, and logged once', async (t) => {
  const { log: told, lines } = log()
  const [ours, others] = [4711, 4712]
  const { fpm, port, news } = await listening(t, { mayConnect: (uid) => uid === ours, log: told })
  await connectAs(t, others, port).refused
  await connectAs(t, others, port).refused
  assert.deepEqual(
    [fpm.status().counters.refused, fpm.status().counters.connections, fpm.view.phase],
    [2, 0, 'disconnected'],
  )
  connectAs(t, ours, port)
  await news.until(() => fpm.view.phase === 'replaying')
  await connectAs(t, others, port).refused
  assert.deepEqual([fpm.status().counters.refused, fpm.status().counters.connections], [3, 1])
  assert.equal(fpm.view.phase, 'replaying')
  const refusals = lines
    .map((line) => JSON.parse(line) as { user?: number; level: number })
    .filter(({ level }) => level > 30)
  assert.deepEqual(
    refusals.map(({ user }) => user),
    [others],
  )
})

test('who has said something and closed before anybody looked is not taken for root', async (t) => {
  for (const end of ['process.exit()', 'this.resetAndDestroy()']) {
    const { fpm, port, news } = await listening(t, { mayConnect: (uid) => uid === 0 })
    const says = `this.write(Buffer.from('${HOST.toString('hex')}', 'hex'), () => ${end})`
    const script = `require('net').connect(${port}, '127.0.0.1', function () { ${says} }).on('close', () => process.exit())`
    // meanwhile this process, which listens, does nothing
    spawnSync('setpriv', ['--reuid=4712', '--clear-groups', process.execPath, '-e', script], { timeout: 10_000 })
    const zebra = await FakeZebra.connect(t, port)
    zebra.send(OTHER)
    await news.until(() => fpm.view.status().hostRoutes > 0)
    assert.deepEqual(
      [...fpm.view.allHostRoutes()].map(({ ip }) => ip),
      ['10.2.1.22'],
    )
    const { refused, connections } = fpm.status().counters
    assert.deepEqual([refused, connections], [1, 1])
  }
})

test('half a frame waits, and is whole when the rest comes', async (t) => {
  const { fpm, port, news, frames } = await listening(t)
  const zebra = await FakeZebra.connect(t, port)
  zebra.send(HOST, OTHER.subarray(0, 10))
  await news.until(() => frames.length === 1)
  assert.equal(fpm.view.status().hostRoutes, 1)
  zebra.send(OTHER.subarray(10))
  await news.until(() => frames.length === 2)
  assert.deepEqual(frames[1], OTHER)
})

test('a zebra that comes while another one waits inside a frame takes over with its first frame', async (t) => {
  const { fpm, port, news, changes } = await listening(t)
  const first = await FakeZebra.connect(t, port)
  first.send(HOST, OTHER.subarray(0, 10))
  await news.until(() => fpm.view.status().hostRoutes === 1)
  const second = await FakeZebra.connect(t, port)
  // whoever only connects changes nothing
  second.send(OTHER.subarray(0, 5))
  first.send(OTHER.subarray(10))
  await news.until(() => fpm.view.status().hostRoutes === 2)
  second.send(OTHER.subarray(5))
  await first.closed()
  await news.until(() => changes.some((change) => change.type === 'host-route' && change.update === 'confirmed'))
  const phases = changes.flatMap((change) => (change.type === 'phase' ? [change.phase] : []))
  assert.deepEqual(phases, ['replaying', 'disconnected', 'replaying'])
  assert.equal(fpm.status().counters.replaced, 1)
  // that of the older one is a memory
  const [old] = fpm.view.hostRoutes('10.2.1.21')
  assert.equal(old && fpm.view.freshness(old), 'stale')
})

test('a zebra that came while another one was there counts when that one goes', async (t) => {
  const { fpm, port, news, frames } = await listening(t)
  const first = await FakeZebra.connect(t, port)
  first.send(HOST)
  await news.until(() => frames.length === 1)
  const second = await FakeZebra.connect(t, port)
  const before = fpm.status().peer
  await first.close()
  await news.until(() => fpm.status().peer !== undefined && fpm.status().peer !== before)
  second.send(OTHER)
  await news.until(() => frames.length === 2)
})

test('garbage: closed, counted, said once; the next connection is as good as any', async (t) => {
  const { log: logger, lines } = log()
  const { fpm, port, news, frames } = await listening(t, { log: logger })
  for (const garbage of ['GET / HTTP/1.1\r\n\r\n', '\x01\x07', '\x01\x01\x00\x00']) {
    const zebra = await FakeZebra.connect(t, port)
    zebra.send(HOST, Buffer.from(garbage, 'latin1'))
    await zebra.closed()
  }
  await news.until(() => frames.length === 3)
  assert.equal(fpm.status().counters.garbage, 3)
  assert.equal(lines.filter((line) => line.includes('that is not FPM')).length, 3)
  const zebra = await FakeZebra.connect(t, port)
  zebra.send(OTHER)
  await news.until(() => frames.length === 4)
})

test('garbage from someone else leaves zebra alone', async (t) => {
  const { fpm, port, news, frames } = await listening(t)
  const zebra = await FakeZebra.connect(t, port)
  zebra.send(HOST)
  await news.until(() => frames.length === 1)
  const stranger = await FakeZebra.connect(t, port)
  stranger.send(Buffer.from('hello'))
  await stranger.closed()
  assert.equal(fpm.status().counters.garbage, 1)
  zebra.send(OTHER)
  await news.until(() => frames.length === 2)
  assert.equal(fpm.view.phase, 'replaying')
})

test('messages that cannot be decoded: counted, said once for a connection, and spoil nothing', async (t) => {
  const { log: logger, lines } = log()
  const { fpm, port, news, messages } = await listening(t, { log: logger })
  const zebra = await FakeZebra.connect(t, port)
  const wrong = hostRoute('10.2.1.23', ['192.0.2.2'])
  wrong.writeUInt8(33, 17)
  zebra.send(NONSENSE, frame(1, wrong, hostRoute('10.2.1.21', ['192.0.2.2'])), frame(2, Buffer.of(0xff)), OTHER)
  await news.until(() => messages.length === 5)
  assert.deepEqual(
    messages.map(({ kind }) => kind),
    ['malformed', 'malformed', 'route', 'malformed', 'route'],
  )
  assert.equal(fpm.status().counters.messages.malformed, 3)
  assert.equal(fpm.view.status().hostRoutes, 2)
  assert.equal(lines.filter((line) => line.includes('cannot be decoded')).length, 1)
})

test('what a listener of events throws costs nothing but a line', async (t) => {
  const { log: logger, lines } = log()
  const fail = (): never => {
    throw new Error('no')
  }
  const events = { onFrame: fail, onChange: fail, onMessage: fail }
  const { fpm, port } = await startFpm(t, { log: logger }, events)
  const zebra = await FakeZebra.connect(t, port)
  zebra.send(HOST, OTHER)
  await zebra.close()
  await fpm.close()
  assert.equal(fpm.view.status().hostRoutes, 2)
  assert.equal(lines.filter((line) => line.includes('handling what zebra said failed')).length, 1)
})

test('many who only connect: the oldest of them go, zebra stays', async (t) => {
  const { fpm, port, news, frames } = await listening(t)
  const zebra = await FakeZebra.connect(t, port)
  zebra.send(HOST)
  await news.until(() => frames.length === 1)
  const [first, ...others] = await Promise.all(Array.from({ length: 20 }, () => FakeZebra.connect(t, port)))
  await first?.closed()
  await others[0]?.closed()
  zebra.send(OTHER)
  await news.until(() => frames.length === 2)
  assert.equal(fpm.view.phase, 'replaying')
})

test('an address that is taken is a clear error, as are those that cannot or may not be listened on', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const fails = async (options: Partial<FpmOptions>, exitCode: ExitCode, what: RegExp): Promise<void> => {
    await assert.rejects(Fpm.start({ log: silent, ...options }), (error) => {
      assert.ok(error instanceof FatalError, String(error))
      assert.equal(error.exitCode, exitCode)
      assert.match(error.message, what)
      return true
    })
  }
  const at = (ip: string, port = 0): Partial<FpmOptions> => ({ addresses: [{ ip, port }] })
  await fails(at('127.0.0.1', port), ExitCode.socketBusy, /^fpm: 127\.0\.0\.1:\d+: another process is listening there/)
  await fails(at('0.0.0.0'), ExitCode.usage, /^fpm: 0\.0\.0\.0:0 is not a loopback address/)
  await fails(at('::'), ExitCode.usage, /^fpm: \[::\]:0 is not a loopback address/)
  await fails(at('localhost'), ExitCode.usage, /not an IP address/)
  await fails(at('127.0.0.1', 65536), ExitCode.usage, /a port is a number up to 65535/)
  await fails(
    { ...at('192.0.2.77'), allowRemote: true },
    ExitCode.usage,
    /192\.0\.2\.77:0: cannot listen: .*EADDRNOTAVAIL/,
  )
  const optional = { addresses: [{ ip: '192.0.2.77', port: 0, optional: true }], allowRemote: true }
  await fails(optional, ExitCode.usage, /no address to listen on \(192\.0\.2\.77:0\)/)
  // nothing of an attempt that failed is left
  const taken = {
    addresses: [
      { ip: '127.0.0.2', port },
      { ip: '127.0.0.1', port },
    ],
  }
  await fails(taken, ExitCode.socketBusy, /127\.0\.0\.1/)
  const { fpm } = await startFpm(t, at('127.0.0.2', port))
  assert.deepEqual(fpm.status().listening, [{ ip: '127.0.0.2', port }])
})

test('it listens beyond loopback where that is allowed, and on an address that is missing where that is optional', async (t) => {
  const addresses = [
    { ip: '0.0.0.0', port: 0 },
    { ip: '192.0.2.77', port: 0, optional: true },
  ]
  const { port } = await startFpm(t, { addresses, allowRemote: true })
  await FakeZebra.connect(t, port)
  assert.deepEqual(DEFAULT_ADDRESSES, [
    { ip: '127.0.0.1', port: FPM_PORT },
    { ip: '::1', port: FPM_PORT, optional: true },
  ])
})

test('closed on request: zebra may come again', async (t) => {
  const { fpm, port, news, frames } = await listening(t)
  const zebra = await FakeZebra.connect(t, port)
  zebra.send(HOST)
  await news.until(() => frames.length === 1)
  fpm.restart()
  await zebra.closed()
  await news.until(() => fpm.view.phase === 'disconnected')
  const again = await FakeZebra.connect(t, port)
  again.send(HOST)
  await news.until(() => frames.length === 2)
  const { counters, view } = fpm.status()
  assert.deepEqual([counters.restarts, counters.connections, view.connections], [1, 2, 2])
})

test('the replay ends by itself', async (t) => {
  const { fpm, port, news } = await listening(t, { view: { quietMs: 20 } })
  const zebra = await FakeZebra.connect(t, port)
  zebra.send(HOST)
  await news.until(() => fpm.view.phase === 'live')
  fpm.restart()
  await (await FakeZebra.connect(t, port)).close()
  const again = await FakeZebra.connect(t, port)
  again.send(OTHER)
  await news.until(() => fpm.view.phase === 'live' && fpm.view.hostRoutes('10.2.1.21').length === 0)
  assert.equal(fpm.view.hostRoutes('10.2.1.22').length, 1)
})
