// Finds messages in the bytes of a connection. Whole messages are handed out in place; only one that is split between two
// reads is copied.
import { HEADER_SIZE, MARKER, MAX_MESSAGE, MessageType, messageLength, messageType } from './header.js'
import { notification } from './notification.js'
import { type SessionReset, sessionReset } from './result.js'

/** Lengths of whole messages by type: at least, and at most where the session's maximum does not matter. */
const LENGTHS: Readonly<Record<number, readonly [min: number, max?: number]>> = {
  // RFC 8654 4: OPEN and KEEPALIVE are never extended
  [MessageType.OPEN]: [29, MAX_MESSAGE],
  [MessageType.UPDATE]: [23],
  [MessageType.NOTIFICATION]: [21],
  [MessageType.KEEPALIVE]: [HEADER_SIZE, HEADER_SIZE],
  // its decoder has an error of its own for a wrong length (RFC 7313 5)
  [MessageType.ROUTE_REFRESH]: [HEADER_SIZE],
}

export class MessageScanner {
  /** Bytes: MAX_MESSAGE, or MAX_EXTENDED_MESSAGE from when both sides have said that they take extended messages. */
  maxMessage = MAX_MESSAGE
  /** Why the rest of the stream cannot be read. */
  fault: SessionReset | undefined
  /** A header or message whose rest has not come, and how much of it is there. */
  private partial = Buffer.allocUnsafe(HEADER_SIZE)
  private filled = 0

  /** The length of the message whose header is at `offset`; undefined if the header is wrong, which ends the stream. */
  private checkedLength(bytes: Buffer, offset: number): number | undefined {
    this.fault ??= headerFault(bytes, offset, this.maxMessage)
    return this.fault === undefined ? messageLength(bytes, offset) : undefined
  }

  /**
   * Yields each message that is complete with these bytes, in order; it may share their memory. The generator must be run
   * to its end. `maxMessage` may change between two messages. Nothing follows a fault.
   */
  *push(bytes: Buffer): Generator<Buffer, void, undefined> {
    let offset = 0
    while (offset < bytes.length) {
      const left = bytes.length - offset
      if (this.filled === 0 && left >= HEADER_SIZE) {
        const length = this.checkedLength(bytes, offset)
        if (length === undefined) return
        if (length <= left) {
          yield bytes.subarray(offset, offset + length)
          offset += length
          continue
        }
      }
      const count = bytes.copy(this.partial, this.filled, offset)
      offset += count
      this.filled += count
      if (this.filled < this.partial.length) return
      const length = this.checkedLength(this.partial, 0)
      if (length === undefined) return
      if (length === this.filled) yield this.takePartial()
      else this.growPartial(length)
    }
  }

  private takePartial(): Buffer {
    const message = this.partial
    this.partial = Buffer.allocUnsafe(HEADER_SIZE)
    this.filled = 0
    return message
  }

  private growPartial(length: number): void {
    const message = Buffer.allocUnsafe(length)
    this.partial.copy(message)
    this.partial = message
  }
}

/** Why the bytes at `offset` are no header (RFC 4271 6.1); HEADER_SIZE bytes must be there. */
function headerFault(bytes: Buffer, offset: number, maxMessage: number): SessionReset | undefined {
  if (MARKER.compare(bytes, offset, offset + MARKER.length) !== 0) {
    return sessionReset(
      notification('Message Header Error', 'Connection Not Synchronized'),
      'the marker is not 16 bytes of ff',
    )
  }
  const length = messageLength(bytes, offset)
  const type = messageType(bytes, offset)
  const [min, max = maxMessage] = LENGTHS[type] ?? [HEADER_SIZE]
  if (length < min || length > max) {
    const field = Buffer.from(bytes.subarray(offset + MARKER.length, offset + MARKER.length + 2))
    const wrong = `a message of type ${type} has length ${length}, expected ${min} to ${max}`
    return sessionReset(notification('Message Header Error', 'Bad Message Length', field), wrong)
  }
  if (LENGTHS[type] !== undefined) return undefined
  const wrong = `${type} is no message type`
  return sessionReset(notification('Message Header Error', 'Bad Message Type', Buffer.from([type])), wrong)
}
