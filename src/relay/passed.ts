// What has passed in sessions and was added to them, in numbers.
import type { Session } from './session.js'

export type Passed = {
  bytesToZebra: number
  bytesToBgpd: number
  framesToZebra: number
  framesToBgpd: number
  injected: number
  dropped: number
}

export const NOTHING_PASSED: Readonly<Passed> = {
  ...{ bytesToZebra: 0, bytesToBgpd: 0, framesToZebra: 0, framesToBgpd: 0 },
  ...{ injected: 0, dropped: 0 },
}

export const passedIn = ({ toZebra, toBgpd, frames }: Session): Passed => ({
  bytesToZebra: toZebra.bytes,
  bytesToBgpd: toBgpd.bytes,
  framesToZebra: frames.toZebra,
  framesToBgpd: frames.toBgpd,
  injected: frames.injected,
  dropped: frames.dropped,
})

/** Adds what has passed in a session to a sum. */
export function addPassed(sum: Passed, session: Session): void {
  const passed = passedIn(session)
  sum.bytesToZebra += passed.bytesToZebra
  sum.bytesToBgpd += passed.bytesToBgpd
  sum.framesToZebra += passed.framesToZebra
  sum.framesToBgpd += passed.framesToBgpd
  sum.injected += passed.injected
  sum.dropped += passed.dropped
}
