// The session of a speaker that dials and speaks EVPN alone (RFC 4271 8). Pure: what the connection does and what time it is
// go in; what to do with the connection, and what the neighbour says, come out.
import { type Capability, findCapability } from './capabilities.js'
import { EVPN, sameFamily } from './family.js'
import { KEEPALIVE, MAX_EXTENDED_MESSAGE, MAX_MESSAGE, MessageType, messageType } from './header.js'
import {
  decodeNotification,
  encodeNotification,
  type Notification,
  notification,
  notificationName,
  shutdown,
  shutdownText,
} from './notification.js'
import { decodeOpen, encodeOpen, type Open } from './open.js'
import { type SessionReset, sessionReset } from './result.js'
import { decodeRouteRefresh } from './route-refresh.js'
import { MessageScanner } from './scanner.js'
import type { UpdateFormat } from './update-encode.js'
import { decodeUpdate, type Update } from './update.js'
import type { AttributeProblem } from './attributes/decode.js'

/** Times are milliseconds of one monotonic clock, but where seconds are named. */
export type SessionSettings = {
  readonly localAs: number
  readonly peerAs: number
  readonly routerId: string
  /** Seconds: 0, or at least 3. */
  readonly holdTime: number
  /** Seconds for which the neighbour is to keep our routes without us (RFC 4724); 0: not at all. */
  readonly restartTime: number
}

/** What the neighbour's OPEN said, and what both have agreed on. */
export type Peer = {
  readonly open: Open
  readonly format: UpdateFormat
  /** Seconds. */
  readonly holdTime: number
}

export type SessionInput =
  /** `isRestarting`: this process knows what it had announced, and lets the neighbour keep that (RFC 4724 4.1). */
  | { readonly type: 'start'; readonly isRestarting: boolean }
  /** For good: `text` is told to the neighbour's operator (RFC 9003). */
  | { readonly type: 'stop'; readonly text: string }
  | { readonly type: 'connected' }
  /** The connection could not be made, or has ended. */
  | { readonly type: 'closed'; readonly reason: string }
  | { readonly type: 'received'; readonly bytes: Buffer }
  | { readonly type: 'tick' }

export type SessionAction =
  | { readonly type: 'connect' }
  | { readonly type: 'send'; readonly bytes: Buffer }
  /** End the connection after what was sent, or give up making it. */
  | { readonly type: 'close' }
  | { readonly type: 'up'; readonly peer: Peer }
  | { readonly type: 'update'; readonly update: Update; readonly problems: readonly AttributeProblem[] }
  /** The neighbour asks for all our routes. */
  | { readonly type: 'refresh' }
  /** The session, or the attempt to have one, has ended. */
  | { readonly type: 'down'; readonly reason: string; readonly wasUp: boolean }

/** As RFC 4271 8.2.2 calls them. `idle` after a failure waits for the next attempt. */
export type SessionState = 'idle' | 'connect' | 'open-sent' | 'open-confirm' | 'established'

/** How long a connection may take to be made. */
const CONNECT_MS = 10_000
/** How long the neighbour's OPEN may take (RFC 4271 8.2.2). */
const OPEN_MS = 240_000
/** The first pause after a failure; each is twice the last. */
const RETRY_MS = 1000
const MAX_RETRY_MS = 60_000
/** A session that lasted so long was sound: the next pause is the first one again. */
const SOUND_MS = 60_000
/** Timers are shortened by up to a quarter, so that many speakers do not act at once (RFC 4271 10). */
const JITTER = 0.25

type Take<K extends SessionInput['type']> = Extract<SessionInput, { type: K }>

export class Session {
  state: SessionState = 'idle'
  private actions: SessionAction[] = []
  private scanner = new MessageScanner()
  private peer: Peer | undefined
  private isStopped = true
  private isRestarting = false
  private retryMs = RETRY_MS
  private upSince = 0
  /** The connection, the next attempt, or the neighbour is given up on then. */
  private deadline: number | undefined
  private keepaliveAt: number | undefined

  /** @param random returns numbers from 0 to 1 for jitter */
  constructor(
    private readonly settings: SessionSettings,
    private readonly random: () => number,
  ) {}

  /** When the next tick is due; undefined if none is. */
  next(): number | undefined {
    const times = [this.deadline, this.keepaliveAt].filter((it) => it !== undefined)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  take(input: SessionInput, now: number): SessionAction[] {
    this.actions = []
    switch (input.type) {
      case 'start':
        this.start(input, now)
        break
      case 'stop':
        this.stop(input)
        break
      case 'connected':
        if (this.state === 'connect') this.sendOpen(now)
        break
      case 'closed':
        if (this.state !== 'idle') this.down(input.reason, now)
        break
      case 'received':
        this.receive(input, now)
        break
      case 'tick':
        this.tick(now)
    }
    return this.actions
  }

  private start({ isRestarting }: Take<'start'>, now: number): void {
    if (!this.isStopped) return
    this.isStopped = false
    this.isRestarting = isRestarting
    this.connect(now)
  }

  private stop({ text }: Take<'stop'>): void {
    if (this.isStopped) return
    this.isStopped = true
    if (this.state === 'established' || this.state === 'open-sent' || this.state === 'open-confirm')
      this.send(encodeNotification(shutdown('Administrative Shutdown', text)))
    const wasUp = this.state === 'established'
    if (this.state !== 'idle') this.actions.push({ type: 'close' })
    this.reset()
    this.actions.push({ type: 'down', reason: 'stopped', wasUp })
  }

  private connect(now: number): void {
    this.state = 'connect'
    this.scanner = new MessageScanner()
    this.deadline = now + CONNECT_MS
    this.actions.push({ type: 'connect' })
  }

  private sendOpen(now: number): void {
    const { localAs, routerId, holdTime, restartTime } = this.settings
    const isKept = restartTime > 0
    const capabilities: Capability[] = [
      { kind: 'multiprotocol', ...EVPN },
      { kind: 'route-refresh' },
      { kind: 'extended-message' },
      { kind: 'four-octet-as', as: localAs },
      {
        // without a family it asks for End-of-RIB alone (RFC 4724 3)
        ...{ kind: 'graceful-restart', restarting: isKept && this.isRestarting, notification: isKept, restartTime },
        families: isKept ? [{ ...EVPN, forwardingPreserved: true }] : [],
      },
    ]
    this.state = 'open-sent'
    this.deadline = now + OPEN_MS
    this.send(encodeOpen({ as: localAs, holdTime, routerId, capabilities }))
  }

  private receive({ bytes }: Take<'received'>, now: number): void {
    if (this.state === 'idle' || this.state === 'connect') return
    for (const message of this.scanner.push(bytes)) {
      this.message(message, now)
      if (this.isOver()) return
    }
    if (this.scanner.fault !== undefined) this.fail(this.scanner.fault, now)
  }

  /** Whether the last message has ended the session. */
  private isOver(): boolean {
    return this.state === 'idle'
  }

  private message(message: Buffer, now: number): void {
    const type = messageType(message)
    if (type === MessageType.NOTIFICATION) {
      this.notified(decodeNotification(message), now)
      return
    }
    switch (this.state) {
      case 'open-sent':
        if (type === MessageType.OPEN) this.opened(message, now)
        else this.unexpected('Receive Unexpected Message in OpenSent State', type, now)
        return
      case 'open-confirm':
        if (type === MessageType.KEEPALIVE) this.up(now)
        else this.unexpected('Receive Unexpected Message in OpenConfirm State', type, now)
        return
      case 'established':
        this.established(message, type, now)
        return
      case 'idle':
      case 'connect':
    }
  }

  private opened(message: Buffer, now: number): void {
    const result = decodeOpen(message)
    if (result.kind === 'session-reset') {
      this.fail(result, now)
      return
    }
    const { open } = result
    const refusal = this.refusalOf(open)
    if (refusal !== undefined) {
      this.fail(refusal, now)
      return
    }
    this.peer = this.agree(open)
    this.scanner.maxMessage = this.peer.format.maxMessage
    this.state = 'open-confirm'
    this.send(KEEPALIVE)
    this.heard(now)
    this.scheduleKeepalive(now)
  }

  /** RFC 4271 6.2, RFC 6286 2.1, RFC 5492 3. */
  private refusalOf({ as, routerId, capabilities }: Open): SessionReset | undefined {
    const { localAs, peerAs, routerId: ours } = this.settings
    if (as !== peerAs) {
      return sessionReset(
        notification('OPEN Message Error', 'Bad Peer AS'),
        `the neighbour is AS ${as}, expected ${peerAs}`,
      )
    }
    if (localAs === peerAs && routerId === ours) {
      const reason = `the neighbour has our own router id ${ours}`
      return sessionReset(notification('OPEN Message Error', 'Bad BGP Identifier'), reason)
    }
    const speaksEvpn = capabilities.some((it) => it.kind === 'multiprotocol' && sameFamily(it, EVPN))
    if (speaksEvpn) return undefined
    const wanted = Buffer.from([1, 4, 0, EVPN.afi, 0, EVPN.safi])
    const reason = 'the neighbour does not speak EVPN with us (address-family l2vpn evpn, activate)'
    return sessionReset(notification('OPEN Message Error', 'Unsupported Capability', wanted), reason)
  }

  private agree(open: Open): Peer {
    const { localAs, peerAs, holdTime } = this.settings
    const has = (kind: 'four-octet-as' | 'extended-message'): boolean =>
      findCapability(open.capabilities, kind) !== undefined
    return {
      open,
      format: {
        fourOctetAs: has('four-octet-as'),
        internal: localAs === peerAs,
        maxMessage: has('extended-message') ? MAX_EXTENDED_MESSAGE : MAX_MESSAGE,
      },
      holdTime: Math.min(holdTime, open.holdTime),
    }
  }

  private up(now: number): void {
    if (this.peer === undefined) return
    this.state = 'established'
    this.upSince = now
    this.heard(now)
    this.actions.push({ type: 'up', peer: this.peer })
    // a lost connection alone is no restart
    this.isRestarting = false
  }

  private established(message: Buffer, type: number, now: number): void {
    this.heard(now)
    if (type === MessageType.KEEPALIVE) return
    if (type === MessageType.UPDATE) this.updated(message, now)
    else if (type === MessageType.ROUTE_REFRESH) this.refreshed(message, now)
    else this.unexpected('Receive Unexpected Message in Established State', type, now)
  }

  private updated(message: Buffer, now: number): void {
    const format = this.peer?.format
    if (format === undefined) return
    const result = decodeUpdate(message, format)
    switch (result.kind) {
      case 'ok':
        this.actions.push({ type: 'update', update: result.update, problems: [] })
        return
      case 'attribute-discard':
        this.actions.push({ type: 'update', update: result.update, problems: result.problems })
        return
      case 'treat-as-withdraw': {
        const { withdrawn, problems } = result
        this.actions.push({
          type: 'update',
          update: { withdrawn, announced: [], attributes: { unknown: [] } },
          problems,
        })
        return
      }
      case 'session-reset':
        this.fail(result, now)
    }
  }

  private refreshed(message: Buffer, now: number): void {
    const result = decodeRouteRefresh(message)
    if (result.kind === 'session-reset') this.fail(result, now)
    else if (result.kind === 'ok' && result.refresh.subtype === 'request' && sameFamily(result.refresh, EVPN))
      this.actions.push({ type: 'refresh' })
  }

  private unexpected(
    subcode: `Receive Unexpected Message in ${'OpenSent' | 'OpenConfirm' | 'Established'} State`,
    type: number,
    now: number,
  ): void {
    const reason = `a message of type ${type} came in state ${this.state}`
    this.fail(sessionReset(notification('Finite State Machine Error', subcode), reason), now)
  }

  private notified(message: Notification, now: number): void {
    const text = shutdownText(message)
    this.actions.push({ type: 'close' })
    this.down(`the neighbour says ${notificationName(message)}${text === undefined ? '' : `: ${text}`}`, now)
  }

  private tick(now: number): void {
    if (this.keepaliveAt !== undefined && now >= this.keepaliveAt) {
      this.send(KEEPALIVE)
      this.scheduleKeepalive(now)
    }
    if (this.deadline === undefined || now < this.deadline) return
    switch (this.state) {
      case 'idle':
        this.connect(now)
        return
      case 'connect':
        this.actions.push({ type: 'close' })
        this.down(`no connection within ${CONNECT_MS / 1000} s`, now)
        return
      case 'open-sent':
      case 'open-confirm':
      case 'established':
        this.fail(
          sessionReset(notification('Hold Timer Expired', 'Unspecific'), 'the neighbour was silent for the hold time'),
          now,
        )
    }
  }

  /** The neighbour has said something. */
  private heard(now: number): void {
    const holdTime = this.peer?.holdTime ?? 0
    this.deadline = holdTime === 0 ? undefined : now + holdTime * 1000
  }

  private scheduleKeepalive(now: number): void {
    const holdTime = this.peer?.holdTime ?? 0
    this.keepaliveAt = holdTime === 0 ? undefined : now + this.jittered((holdTime * 1000) / 3)
  }

  private jittered(ms: number): number {
    return ms * (1 - JITTER * this.random())
  }

  private send(bytes: Buffer): void {
    this.actions.push({ type: 'send', bytes })
  }

  /** Ends the session for something that the neighbour did, and tells it so. */
  private fail({ notification: message, reason }: SessionReset, now: number): void {
    this.send(encodeNotification(message))
    this.actions.push({ type: 'close' })
    this.down(reason, now)
  }

  private down(reason: string, now: number): void {
    const wasUp = this.state === 'established'
    if (wasUp && now - this.upSince >= SOUND_MS) this.retryMs = RETRY_MS
    this.reset()
    this.deadline = now + this.jittered(this.retryMs)
    this.retryMs = Math.min(2 * this.retryMs, MAX_RETRY_MS)
    this.actions.push({ type: 'down', reason, wasUp })
  }

  private reset(): void {
    this.state = 'idle'
    this.peer = undefined
    this.deadline = undefined
    this.keepaliveAt = undefined
  }
}
