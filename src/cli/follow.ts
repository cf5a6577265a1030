// Asks a question whose answer goes on until the command is to end.
import { connectControl } from '../control/client.js'
import type { Codec, ControlStream, StreamEvents } from '../control/stream.js'
import { ExitCode, FatalError, reason } from '../base/exit.js'
import { explain } from './queries.js'

export type Followed<In, Out> = Codec<In, Out> & {
  path: string
  /** The process that is asked, in words. */
  who: string
  ask: Out
  /** Takes in one part of the answer; returns true if it was the last. */
  onPart: (message: In) => boolean
}

/** As the number of the last ones, this asks for all. */
export const ALL = 0xffffffff

/** Resolves after the last part, or when aborted. Throws FatalError. */
export async function follow<In extends { error?: string | null }, Out>(
  { path, who, ask, onPart, ...codec }: Followed<In, Out>,
  signal: AbortSignal,
): Promise<void> {
  let finish: (error?: Error) => void = () => undefined
  const ended = new Promise<void>((resolve, reject) => {
    finish = (error) => {
      if (error === undefined) resolve()
      else reject(error)
    }
  })
  const stream = await connect<In, Out>(path, who, {
    ...codec,
    onMessage: (message) => {
      const { error } = message
      if (error != null && error !== '') finish(new FatalError(ExitCode.usage, `the ${who} at ${path}: ${error}`))
      else if (onPart(message)) finish()
    },
    onClose: (error) => {
      const why = error === undefined ? '' : `: ${reason(error)}`
      finish(new FatalError(ExitCode.notRunning, `the ${who} at ${path} has closed the connection${why}`))
    },
  })
  const stop = (): void => {
    finish()
  }
  signal.addEventListener('abort', stop)
  try {
    if (signal.aborted) return
    stream.send(ask)
    await ended
  } finally {
    signal.removeEventListener('abort', stop)
    stream.destroy()
  }
}

async function connect<In, Out>(
  path: string,
  who: string,
  options: Codec<In, Out> & StreamEvents<In>,
): Promise<ControlStream<In, Out>> {
  try {
    return await connectControl<In, Out>({ path, ...options })
  } catch (error) {
    throw new FatalError(ExitCode.notRunning, `the ${who} does not answer at ${path}: ${explain(error)}`)
  }
}
