// The messages between keeper and worker on Node's IPC channel. Descriptors travel as raw handles: a net.Socket would start
// reading as soon as it arrives.
import type { ChildProcess, SendHandle } from 'node:child_process'
import type { Socket } from 'node:net'
import type { RelayOptions } from '../config/options.js'

export type WorkerOptions = RelayOptions & {
  keeperPid: number
  /** How many workers were started, this one included. */
  workerStarts: number
  /** Start of the keeper, milliseconds since the epoch. */
  since: number
  /** The release that zebra's vty reports, such as `10.3`; undefined if it did not answer. */
  zebraVersion: string | undefined
  /** Only forward bytes, because earlier workers died too often. */
  plain: boolean
}

/** One connection. Each of its sockets comes as a handle with a message; the transit pipes are opened by path. */
export type SessionOffer = {
  id: number
  since: number
  transitToZebra: string
  transitToBgpd: string
}

export type ToWorker =
  | { type: 'options'; options: WorkerOptions }
  /** bgpd's socket comes with `side: 'bgpd'`, then zebra's. */
  | { type: 'socket'; side: 'bgpd' | 'zebra'; session: SessionOffer; inherited: boolean }
  /** All sessions that existed before the worker have been sent. */
  | { type: 'begin' }
  /** zebra's vty reports another release than before. */
  | { type: 'zebra-version'; version: string | undefined }
  | { type: 'end' }

export type ToKeeper =
  /** The worker forwards and its control socket listens. */
  | { type: 'ready' }
  /** The worker cannot work at all. */
  | { type: 'failed'; exitCode: number; message: string }
  /** Both directions of the session have ended: the keeper closes its descriptors. */
  | { type: 'ended'; id: number }

/** A libuv pipe handle as Node's IPC delivers it. */
export type RawHandle = { readonly fd: number; close(): void }

export function isRawHandle(value: unknown): value is RawHandle {
  return (
    typeof value === 'object' && value !== null && 'fd' in value && typeof value.fd === 'number' && 'close' in value
  )
}

/** Sends a message and a copy of the socket's descriptor; ours stays open and unread. */
export function sendSocket(worker: ChildProcess, message: ToWorker, socket: Socket): void {
  const handle: unknown = '_handle' in socket ? socket._handle : undefined
  if (!isRawHandle(handle)) throw new Error('the socket has no descriptor any more')
  // the declared type lists only wrappers, but Node passes their handles on as well
  worker.send(message, handle as unknown as SendHandle)
}
