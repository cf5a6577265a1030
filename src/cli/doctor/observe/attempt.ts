// What cannot be seen is said with its reason, and nothing takes longer than it may.
import { errnoName, reason } from '../../../base/exit.js'
import { Vty, VtyError } from '../../../vty/vty.js'
import type { Seen, Unseen } from '../seen.js'

/** Nothing that is asked has longer than this. */
export const PATIENCE_MS = 1500

const REASONS = new Map<string | undefined, string>([
  ['EACCES', 'no permission: run as root'],
  ['EPERM', 'no permission: run as root'],
  ['ENOENT', 'is not there'],
  ['ECONNREFUSED', 'nobody listens there'],
])

const whyNot = (what: string, error: unknown): Unseen => ({
  unknown: `${what}: ${REASONS.get(errnoName(error)) ?? reason(error)}`,
})

/** `what` names what is looked at, such as a path. */
export function attempt<T>(what: string, look: () => T): Seen<T> {
  try {
    return { value: look() }
  } catch (error) {
    return whyNot(what, error)
  }
}

export async function attemptLater<T>(what: string, look: () => Promise<T>): Promise<Seen<T>> {
  try {
    return { value: await look() }
  } catch (error) {
    return whyNot(what, error)
  }
}

/** Asks a daemon of FRR on its vty socket. One that hangs, or answers without end, is silent. */
export async function askVty<T>(path: string, ask: (vty: Vty) => Promise<T>): Promise<Seen<T>> {
  const timeout = new AbortController()
  try {
    // longer than the timer, which is for all questions together
    using vty = await Vty.open(path, 2 * PATIENCE_MS)
    const timer = setTimeout(() => {
      timeout.abort()
      vty[Symbol.dispose]()
    }, PATIENCE_MS)
    try {
      return { value: await ask(vty) }
    } finally {
      clearTimeout(timer)
    }
  } catch (error) {
    if (timeout.signal.aborted) return { unknown: `${path}: no answer within ${PATIENCE_MS / 1000} s`, isSilent: true }
    // its message names the path
    return error instanceof VtyError ? { unknown: error.message } : whyNot(path, error)
  }
}
