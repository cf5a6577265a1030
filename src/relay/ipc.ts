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
  /** What zebra's vty has reported for the connections that exist: pairs of number and release. */
  zebraVersions: readonly (readonly [id: number, version: string])[]
}

/** What belongs to one connection: both sockets, and the ends of the transit pipes of its two directions. */
export const DESCRIPTORS = [
  'bgpd',
  'zebra',
  'toZebraReadEnd',
  'toZebraWriteEnd',
  'toBgpdReadEnd',
  'toBgpdWriteEnd',
] as const
export type DescriptorName = (typeof DESCRIPTORS)[number]

/** One connection, whose descriptors come with messages of their own. */
export type SessionOffer = {
  id: number
  /** Milliseconds since the epoch. */
  since: number
  /** The release that zebra's vty reported when the connection was made, such as `10.3`; undefined if it did not answer. */
  zebraVersion: string | undefined
  /** Another process has forwarded bytes of the connection before. */
  inherited: boolean
  /** The keeper has forwarded bytes itself, so that frames have passed that no worker has seen. */
  unseen: boolean
  /** What HELLO and CAPABILITIES are found in: a worker needs them for a session that the journal does not know. */
  opening: FirstBytes
}

/** The first bytes of both directions in base64, each empty unless a worker or the keeper has noted them. */
export type FirstBytes = { toZebra: string; toBgpd: string }

export type ToWorker =
  | { type: 'options'; options: WorkerOptions }
  /** A descriptor comes with the message; all of one connection come one after the other, in the order of DESCRIPTORS. */
  | { type: 'descriptor'; name: DescriptorName; session: SessionOffer }
  /** All connections that existed before the worker have been sent. */
  | { type: 'begin' }
  /** zebra's vty has answered for a connection, later than it was offered. */
  | { type: 'zebra-version'; id: number; version: string }
  /** Answered with `pong`: the worker's event loop turns. */
  | { type: 'ping' }
  | { type: 'end' }

export type ToKeeper =
  /** The journal is read: connections may be lent. */
  | { type: 'recovered' }
  /** The worker forwards and its control socket listens. */
  | { type: 'ready' }
  /** The worker cannot work at all. */
  | { type: 'failed'; exitCode: number; message: string }
  /** Both directions of the session have ended: the keeper closes its descriptors. */
  | { type: 'ended'; id: number }
  /** The first frames of a session. */
  | { type: 'opening'; id: number; opening: FirstBytes }
  /** What bgpd has been told in the session is known again, although frames have passed unseen. */
  | { type: 'certain'; id: number }
  | { type: 'pong' }

/** A libuv pipe handle as Node's IPC delivers it. */
export type RawHandle = { readonly fd: number; close(): void }

export function isRawHandle(value: unknown): value is RawHandle {
  return (
    typeof value === 'object' && value !== null && 'fd' in value && typeof value.fd === 'number' && 'close' in value
  )
}

/** The descriptor of a socket that is not closed. */
export function rawHandle(socket: Socket): RawHandle {
  const handle: unknown = '_handle' in socket ? socket._handle : undefined
  if (!isRawHandle(handle)) throw new Error('the socket has no descriptor any more')
  return handle
}

/** Sends a message and a copy of the socket's descriptor; ours stays open and unread. */
export function sendSocket(
  worker: ChildProcess,
  message: ToWorker,
  socket: Socket,
  onError: (error: Error) => void,
): void {
  // the declared type lists only wrappers, but Node passes their handles on as well
  worker.send(message, rawHandle(socket) as unknown as SendHandle, {}, (error) => {
    if (error !== null) onError(error)
  })
}
