// The keeper's side of connections: it accepts them from bgpd, dials zebra, holds both sockets, and never reads them.
import { execFile } from 'node:child_process'
import { closeSync, constants, openSync, readdirSync, rmSync } from 'node:fs'
import { type Socket, connect } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { SessionOffer } from './ipc.js'

const run = promisify(execFile)
const TRANSIT_PREFIX = 'transit-'

/** One connection of bgpd with everything that belongs to it, open as long as the session lasts. */
export type Connection = { offer: SessionOffer; bgpd: Socket; zebra: Socket; pipes: number[] }

/** Removes transit pipes that a dead keeper has left. */
export function sweepTransit(runDir: string): void {
  for (const name of readdirSync(runDir)) if (name.startsWith(TRANSIT_PREFIX)) rmSync(join(runDir, name))
}

/** Dials zebra for an accepted, paused connection of bgpd. Rejects if zebra does not answer. */
export async function openConnection(id: number, bgpd: Socket, zebraPath: string, runDir: string): Promise<Connection> {
  // the worker, which uses these sockets, sees their errors
  bgpd.on('error', () => undefined)
  const paths = [
    join(runDir, `${TRANSIT_PREFIX}${id}-to-zebra`),
    join(runDir, `${TRANSIT_PREFIX}${id}-to-bgpd`),
  ] as const
  const zebra = await dial(zebraPath)
  await run('mkfifo', ['-m', '600', ...paths])
  const offer = { id, since: Date.now(), transitToZebra: paths[0], transitToBgpd: paths[1] }
  // reading and writing: the pipes keep their bytes while no worker lives
  const pipes = paths.map((path) => openSync(path, constants.O_RDWR | constants.O_NONBLOCK))
  return { offer, bgpd, zebra, pipes }
}

export function closeConnection({ offer, bgpd, zebra, pipes }: Connection): void {
  bgpd.destroy()
  zebra.destroy()
  for (const pipe of pipes) closeSync(pipe)
  for (const path of [offer.transitToZebra, offer.transitToBgpd]) rmSync(path, { force: true })
}

/** A connected socket that is not read. */
export function dial(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path, allowHalfOpen: true })
    // before it is connected, or Node would start to read at once
    socket.pause()
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject).on('error', () => undefined)
      resolve(socket)
    })
  })
}
