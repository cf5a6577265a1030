// Run in a node's network namespace: macipd's FPM listener as the snooper has it, with its view and recent frames.
// `node dist/bench/fpm-listener.js PORT`; prints, after every pause of a second, bytes and seconds from the connection
// to the last of them, when everything was in the view, and memory.
import { createLogger } from '../src/os/log.js'
import { monotonicMs } from '../src/base/clock.js'
import { Fpm } from '../src/fpm/fpm.js'
import { FpmRecordKind } from '../src/record/fpm-records.js'
import { Ring } from '../src/record/ring.js'

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
const LOOK_MS = 100
const [port = ''] = process.argv.slice(2)

const ring = new Ring(4 << 20)
/** Of this connection. */
let [bytes, last, understood, told] = [0, 0, 0, 0]
const fpm = await Fpm.start(
  { addresses: [{ ip: '127.0.0.1', port: Number(port) }], log: createLogger('fpm', 'warn') },
  {
    onFrame(frame, at) {
      bytes += frame.length
      last = at
      understood = monotonicMs()
      ring.append(FpmRecordKind.frame, 1, frame)
    },
    onChange(change) {
      if (change.type === 'phase' && change.phase === 'replaying') [bytes, told] = [0, 0]
    },
  },
)
process.stdout.write('listening\n')

setInterval(() => {
  const { view, backlog } = fpm.status()
  if (backlog > 0 || bytes === told || view.since === undefined || monotonicMs() < understood + PAUSE_MS) return
  told = bytes
  const line: Heard = {
    bytes,
    seconds: (last - view.since) / 1000,
    understood: (understood - view.since) / 1000,
    routes: view.hostRoutes,
    resident: process.memoryUsage.rss() / (1 << 20),
  }
  process.stdout.write(`${JSON.stringify(line)}\n`)
}, LOOK_MS)
