// Where the next frame begins in what a source socket holds, noted in the socket itself: SO_PEEK_OFF is of no other use
// here, lasts as long as the connection, in whichever process, and the kernel counts a positive one down in the same step
// in which bytes leave the socket. So a successor finds it right at whatever instruction its predecessor ended.
//
//   -1                    at the front; also of a socket that was never looked at
//   -2                    not known
//   INSIDE - n            n bytes behind the front, and nothing leaves now; they end a watched frame whose beginning has
//                         passed without being understood
//   AHEAD + n             n bytes behind the front, and they belong to frames that were seen or that need not be
//   AHEAD_INSIDE + n      the same, but they end a watched frame as above
//   other values          more has left than was announced: not known
import { peekOffset, setPeekOffset } from '../os/splice.js'

const AT_FRONT = -1
const NOT_KNOWN = -2
const INSIDE = -(1 << 20)
const AHEAD = 1 << 20
const AHEAD_INSIDE = 1 << 22
/** More than a look and an unfinished frame together. */
const MAX_BYTES = 1 << 18

/** `bytesAhead` are in front of the next frame; `unseen`: they end a watched frame that was not understood. */
export type Boundary = { known: true; bytesAhead: number; unseen: boolean } | { known: false }

/** Reads what was noted last, by whichever process. Throws SystemError. */
export function readBoundary(socket: number): Boundary {
  const mark = peekOffset(socket)
  if (mark === AT_FRONT) return { known: true, bytesAhead: 0, unseen: false }
  const known = (bytesAhead: number, unseen: boolean): Boundary =>
    bytesAhead >= 0 && bytesAhead <= MAX_BYTES ? { known: true, bytesAhead, unseen } : { known: false }
  if (mark < 0) return known(INSIDE - mark, true)
  return mark < AHEAD_INSIDE ? known(mark - AHEAD, false) : known(mark - AHEAD_INSIDE, true)
}

/** The note of one process, which is the only one that looks at the socket and takes from it. Methods throw SystemError. */
export class BoundaryMark {
  private mark: number | undefined

  constructor(private readonly socket: number) {}

  /** Peeking begins at the front after this, after `unknown`, and after `inside`. */
  atFront(): void {
    this.set(AT_FRONT)
  }

  unknown(): void {
    this.set(NOT_KNOWN)
  }

  /** The next `bytes` of the socket, some of which may be still to come, end a watched frame of which a part has passed. */
  inside(bytes: number): void {
    this.set(INSIDE - bytes)
  }

  /** The next `bytes`, which are about to leave, end with a frame; `unseen`: one of which a part has passed. */
  ahead(bytes: number, unseen: boolean): void {
    this.set((unseen ? AHEAD_INSIDE : AHEAD) + bytes)
    // from here the kernel counts
    this.mark = undefined
  }

  /** Calls `look`, which takes nothing from the socket, with peeking at the front. */
  withoutNote<T>(look: () => T): T {
    const mark = peekOffset(this.socket)
    setPeekOffset(this.socket, NOT_KNOWN)
    const result = look()
    setPeekOffset(this.socket, mark)
    return result
  }

  private set(mark: number): void {
    if (mark === this.mark) return
    setPeekOffset(this.socket, mark)
    this.mark = mark
  }
}
