// What the relay adds to a frame between zebra and bgpd, both played by this process.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type Socket, connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { MACIPCTL } from '../lab/programs.js'
import { NUMBERS, OPENINGS, frame, macIpAdd, vniAdd } from '../test/zapi/build.js'
import { FakeZebra, RelayRig } from '../test/relay/rig.js'
import { type Context, type Measurement, median, percentile } from './measurement.js'

const RELEASE = '8.4'
const numbers = NUMBERS[RELEASE]
const SAMPLES = 2000
const WARM_UP = 500
/** Everyone is asleep again when the next frame comes. */
const PAUSE_MS = 2
const FRAME_BYTES = 100

/**
 * From write to arrival, both here, with the relay in between and, in turns, without. Without it this process reads what
 * it has written before it falls asleep, so the difference holds the waking up of two processes: an upper bound.
 */
export async function benchRelay({ progress }: Context): Promise<Measurement[]> {
  progress(`${SAMPLES} frames through the relay, and as many past it`)
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
  const times = { direct: [] as number[], route: [] as number[], macIp: [] as number[], dumped: [] as number[] }
  for (let sample = 0; sample < WARM_UP + SAMPLES; sample++) {
    const number = sample.toString(16).padStart(4, '0')
    times.direct.push(await timeOf((await direct.from).socket, direct.to, routeFrame))
    times.route.push(await timeOf(zebra.socket, relayed.to.socket, routeFrame))
    times.macIp.push(await timeOf(zebra.socket, relayed.to.socket, macIpAdd(numbers, `02000000${number}`, '')))
  }
  direct.to.destroy()
  directServer.server.close()

  progress(`${SAMPLES} frames while a dump is attached`)
  const dump = spawn(process.execPath, [
    MACIPCTL,
    'zapi',
    'dump',
    '--last',
    '1',
    '--follow',
    '--relay',
    rig.path('control'),
  ])
  await once(dump.stdout, 'data')
  dump.stdout.resume()
  for (let sample = 0; sample < WARM_UP + SAMPLES; sample++) {
    times.dumped.push(await timeOf(zebra.socket, relayed.to.socket, routeFrame))
  }
  dump.kill()
  await once(dump, 'exit')

  const base = median(times.direct.slice(WARM_UP))
  const beyond = (values: number[], percent: number): number =>
    (percentile(values.slice(WARM_UP), percent) - base) * 1000
  return [
    { name: 'added to a frame, p50', value: beyond(times.route, 50), unit: 'µs', target: '< 100' },
    { name: 'added to a frame, p99', value: beyond(times.route, 99), unit: 'µs', target: '< 1000' },
    { name: 'added to a MACIP_ADD, p50', value: beyond(times.macIp, 50), unit: 'µs', target: '< 100' },
    { name: 'added to a MACIP_ADD, p99', value: beyond(times.macIp, 99), unit: 'µs', target: '< 1000' },
    {
      name: 'added to a frame with a dump attached, p50',
      value: beyond(times.dumped, 50),
      unit: 'µs',
      target: '< 100',
    },
    {
      name: 'added to a frame with a dump attached, p99',
      value: beyond(times.dumped, 99),
      unit: 'µs',
      target: '< 1000',
    },
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
