// What a successor of the keeper has to know of a connection besides its descriptors. It is in a file in memory, which is
// handed on like them, so that neither a name nor a disk is needed.
import * as v from 'valibot'
import { readLine, writeLine } from '../os/memory-file.js'
import { HEADER_SIZE, frameLength, headerFault } from '../zapi/frame.js'
import type { SessionOffer } from './ipc.js'

export type Note = Pick<SessionOffer, 'zebraVersion' | 'unseen' | 'opening'>

/** Base64 of a whole frame, or empty. */
const frame = v.pipe(
  v.string(),
  v.check((text) => {
    const bytes = Buffer.from(text, 'base64')
    if (bytes.length < HEADER_SIZE) return text === ''
    return headerFault(bytes, 0) === undefined && frameLength(bytes) === bytes.length
  }, 'not a frame'),
)

/** What another process says of a connection. */
export const NOTE = {
  zebraVersion: v.optional(v.pipe(v.string(), v.regex(/^\d+\.\d+$/))),
  unseen: v.boolean(),
  opening: v.object({ hello: frame, capabilities: frame }),
}
const note = v.object(NOTE)

/** Throws if it cannot be written; what was written before is not valid any more then. */
export function writeNote(fd: number, { zebraVersion, unseen, opening }: SessionOffer): void {
  writeLine(fd, JSON.stringify({ zebraVersion, unseen, opening }))
}

/** Undefined if there is none that can be understood. */
export function readNote(fd: number): Note | undefined {
  try {
    const { zebraVersion, unseen, opening } = v.parse(note, JSON.parse(readLine(fd) ?? ''))
    return { zebraVersion, unseen, opening }
  } catch {
    return undefined
  }
}
