// Finds out what each session of a recording is for, and which release speaks in it.
import { HEADER_SIZE, frameCommand, frameLength } from '../../../zapi/frame.js'
import { type Handshake, handshakeOf } from '../../../zapi/handshake.js'
import type { FrrRelease } from '../../../zapi/releases.js'
import { isHello, outline, releasesWith } from '../../../zapi/detect-release.js'
import { type ExchangeRecord, RecordKind } from '../../../record/zapi-records.js'

type Kind = Handshake['kind']

class RecordedSession {
  hello: Buffer | undefined
  capabilities: Buffer | undefined
  /** The release that the relay names. */
  said: FrrRelease | undefined
  kind: Kind = 'unknown'
  /** Whether it has begun and bgpd has said nothing yet. */
  silent = false

  setHello(frame: Buffer): void {
    this.hello = Buffer.from(frame)
    this.kind = handshakeOf(this.hello, undefined, undefined).kind
  }

  /** Returns the releases whose first messages are these, oldest first; none while HELLO was not seen or is unknown. */
  get releases(): FrrRelease[] {
    if (this.hello === undefined) return []
    return releasesWith(outline(this.hello), this.capabilities === undefined ? undefined : outline(this.capabilities))
  }
}

export class RecordedSessions {
  private readonly sessions = new Map<number, RecordedSession>()
  /** The release of the session whose release was detected last: all sessions belong to the same FRR. */
  private latest: FrrRelease | undefined

  /** @param forced the release to decode with; what the sessions say does not count then */
  constructor(private readonly forced: FrrRelease | undefined) {}

  /** Learns from a record; call it with every record, in order. */
  learn({ kind, session: id, bytes }: ExchangeRecord): void {
    const session = this.of(id)
    if (kind === RecordKind.opened && session.hello === undefined) session.silent = true
    else if (kind === RecordKind.toZebra || kind === RecordKind.closed) session.silent = false
    if (kind === RecordKind.known) {
      for (const frame of framesIn(bytes)) this.handshake(session, frame)
    } else if (kind === RecordKind.toZebra && session.hello === undefined) {
      this.handshake(session, bytes)
    } else if (kind === RecordKind.toBgpd && session.hello !== undefined && session.capabilities === undefined) {
      this.handshake(session, bytes)
    }
    if (session.capabilities !== undefined) this.latest = this.releaseOf(id) ?? this.latest
  }

  /** Takes in the release that the relay names for a session. */
  tell(id: number, release: FrrRelease | undefined): void {
    this.of(id).said = release
  }

  kindOf(id: number): Kind {
    return this.sessions.get(id)?.kind ?? 'unknown'
  }

  releaseOf(id: number): FrrRelease | undefined {
    if (this.forced !== undefined) return this.forced
    const session = this.sessions.get(id)
    if (session?.said !== undefined) return session.said
    const releases = session?.releases ?? []
    if (session?.hello === undefined) return this.latest
    return this.latest !== undefined && releases.includes(this.latest) ? this.latest : releases[0]
  }

  /** Whether a message yet to come tells what the session is, or with which release it is to be decoded. */
  isUndecided(id: number): boolean {
    const session = this.sessions.get(id)
    if (session?.silent === true) return true
    if (session === undefined || this.forced !== undefined || session.said !== undefined) return false
    if (session.hello === undefined || session.capabilities !== undefined) return false
    return session.releases.length > 1 && !(this.latest !== undefined && session.releases.includes(this.latest))
  }

  /** Returns HELLO and CAPABILITIES, as far as they are known. */
  openingOf(id: number): { hello: Buffer | undefined; capabilities: Buffer | undefined } {
    return this.sessions.get(id) ?? { hello: undefined, capabilities: undefined }
  }

  forget(id: number): void {
    this.sessions.delete(id)
  }

  private of(id: number): RecordedSession {
    const known = this.sessions.get(id)
    if (known !== undefined) return known
    const session = new RecordedSession()
    this.sessions.set(id, session)
    return session
  }

  /** Keeps HELLO and CAPABILITIES. A recording may begin anywhere, so other messages are not taken for them. */
  private handshake(session: RecordedSession, frame: Buffer): void {
    if (session.hello === undefined) {
      if (isHello(frameCommand(frame))) session.setHello(frame)
    } else if (releasesWith(outline(session.hello), outline(frame)).length > 0) {
      session.capabilities = Buffer.from(frame)
    }
  }
}

function* framesIn(bytes: Buffer): Generator<Buffer> {
  for (let offset = 0; bytes.length - offset >= HEADER_SIZE; ) {
    const length = Math.max(HEADER_SIZE, frameLength(bytes, offset))
    yield bytes.subarray(offset, offset + length)
    offset += length
  }
}
