// NOTIFICATION messages (RFC 4271 4.5), whose data may carry a text or another NOTIFICATION.
import { HEADER_SIZE, MAX_MESSAGE, MessageType, frame } from './header.js'

/** `code` and `subcode` are a byte each; `data` depends on them. */
export type Notification = { readonly code: number; readonly subcode: number; readonly data: Buffer }

/** Names of codes and subcodes in IANA's registry "BGP Parameters". Every code has the subcode Unspecific, too. */
const ERRORS = {
  'Message Header Error': {
    code: 1,
    subcodes: { 'Connection Not Synchronized': 1, 'Bad Message Length': 2, 'Bad Message Type': 3 },
  },
  'OPEN Message Error': {
    code: 2,
    subcodes: {
      'Unsupported Version Number': 1,
      'Bad Peer AS': 2,
      'Bad BGP Identifier': 3,
      'Unsupported Optional Parameter': 4,
      'Unacceptable Hold Time': 6,
      'Unsupported Capability': 7,
      'Role Mismatch': 11,
    },
  },
  'UPDATE Message Error': {
    code: 3,
    subcodes: {
      'Malformed Attribute List': 1,
      'Unrecognized Well-known Attribute': 2,
      'Missing Well-known Attribute': 3,
      'Attribute Flags Error': 4,
      'Attribute Length Error': 5,
      'Invalid ORIGIN Attribute': 6,
      'Invalid NEXT_HOP Attribute': 8,
      'Optional Attribute Error': 9,
      'Invalid Network Field': 10,
      'Malformed AS_PATH': 11,
    },
  },
  'Hold Timer Expired': { code: 4, subcodes: {} },
  'Finite State Machine Error': {
    code: 5,
    // RFC 6608
    subcodes: {
      'Receive Unexpected Message in OpenSent State': 1,
      'Receive Unexpected Message in OpenConfirm State': 2,
      'Receive Unexpected Message in Established State': 3,
    },
  },
  // RFC 4486, RFC 8538, RFC 9384
  Cease: {
    code: 6,
    subcodes: {
      'Maximum Number of Prefixes Reached': 1,
      'Administrative Shutdown': 2,
      'Peer De-configured': 3,
      'Administrative Reset': 4,
      'Connection Rejected': 5,
      'Other Configuration Change': 6,
      'Connection Collision Resolution': 7,
      'Out of Resources': 8,
      'Hard Reset': 9,
      'BFD Down': 10,
    },
  },
  // RFC 7313
  'ROUTE-REFRESH Message Error': { code: 7, subcodes: { 'Invalid Message Length': 1 } },
  // RFC 9687
  'Send Hold Timer Expired': { code: 8, subcodes: {} },
} as const

export type ErrorName = keyof typeof ERRORS
export type SubcodeName<E extends ErrorName> = 'Unspecific' | keyof (typeof ERRORS)[E]['subcodes']

/** Makes a NOTIFICATION from the names of its code and subcode. */
export function notification<E extends ErrorName>(
  error: E,
  subcode: SubcodeName<E>,
  data: Buffer = Buffer.alloc(0),
): Notification {
  const { code, subcodes } = ERRORS[error]
  // Unspecific is 0 for every code
  return { code, subcode: (subcodes as Record<string, number>)[subcode as string] ?? 0, data }
}

/** `Cease (6), Hard Reset (9)`; numbers alone where IANA has no name. */
export function notificationName({ code, subcode }: Notification): string {
  const known = Object.entries(ERRORS).find(([, error]) => error.code === code)
  if (known === undefined) return `error ${code}, subcode ${subcode}`
  const [name, { subcodes }] = known
  const [subcodeName] = Object.entries(subcodes).find(([, number]) => number === subcode) ?? []
  const second = subcodeName ?? (subcode === 0 ? 'Unspecific' : undefined)
  return `${name} (${code}), ${second === undefined ? `subcode ${subcode}` : `${second} (${subcode})`}`
}

/** The longest shutdown communication in bytes (RFC 9003 2). */
const MAX_COMMUNICATION = 255
const isCease = ({ code, subcode }: Notification, ...subcodes: number[]): boolean =>
  code === ERRORS.Cease.code && subcodes.includes(subcode)

/**
 * Makes a Cease with a text for the operator of the other side (RFC 9003 2).
 * @param text as UTF-8 at most 255 bytes long; what is longer is cut between characters
 */
export function shutdown(subcode: 'Administrative Shutdown' | 'Administrative Reset', text: string): Notification {
  let bytes = Buffer.alloc(0)
  for (const character of text) {
    const longer = Buffer.concat([bytes, Buffer.from(character)])
    if (longer.length > MAX_COMMUNICATION) break
    bytes = longer
  }
  return notification('Cease', subcode, Buffer.concat([Buffer.from([bytes.length]), bytes]))
}

/**
 * The text of an administrative shutdown or reset (RFC 9003 2), without characters that a terminal obeys; undefined where
 * there is none, or its length or UTF-8 is wrong.
 */
export function shutdownText(message: Notification): string | undefined {
  const { Cease } = ERRORS
  const { 'Administrative Shutdown': down, 'Administrative Reset': reset } = Cease.subcodes
  const length = message.data[0] ?? 0
  if (!isCease(message, down, reset) || length === 0 || message.data.length !== 1 + length) return undefined
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(message.data.subarray(1))
    return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd')
  } catch {
    return undefined
  }
}

/** Wraps a NOTIFICATION so that the other side restarts without keeping routes (RFC 8538 3). */
export const hardReset = ({ code, subcode, data }: Notification): Notification =>
  notification('Cease', 'Hard Reset', Buffer.concat([Buffer.from([code, subcode]), data]))

/** The NOTIFICATION inside a hard reset; undefined if it is no hard reset, or an empty one. */
export function unwrapHardReset(message: Notification): Notification | undefined {
  const [code, subcode] = message.data
  if (!isCease(message, ERRORS.Cease.subcodes['Hard Reset'])) return undefined
  if (code === undefined || subcode === undefined) return undefined
  return { code, subcode, data: message.data.subarray(2) }
}

/** The whole message. `data` is cut where the message would be longer than RFC 4271 allows. */
export const encodeNotification = ({ code, subcode, data }: Notification): Buffer =>
  frame(MessageType.NOTIFICATION, Buffer.from([code, subcode]), data.subarray(0, MAX_MESSAGE - HEADER_SIZE - 2))

/** @param message a whole message, whose header has been checked: two bytes of body are there */
export const decodeNotification = (message: Buffer): Notification => ({
  code: message.readUInt8(HEADER_SIZE),
  subcode: message.readUInt8(HEADER_SIZE + 1),
  data: Buffer.from(message.subarray(HEADER_SIZE + 2)),
})
