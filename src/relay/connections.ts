// The keeper's side of connections: it accepts them from bgpd, dials zebra, holds both sockets and the transit pipes, and
// never reads them.
import { Socket, connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { errnoName } from '../base/exit.js'
import { type Pipe, openPipe } from '../os/pipe.js'
import type { DescriptorName, SessionOffer } from './ipc.js'

/** zebra's queue of connections is full: connect(2) would wait, as bgpd does when it connects directly. */
const QUEUE_RETRY_MS = 50
const QUEUE_RETRIES = 1200

/** One connection of bgpd with everything that belongs to it, open as long as the session lasts. */
export type Connection = { offer: SessionOffer; ends: Readonly<Record<DescriptorName, Socket>> }

/** Dials zebra for an accepted, paused connection of bgpd. Rejects if zebra does not answer; then nothing stays open. */
export async function openConnection(id: number, bgpd: Socket, zebraPath: string): Promise<Connection> {
  // the worker, which uses these sockets, sees their errors
  bgpd.on('error', () => undefined)
  const open: Socket[] = [bgpd]
  try {
    const zebra = await dialPatiently(zebraPath, bgpd)
    open.push(zebra)
    const toZebra = pipeEnds(openPipe())
    open.push(toZebra.readEnd, toZebra.writeEnd)
    const toBgpd = pipeEnds(openPipe())
    const ends = {
      bgpd,
      zebra,
      toZebraReadEnd: toZebra.readEnd,
      toZebraWriteEnd: toZebra.writeEnd,
      toBgpdReadEnd: toBgpd.readEnd,
      toBgpdWriteEnd: toBgpd.writeEnd,
    }
    return {
      offer: {
        id,
        since: Date.now(),
        zebraVersion: undefined,
        inherited: false,
        unseen: false,
        opening: { toZebra: '', toBgpd: '' },
      },
      ends,
    }
  } catch (error) {
    for (const socket of open) socket.destroy()
    throw error
  }
}

export function closeConnection({ ends }: Connection): void {
  for (const socket of Object.values(ends)) socket.destroy()
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

async function dialPatiently(path: string, bgpd: Socket): Promise<Socket> {
  for (let retries = 0; ; retries++) {
    try {
      return await dial(path)
    } catch (error) {
      if (errnoName(error) !== 'EAGAIN' || retries === QUEUE_RETRIES || bgpd.destroyed) throw error
      await sleep(QUEUE_RETRY_MS)
    }
  }
}

/** Sockets that own the ends of a pipe, because Node passes only sockets to other processes. */
function pipeEnds({ readEnd, writeEnd }: Pipe): Record<keyof Pipe, Socket> {
  const own = (fd: number): Socket =>
    new Socket({ fd, readable: false, writable: false }).pause().on('error', () => undefined)
  return { readEnd: own(readEnd), writeEnd: own(writeEnd) }
}
