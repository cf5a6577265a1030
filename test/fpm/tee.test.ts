import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Fpm } from '../../src/fpm/fpm.js'
import { FpmTee, TEE_DEFAULTS, type TeeState } from '../../src/fpm/tee.js'
import { Awaited, silent } from '../support.js'
import { waitFor } from '../../lab/wait.js'
import { frame, hostRoute } from './build.js'
import { FakeConsumer, FakeZebra, startFpm } from './rig.js'

const HOST = frame(1, hostRoute('10.2.1.21', ['192.0.2.2']))
const OTHER = frame(1, hostRoute('10.2.1.22', ['192.0.2.2']))

const state = (fpm: Fpm): TeeState | undefined => fpm.status().forward?.state

/** A port on which nobody listens. */
async function freePort(t: TestContext): Promise<number> {
  const consumer = await FakeConsumer.start(t)
  const { port } = consumer
  await consumer.stop()
  return port
}

test("the consumer gets the bytes that zebra sent, whole, in a connection for each of zebra's", async (t) => {
  const consumer = await FakeConsumer.start(t)
  const { port } = await startFpm(t, { forward: { ip: '127.0.0.1', port: consumer.port } })
  const bytes = [HOST, OTHER.subarray(0, 9)]
  for (const round of [0, 1]) {
    const zebra = await FakeZebra.connect(t, port)
    for (const part of bytes) zebra.send(part)
    await consumer.got(round, Buffer.concat(bytes))
    zebra.send(OTHER.subarray(9))
    await zebra.close()
    await consumer.got(round, Buffer.concat([HOST, OTHER]))
    await consumer.ended(round)
  }
  assert.equal(consumer.connections.length, 2)
})

test('a zebra that takes over inside a frame: the consumer gets its stream from the first byte', async (t) => {
  const consumer = await FakeConsumer.start(t)
  const { port } = await startFpm(t, { forward: { ip: '127.0.0.1', port: consumer.port } })
  const first = await FakeZebra.connect(t, port)
  first.send(HOST)
  await consumer.got(0, HOST)
  const second = await FakeZebra.connect(t, port)
  second.send(OTHER.subarray(0, 7))
  second.send(OTHER.subarray(7), HOST, OTHER.subarray(0, 3))
  await consumer.ended(0)
  await consumer.got(1, Buffer.concat([OTHER, HOST, OTHER.subarray(0, 3)]))
})

test('a consumer that comes late: zebra is asked to start over, and it gets everything', async (t) => {
  const consumerPort = await freePort(t)
  const events = new Awaited()
  const changed = (): void => {
    events.changed()
  }
  const forward = { ip: '127.0.0.1', port: consumerPort, retryMs: 20 }
  const { fpm, port } = await startFpm(t, { forward }, { onChange: changed, onMessage: changed })
  const zebra = await FakeZebra.connect(t, port)
  zebra.send(HOST)
  await events.until(() => fpm.view.status().hostRoutes === 1)
  const consumer = await FakeConsumer.start(t, consumerPort)
  await zebra.closed()
  assert.equal(state(fpm), 'fresh')
  const again = await FakeZebra.connect(t, port)
  again.send(HOST, OTHER)
  await consumer.got(0, Buffer.concat([HOST, OTHER]))
  assert.equal(consumer.connections.length, 1)
  assert.equal(fpm.status().forward?.counters.restarts, 1)
})

test('a consumer that does not read is dropped; zebra and the view notice nothing', async (t) => {
  const consumer = await FakeConsumer.start(t)
  consumer.stuck = true
  const forward = { ip: '127.0.0.1', port: consumer.port, queueBytes: 100_000, retryMs: 20 }
  const { fpm, port } = await startFpm(t, { forward })
  const zebra = await FakeZebra.connect(t, port)
  let largest = 0
  const dropped = zebra.closed()
  const filler = frame(1, Buffer.alloc(60_000))
  // more than the kernel takes
  for (let sent = 0; fpm.status().forward?.counters.slow === 0; sent += filler.length) {
    assert.ok(sent < 512 << 20, 'the kernel takes everything')
    await new Promise((resolve) => zebra.socket.write(filler, resolve))
    largest = Math.max(largest, fpm.status().forward?.queued ?? 0)
  }
  assert.ok(largest <= 100_000 + 65_536, `${largest} bytes were queued`)
  // it is there again at once, so zebra is asked to start over
  consumer.unstick()
  await dropped
  const again = await FakeZebra.connect(t, port)
  again.send(HOST)
  await consumer.got(1, HOST)
  assert.deepEqual(fpm.status().forward?.counters.slow, 1)
})

/** A tee on its own, with what it asks for. */
function tee(
  t: TestContext,
  port: number,
  restartIntervalMs: number,
): { tee: FpmTee; restarts: Awaited; count: () => number } {
  const restarts = new Awaited()
  let count = 0
  const made = new FpmTee({
    ...TEE_DEFAULTS,
    ip: '127.0.0.1',
    port,
    retryMs: 10,
    restartIntervalMs,
    restart() {
      count++
      made.end()
      restarts.changed()
    },
    log: silent,
  })
  t.after(() => {
    made.close()
  })
  return { tee: made, restarts, count: () => count }
}

test('zebra is not asked to start over again and again', async (t) => {
  const consumerPort = await freePort(t)
  const { tee: rare, restarts, count } = tee(t, consumerPort, 3600_000)
  rare.begin()
  const consumer = await FakeConsumer.start(t, consumerPort)
  await restarts.until(() => count() === 1)
  rare.begin()
  rare.write(HOST)
  await consumer.got(0, HOST)
  // it drops the connection, and comes again
  consumer.connections[0]?.socket.destroy()
  await consumer.connected(1)
  await waitFor(
    'the tee to wait for zebra',
    () => rare.state,
    (state) => state === 'fresh',
  )
  rare.write(OTHER)
  assert.equal(count(), 1)
  // but if zebra starts over for another reason, the consumer has part in it
  rare.end()
  rare.begin()
  rare.write(OTHER)
  await consumer.got(1, OTHER)
  assert.equal(count(), 1)
})

test('when the time has come it is asked again', async (t) => {
  const consumerPort = await freePort(t)
  const { tee: often, restarts, count } = tee(t, consumerPort, 50)
  often.begin()
  const consumer = await FakeConsumer.start(t, consumerPort)
  await restarts.until(() => count() === 1)
  often.begin()
  consumer.connections[0]?.socket.destroy()
  await restarts.until(() => count() === 2)
})

test('nobody is bothered while zebra is not there, and what the consumer says is not passed on', async (t) => {
  const consumer = await FakeConsumer.start(t)
  const { fpm, port } = await startFpm(t, { forward: { ip: '127.0.0.1', port: consumer.port } })
  assert.equal(state(fpm), 'idle')
  assert.equal(consumer.connections.length, 0)
  const zebra = await FakeZebra.connect(t, port)
  let heard = 0
  zebra.socket.on('data', (chunk: Buffer) => (heard += chunk.length))
  zebra.send(HOST)
  await consumer.got(0, HOST)
  consumer.connections[0]?.socket.end(Buffer.alloc(10))
  await consumer.ended(0)
  assert.equal(heard, 0)
})
