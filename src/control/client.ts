// The client's end of a control socket.
import { connect } from 'node:net'
import { type Codec, ControlStream, type StreamEvents } from './stream.js'

export type ControlClientOptions<In, Out> = Codec<In, Out> & StreamEvents<In> & { path: string }

/** Connects; rejects with the system's error (ENOENT, or ECONNREFUSED if no process listens). */
export function connectControl<In, Out>(options: ControlClientOptions<In, Out>): Promise<ControlStream<In, Out>> {
  return new Promise((resolve, reject) => {
    const socket = connect(options.path)
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      const stream = new ControlStream(socket, options)
      stream.start(options)
      resolve(stream)
    })
  })
}

export type Question<In, Out> = Codec<In, Out> & {
  path: string
  ask: Out
  /** Receives one part of the answer; returns true if it was the last. An exception makes the question fail. */
  onPart: (message: In) => boolean
  timeoutMs: number
}

/** The process at the socket has taken the connection, and says nothing, or has closed it before it has said all. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError'
  readonly isSilent: boolean
  /**
   * @param afterMs how long it has been silent; undefined if it has closed the connection
   * @param pid of the process; undefined if it is not known
   */
  constructor(
    afterMs: number | undefined,
    readonly pid: number | undefined,
  ) {
    super(
      afterMs === undefined
        ? 'the connection was closed before the answer was complete'
        : `no answer within ${afterMs / 1000} s`,
    )
    this.isSilent = afterMs !== undefined
  }
}

/** Asks one question and resolves when the answer is complete. */
export async function ask<In, Out>({ path, ask, onPart, timeoutMs, ...codec }: Question<In, Out>): Promise<void> {
  let finish: (error: Error | undefined) => void = () => undefined
  const answered = new Promise<void>((resolve, reject) => {
    finish = (error) => {
      if (error === undefined) resolve()
      else reject(error)
    }
  })
  const peer: { pid?: number | undefined } = {}
  const stream = await connectControl<In, Out>({
    ...codec,
    path,
    onMessage: (message) => {
      if (onPart(message)) finish(undefined)
    },
    onClose: (error) => {
      finish(error ?? new NoAnswerError(undefined, peer.pid))
    },
  })
  peer.pid = stream.peerPid
  const timer = setTimeout(() => {
    finish(new NoAnswerError(timeoutMs, peer.pid))
  }, timeoutMs)
  try {
    stream.send(ask)
    await answered
  } finally {
    clearTimeout(timer)
    stream.destroy()
  }
}
