// What a successor of the keeper has to know of a connection besides its descriptors. It is in a file in memory, which is
// handed on like them, so that neither a name nor a disk is needed.
import * as v from 'valibot'
import { readLine, writeLine } from '../os/memory-file.js'
import { findOpening } from '../zapi/handshake.js'
import type { FirstBytes, SessionOffer } from './ipc.js'

export type Note = Pick<SessionOffer, 'zebraVersion' | 'unseen' | 'opening'>

/** HELLO and CAPABILITIES have some twenty bytes; of what is longer a successor would understand nothing. */
const MAX_FRAME = 1024

/** What another process says of a connection. */
export const NOTE = {
  zebraVersion: v.optional(v.pipe(v.string(), v.regex(/^\d+\.\d+$/))),
  unseen: v.boolean(),
  opening: v.object({ toZebra: v.string(), toBgpd: v.string() }),
}
const note = v.object(NOTE)

/** Throws if it cannot be written; what was written before is not valid any more then. */
export function writeNote(fd: number, { zebraVersion, unseen, opening }: SessionOffer): void {
  const { hello, capabilities } = findOpening(fromText(opening.toZebra), fromText(opening.toBgpd))
  const frames: FirstBytes = { toZebra: toText(hello), toBgpd: toText(capabilities) }
  writeLine(fd, JSON.stringify({ zebraVersion, unseen, opening: frames }))
}

const fromText = (text: string): Buffer => Buffer.from(text, 'base64')
const toText = (frame: Buffer | undefined): string =>
  frame === undefined || frame.length > MAX_FRAME ? '' : frame.toString('base64')

/** Undefined if there is none that can be understood. */
export function readNote(fd: number): Note | undefined {
  try {
    const { zebraVersion, unseen, opening } = v.parse(note, JSON.parse(readLine(fd) ?? ''))
    return { zebraVersion, unseen, opening }
  } catch {
    return undefined
  }
}
