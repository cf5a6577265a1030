// Run in a node's network namespace: macipd's FPM listener as the snooper has it, with its view and recent frames.
// `node dist/bench/fpm-listener.js PORT`; prints, after every pause of a second, bytes and seconds from the connection
// to the last of them, when everything was in the view, and memory.
import { createLogger } from '../src/daemon/log.js'
import { monotonicMs } from '../src/snoop/clock.js'
import { FpmWitness } from '../src/snoop/fpm-witness.js'

/** One line of what is printed. */
export type Heard = {
  bytes: number
  /** From the connection to the last read. */
  seconds: number
  /** From the connection until all was understood. */
  understood?: number
  routes?: number
  /** MiB */
  resident?: number
}

const PAUSE_MS = 1000
const LOOK_MS = 20
const [port = ''] = process.argv.slice(2)

const witness = await FpmWitness.open(
  { listen: [{ ip: '127.0.0.1', port: Number(port) }], allowRemote: false, forward: undefined, recentBytes: 4 << 20 },
  createLogger('fpm', 'warn'),
  () => undefined,
)
process.stdout.write('listening\n')

/** Of this connection: bytes counted so far, when the last came, when the backlog was found empty after that. */
let before = { bytes: 0, all: 0, at: 0, since: 0, understood: 0, told: 0 }
setInterval(() => {
  const status = witness.status()
  if (status === undefined) return
  const now = monotonicMs()
  const all = status.counters.bytes
  const { since = 0 } = status.view
  if (since !== before.since) before = { bytes: all - before.all, all, at: now, since, understood: 0, told: 0 }
  else if (all !== before.all)
    before = { ...before, bytes: before.bytes + all - before.all, all, at: now, understood: 0 }
  if (before.understood === 0 && status.backlog === 0) before.understood = now
  const isDone = before.understood > 0 && now > before.at + PAUSE_MS && before.told !== before.bytes && since > 0
  if (!isDone) return
  before.told = before.bytes
  const line: Heard = {
    bytes: before.bytes,
    seconds: (before.at - since) / 1000,
    understood: (before.understood - since) / 1000,
    routes: status.view.hostRoutes,
    resident: process.memoryUsage.rss() / (1 << 20),
  }
  process.stdout.write(`${JSON.stringify(line)}\n`)
}, LOOK_MS)
