// What decoding comes to when a message breaks the protocol.
import { DecodeError } from '../base/cursor.js'
import type { Notification } from './notification.js'

/** The session has to end with this NOTIFICATION; `reason` says what was wrong, where, and what was expected. */
export type SessionReset = {
  readonly kind: 'session-reset'
  readonly notification: Notification
  readonly reason: string
}

export const sessionReset = (notification: Notification, reason: string): SessionReset => ({
  kind: 'session-reset',
  notification,
  reason,
})

/** Carries a SessionReset out of nested decoders; it does not leave this directory. */
export class ResetError extends Error {
  override readonly name = 'ResetError'
  constructor(
    readonly notification: Notification,
    reason: string,
  ) {
    super(reason)
  }
}

/**
 * Runs a decoder.
 * @param malformed the NOTIFICATION for bytes that do not have the layout they should have
 */
export function orReset<T>(decode: () => T, malformed: Notification): T | SessionReset {
  try {
    return decode()
  } catch (error) {
    if (error instanceof ResetError) return sessionReset(error.notification, error.message)
    if (error instanceof DecodeError) return sessionReset(malformed, error.message)
    throw error
  }
}
