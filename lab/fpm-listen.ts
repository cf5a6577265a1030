// Run in a node's network namespace: listens for FPM on 127.0.0.1 and prints what zebra says, one JSON line for each
// thing. `node dist/lab/fpm-listen.js PORT QUIET_MS [FILE]`; the bytes of each connection go to FILE-1.bin, ….
// SIGUSR2 ends zebra's connection.
import { appendFileSync, writeFileSync } from 'node:fs'
import { createLogger } from '../src/os/log.js'
import { Fpm } from '../src/fpm/fpm.js'
import type { FpmMessage } from '../src/fpm/message.js'
import type { FpmChange, Freshness, HostRoute, Path, RemoteMac } from '../src/fpm/view.js'

/** The whole view, when the phase has changed. */
export type Snapshot = {
  macs: (RemoteMac & { freshness: Freshness })[]
  hostRoutes: (HostRoute & { freshness: Freshness; leads: readonly Path[] | undefined })[]
}

/** What is printed; the lines of the logger have no `event`. */
export type FpmEvent =
  | { event: 'listening' }
  | { event: 'message'; message: FpmMessage }
  | { event: 'change'; change: FpmChange; snapshot?: Snapshot }

const [port = '', quietMs = '', file] = process.argv.slice(2)
const print = (event: FpmEvent): void => {
  process.stdout.write(`${JSON.stringify(event)}\n`)
}

let connections = 0
const record = (): string => `${file}-${connections}.bin`
const snapshot = (): Snapshot => ({
  macs: [...fpm.view.remoteMacs()].map((mac) => ({ ...mac, freshness: fpm.view.freshness(mac) })),
  hostRoutes: [...fpm.view.allHostRoutes()].map((route) => ({
    ...route,
    freshness: fpm.view.freshness(route),
    leads: fpm.view.paths(route),
  })),
})

const fpm = await Fpm.start(
  {
    addresses: [{ ip: '127.0.0.1', port: Number(port) }],
    view: { quietMs: Number(quietMs) },
    log: createLogger('fpm', 'info'),
  },
  {
    onFrame(frame) {
      if (file !== undefined) appendFileSync(record(), frame)
    },
    onMessage(message) {
      print({ event: 'message', message })
    },
    onChange(change) {
      if (change.type === 'phase' && change.phase === 'replaying') {
        connections++
        if (file !== undefined) writeFileSync(record(), '')
      }
      print({ event: 'change', change, ...(change.type === 'phase' && { snapshot: snapshot() }) })
    },
  },
)
process.on('SIGUSR2', () => {
  fpm.restart()
})
print({ event: 'listening' })
