// A BGP neighbour: the session machine with a real connection and a real clock.
import type { Socket } from 'node:net'
import { Session, type SessionAction, type SessionInput, type SessionSettings } from '../../bgp/session.js'
import { monotonicMs } from '../../base/clock.js'
import { dial, type DialOptions } from '../../os/tcp-dial.js'

/** `name` tells it from every other one. */
export type NeighborSettings = SessionSettings & { readonly name: string; readonly dial: DialOptions }

export type NeighborHandler = (action: Extract<SessionAction, { type: 'up' | 'update' | 'refresh' | 'down' }>) => void

export class Neighbor {
  private readonly session: Session
  private socket: Socket | undefined
  private giveUp: (() => void) | undefined
  private timer: NodeJS.Timeout | undefined

  constructor(
    private readonly address: DialOptions,
    settings: SessionSettings,
    private readonly handler: NeighborHandler,
  ) {
    this.session = new Session(settings, Math.random)
  }

  get state(): Session['state'] {
    return this.session.state
  }

  start(isRestarting: boolean): void {
    this.take({ type: 'start', isRestarting })
  }

  /** Ends the session for good; `text` is told to the neighbour's operator. */
  stop(text: string): void {
    this.take({ type: 'stop', text })
  }

  /** Sends whole messages. May be called while the session is established. */
  send(messages: readonly Buffer[]): void {
    for (const message of messages) this.socket?.write(message)
  }

  private take(input: SessionInput): void {
    for (const action of this.session.take(input, monotonicMs())) this.act(action)
    clearTimeout(this.timer)
    const next = this.session.next()
    if (next === undefined) return
    this.timer = setTimeout(
      () => {
        this.take({ type: 'tick' })
      },
      Math.max(0, next - monotonicMs()),
    )
  }

  private act(action: SessionAction): void {
    switch (action.type) {
      case 'connect':
        this.giveUp = dial(
          this.address,
          (socket) => {
            this.connected(socket)
          },
          (reason) => {
            this.giveUp = undefined
            this.take({ type: 'closed', reason })
          },
        )
        return
      case 'send':
        this.socket?.write(action.bytes)
        return
      case 'close':
        this.close()
        return
      case 'down':
        this.close()
        this.handler(action)
        return
      case 'up':
      case 'update':
      case 'refresh':
        this.handler(action)
    }
  }

  private connected(socket: Socket): void {
    this.giveUp = undefined
    this.socket = socket
    socket.setNoDelay(true)
    let reason = 'the neighbour closed the connection'
    socket.on('data', (bytes: Buffer) => {
      if (this.socket === socket) this.take({ type: 'received', bytes })
    })
    socket.on('error', (error) => {
      reason = error.message
    })
    socket.on('close', () => {
      if (this.socket !== socket) return
      this.socket = undefined
      this.take({ type: 'closed', reason })
    })
    this.take({ type: 'connected' })
  }

  private close(): void {
    this.giveUp?.()
    this.giveUp = undefined
    const { socket } = this
    this.socket = undefined
    socket?.end()
    // it may never take what was sent at last
    socket?.setTimeout(CLOSE_MS, () => socket.destroy())
  }
}

/** What was sent at last has so long to go out. */
const CLOSE_MS = 5000
