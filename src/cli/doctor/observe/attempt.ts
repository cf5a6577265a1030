// What cannot be seen is said with its reason, and nothing takes longer than it may.
import { errnoName, reason } from '../../../base/exit.js'
import { Vty } from '../../../vty/vty.js'
import type { Seen } from '../seen.js'

/** Nothing that is asked has longer than this. */
export const PATIENCE_MS = 1500

const REASONS = new Map<string | undefined, string>([
  ['EACCES', 'no permission: run as root'],
  ['EPERM', 'no permission: run as root'],
  ['ENOENT', 'is not there'],
  ['ECONNREFUSED', 'nobody listens there'],
])

const whyNot = (what: string, error: unknown): { unknown: string } => ({
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

/** Asks a daemon of FRR on its vty socket. One that answers without end is cut off. */
export const askVty = <T>(path: string, ask: (vty: Vty) => Promise<T>): Promise<Seen<T>> =>
  attemptLater(path, async () => {
    using vty = await Vty.open(path, PATIENCE_MS)
    const timer = setTimeout(() => {
      vty[Symbol.dispose]()
    }, PATIENCE_MS)
    try {
      return await ask(vty)
    } finally {
      clearTimeout(timer)
    }
  })
