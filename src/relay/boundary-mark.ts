// Where the next frame begins in what a source socket holds, noted in the socket itself: SO_PEEK_OFF is of no other use
// here, lasts as long as the connection, whoever holds it, and the kernel counts it down in the same step in which bytes
// leave the socket. So a successor finds it right at whatever instruction its predecessor ended.
//
//   -1                    at the front; also of a socket that was never looked at
//   -2                    not known
//   AHEAD + n             n bytes behind the front, and they belong to frames that were seen or that need not be
//   AHEAD_UNSEEN + n      the same, but they end a watched frame whose beginning has passed without being understood
//   other values          more has left than was announced: not known
import { peekOffset, setPeekOffset } from '../os/splice.js'

const AT_FRONT = -1
const NOT_KNOWN = -2
const AHEAD = 1 << 20
const AHEAD_UNSEEN = 1 << 22
/** More than a look and an unfinished frame together. */
const MAX_BYTES = 1 << 18

export type Boundary = { known: true; bytesAhead: number; unseen: boolean } | { known: false }

/** Reads what a predecessor has noted. */
export function readBoundary(socket: number): Boundary {
  const mark = peekOffset(socket)
  if (mark === AT_FRONT) return { known: true, bytesAhead: 0, unseen: false }
  for (const base of [AHEAD, AHEAD_UNSEEN])
    if (mark >= base && mark <= base + MAX_BYTES)
      return { known: true, bytesAhead: mark - base, unseen: base === AHEAD_UNSEEN }
  return { known: false }
}

/** To be called before bytes leave the socket that nobody has looked at. What was noted as ahead is still counted. */
export function beginUnseen(socket: number): void {
  const boundary = readBoundary(socket)
  if (boundary.known && peekOffset(socket) !== AT_FRONT) setPeekOffset(socket, AHEAD + boundary.bytesAhead)
  else setPeekOffset(socket, NOT_KNOWN)
}

/** The note of one process, which is the only one that looks at the socket and takes from it. */
export class BoundaryMark {
  private mark: number | undefined

  constructor(private readonly socket: number) {}

  /** Peeking begins at the front, as long as none of `ahead` was called since. */
  atFront(): void {
    this.set(AT_FRONT)
  }

  unknown(): void {
    this.set(NOT_KNOWN)
  }

  /** `bytes` that are about to leave the socket, some of them perhaps later, end with a frame. */
  ahead(bytes: number, unseen: boolean): void {
    this.mark = undefined
    this.set((unseen ? AHEAD_UNSEEN : AHEAD) + bytes)
  }

  private set(mark: number): void {
    if (mark === this.mark) return
    setPeekOffset(this.socket, mark)
    this.mark = mark
  }
}
