// How long bytes of bgpd wait when a process of the relay dies or hangs: the longest gap in a stream of a frame per
// millisecond. zebra and bgpd are played by this process.
import { setTimeout as sleep } from 'node:timers/promises'
import { NUMBERS, OPENINGS, frame } from '../test/zapi/build.js'
import { type Inbox, RelayRig } from '../test/relay/rig.js'
import { type Context, type Measurement, percentile } from './measurement.js'

const RELEASE = '8.4'
const ROUTE = frame(NUMBERS[RELEASE].ROUTE_ADD, Buffer.alloc(90))
const EVERY_MS = 1
/** The stream runs so long before a fault, and after its cure. */
const AROUND_MS = 200

type Fault = {
  readonly name: string
  readonly rounds: number
  /** Resolves when a worker serves again. */
  readonly happens: (rig: RelayRig) => Promise<void>
}

const FAULTS: readonly Fault[] = [
  { name: 'worker killed', rounds: 30, happens: (rig) => rig.killWorker() },
  { name: 'worker stopped', rounds: 10, happens: (rig) => replaced(rig, 'SIGSTOP') },
]

export async function benchOutage({ progress }: Context): Promise<Measurement[]> {
  const measurements: Measurement[] = []
  for (const { name, rounds, happens } of FAULTS) {
    const gaps: number[] = []
    for (let round = 1; round <= rounds; round++) {
      gaps.push(await outage(happens))
      progress(`${name}, ${round} of ${rounds}: ${gaps.at(-1)?.toFixed(0)} ms`)
    }
    for (const percent of [50, 99])
      measurements.push({ name: `${name}, p${percent}`, value: percentile(gaps, percent), unit: 'ms' })
  }
  return measurements
}

/** In a relay of its own: one whose workers die quickly one after the other does something else. */
async function outage(happens: Fault['happens']): Promise<number> {
  await using rig = new RelayRig()
  const server = await rig.startZebra()
  await rig.start()
  const bgpd = await rig.bgpd()
  bgpd.socket.write(OPENINGS[RELEASE].hello)
  const zebra = await server.accept()
  zebra.socket.write(OPENINGS[RELEASE].capabilities)
  return await longestGap(bgpd, zebra, () => happens(rig))
}

async function longestGap(from: Inbox, to: Inbox, happens: () => Promise<void>): Promise<number> {
  let last = performance.now()
  let longest = 0
  const onData = (): void => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
  }
  const stream = setInterval(() => from.socket.write(ROUTE), EVERY_MS)
  to.socket.on('data', onData)
  try {
    await sleep(AROUND_MS)
    longest = 0
    await happens()
    await sleep(AROUND_MS)
    return longest
  } finally {
    clearInterval(stream)
    to.socket.off('data', onData)
  }
}

/** A signal for the worker, after which the keeper replaces it. */
async function replaced(rig: RelayRig, signal: NodeJS.Signals): Promise<void> {
  const before = await rig.workerPid()
  process.kill(before, signal)
  await rig.keeperUntil('a successor', ({ worker }) => worker.state === 'serving' && worker.pid !== before)
}
