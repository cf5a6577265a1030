// What the relay adds to a frame between zebra and bgpd, both played by this process; and what scanning and decoding
// cost alone.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type Socket, connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { measure } from 'mitata'
import { releaseLine } from '../src/zapi/lines.js'
import { FrameScanner } from '../src/zapi/scanner.js'
import { Watch } from '../src/zapi/watch.js'
import { NUMBERS, OPENINGS, frame, hex, macIpAdd, vniAdd } from '../test/zapi/build.js'
import { FakeZebra, RelayRig } from '../test/zapi/relay-rig.js'
import { type Context, type Measurement, median, percentile } from './measurement.js'

const RELEASE = '8.4'
const numbers = NUMBERS[RELEASE]
const SAMPLES = 2000
const WARM_UP = 500
/** Everyone is asleep again when the next frame comes. */
const PAUSE_MS = 2
const FRAME_BYTES = 100
const SCAN_BYTES = 64 * 1024

export async function benchRelay({ progress }: Context): Promise<Measurement[]> {
  progress(`${SAMPLES} frames through the relay, and as many past it`)
  const added = await addedLatency()
  progress('scanning and decoding')
  return [...added, ...(await codecCosts())]
}

/**
 * From write to arrival, both here, with the relay in between and, in turns, without. Without it this process reads what
 * it has written before it falls asleep, so the difference holds the waking up of two processes: an upper bound.
 */
async function addedLatency(): Promise<Measurement[]> {
  await using rig = new RelayRig()
  const zebraServer = await rig.startZebra()
  await rig.start()
  const relayed = { from: zebraServer.accept(), to: await rig.bgpd() }
  const zebra = await relayed.from
  relayed.to.socket.write(OPENINGS[RELEASE].hello)
  await zebra.frame()
  zebra.socket.write(Buffer.concat([OPENINGS[RELEASE].capabilities, vniAdd(numbers)]))
  await relayed.to.frame()

  const directServer = await FakeZebra.listen(rig.path('direct'))
  const direct = { from: directServer.accept(), to: connect(rig.path('direct')) }
  await once(direct.to, 'connect')
  const routeFrame = frame(numbers.ROUTE_ADD, Buffer.alloc(FRAME_BYTES - 10))
  const times = { direct: [] as number[], route: [] as number[], macIp: [] as number[] }
  for (let sample = 0; sample < WARM_UP + SAMPLES; sample++) {
    const number = sample.toString(16).padStart(4, '0')
    times.direct.push(await timeOf((await direct.from).socket, direct.to, routeFrame))
    times.route.push(await timeOf(zebra.socket, relayed.to.socket, routeFrame))
    times.macIp.push(await timeOf(zebra.socket, relayed.to.socket, macIpAdd(numbers, `02000000${number}`, '')))
  }
  direct.to.destroy()
  directServer.server.close()

  const base = median(times.direct.slice(WARM_UP))
  const beyond = (values: number[], percent: number): number =>
    (percentile(values.slice(WARM_UP), percent) - base) * 1000
  return [
    { name: 'added to a frame, p50', value: beyond(times.route, 50), unit: 'µs', target: '< 100' },
    { name: 'added to a frame, p99', value: beyond(times.route, 99), unit: 'µs', target: '< 1000' },
    { name: 'added to a MACIP_ADD, p50', value: beyond(times.macIp, 50), unit: 'µs', target: '< 100' },
    { name: 'added to a MACIP_ADD, p99', value: beyond(times.macIp, 99), unit: 'µs', target: '< 1000' },
    { name: 'the same without the relay, p50', value: base * 1000, unit: 'µs' },
    { name: 'the same without the relay, p99', value: percentile(times.direct.slice(WARM_UP), 99) * 1000, unit: 'µs' },
  ]
}

async function timeOf(from: Socket, to: Socket, bytes: Buffer): Promise<number> {
  const arrived = new Promise<number>((resolve) => {
    let missing = bytes.length
    const onData = (chunk: Buffer): void => {
      missing -= chunk.length
      if (missing > 0) return
      to.off('data', onData)
      resolve(performance.now())
    }
    to.on('data', onData)
  })
  const start = performance.now()
  from.write(bytes)
  const time = (await arrived) - start
  await sleep(PAUSE_MS)
  return time
}

async function codecCosts(): Promise<Measurement[]> {
  const line = releaseLine(RELEASE)
  assert.ok(line !== undefined)
  const routes = Buffer.concat(
    Array.from({ length: Math.floor(SCAN_BYTES / FRAME_BYTES) }, () =>
      frame(numbers.ROUTE_ADD, Buffer.alloc(FRAME_BYTES - 10)),
    ),
  )
  const watch = Watch.zebra(line)
  const scanner = new FrameScanner(
    (_bytes, _offset, _length, command) => (watch.has(command) ? 'hold' : 'pass'),
    (command) => watch.has(command),
  )
  const scan = await measure(() => {
    const { pass } = scanner.scan(routes, routes.length)
    scanner.consumed(routes, pass)
    assert.equal(pass, routes.length)
  })
  const message = macIpAdd(numbers, '020000000001', hex('0a400001').toString('hex'))
  const decode = await measure(() => watch.decode(message))
  return [
    // bytes per nanosecond are gigabytes per second
    { name: `scanning frames of ${FRAME_BYTES} bytes`, value: routes.length / scan.p50, unit: 'GB/s' },
    { name: 'decoding MACIP_ADD', value: 1000 / decode.p50, unit: 'million/s' },
  ]
}
