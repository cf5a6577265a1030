// The holder's side of a hand-over: waits for a successor, and gives it copies of every descriptor. Nothing changes for the
// holder until the successor says that it has them, and it keeps its own until the successor moves bytes.
import { type Socket, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { reason } from '../base/exit.js'
import type { Logger } from '../base/log.js'
import { sendWithDescriptors } from '../os/descriptors.js'
import { descriptorOf } from '../os/handle.js'
import { peerOf } from '../os/peercred.js'
import { ListeningSocket } from '../os/unix-socket.js'
import { type FromHolder, HAND_OVER_SOCKET, PROTOCOL, encodeLine } from './hand-over-messages.js'
import { DESCRIPTORS, type SessionOffer } from './ipc.js'
import { kill } from './predecessor.js'
import type { Descriptors, KeptListener } from './stored-names.js'

const MODE = 0o600
const MAX_REQUEST = 4096
/** A successor that is silent for so long is disconnected. */
const SILENCE_MS = 10_000
const RETRY_MS = 5
const SEND_MS = 5000
/** A successor that does not move bytes within this time never will: it would have begun to forward them unseen long ago. */
const MOVING_MS = 30_000

export type Held = { offer: SessionOffer; descriptors: Descriptors }

export type Holder = {
  role: 'keeper' | 'worker'
  listener(): KeptListener | undefined
  connections(): readonly Held[]
  /**
   * The successor has all that it was given. Resolves when no process of ours moves bytes any more, and never rejects;
   * `connections` then tells what else is to be given.
   */
  stop(): Promise<void>
  /** The successor has ended without moving any bytes: goes on as before `stop`. Undefined if the holder cannot. */
  resume: (() => Promise<void>) | undefined
  /** The successor moves the bytes: nothing is left to be done. */
  onDone(): void
}

export class HandOver {
  private listening: ListeningSocket | undefined
  private readonly successors = new Set<Socket>()
  /** The one that has said that it has everything. */
  private taker: { readonly socket: Socket; onOutcome(isMoving: boolean): void } | undefined

  constructor(
    private readonly runDir: string,
    private readonly holder: Holder,
    private readonly log: Logger,
  ) {}

  async listen(): Promise<void> {
    this.listening = await ListeningSocket.openLater({
      path: join(this.runDir, HAND_OVER_SOCKET),
      mode: MODE,
      createServer: () =>
        createServer((socket) => {
          this.accept(socket)
        }).on('error', (error) => {
          this.log.warn({ error: reason(error) }, 'a successor could not be accepted')
        }),
      onTrouble: (what, error) => {
        this.log.warn({ error: error === undefined ? undefined : reason(error) }, what)
      },
    })
  }

  /** The path is free; connections go on. */
  closePath(): void {
    void this.listening?.close()
  }

  /** Call it when everything that a successor needs is free: the end of the connection tells it. */
  close(): void {
    this.closePath()
    for (const socket of this.successors) socket.destroy()
  }

  private accept(socket: Socket): void {
    socket.on('error', () => undefined)
    const peer = peerOf(socket)
    if (peer === undefined || (peer.uid !== 0 && peer.uid !== process.geteuid?.())) {
      this.log.warn({ peer }, 'refused to hand over: the other process is neither root’s nor of our user')
      socket.destroy()
      return
    }
    this.successors.add(socket)
    const given = new Set<number>()
    let received = ''
    socket
      .on('data', (chunk: Buffer) => {
        received += chunk.toString('latin1')
        const lines = received.split('\n')
        received = lines.pop() ?? ''
        if (received.length > MAX_REQUEST) socket.destroy()
        for (const line of lines) this.answer(socket, line, given, peer.pid)
      })
      .on('close', () => {
        this.successors.delete(socket)
        if (this.taker?.socket === socket) this.taker.onOutcome(false)
      })
      .setTimeout(SILENCE_MS, () => {
        if (this.taker?.socket !== socket) socket.destroy()
      })
    void this.attempt(socket, () => this.send(socket, holderLine(this.holder.role)))
  }

  private answer(socket: Socket, line: string, given: Set<number>, pid: number): void {
    switch (line) {
      case 'give':
        void this.attempt(socket, () => this.giveAll(socket, given))
        return
      case 'taken':
        if (this.taker === undefined) void this.taken(socket, given, pid)
        return
      case 'moving':
        if (this.taker?.socket === socket) this.taker.onOutcome(true)
        return
      default:
        socket.destroy()
    }
  }

  private async giveAll(socket: Socket, given: Set<number>): Promise<void> {
    const listener = this.holder.listener()
    if (listener !== undefined) await this.send(socket, { type: 'listener', inode: listener.inode }, [listener.fd])
    await this.giveNew(socket, given)
    await this.send(socket, { type: 'all' })
  }

  private async giveNew(socket: Socket, given: Set<number>): Promise<void> {
    for (const { offer, descriptors } of this.holder.connections()) {
      if (given.has(offer.id)) continue
      given.add(offer.id)
      const message = { type: 'connection', offer } as const
      await this.send(
        socket,
        message,
        DESCRIPTORS.map((name) => descriptors[name]),
      )
    }
  }

  private async taken(socket: Socket, given: Set<number>, pid: number): Promise<void> {
    const isMoving = new Promise<boolean>((onOutcome) => {
      this.taker = { socket, onOutcome }
    })
    this.log.warn({ successor: pid, sessions: given.size }, 'another relay takes over')
    await this.holder.stop()
    this.closePath()
    await this.attempt(socket, async () => {
      await this.giveNew(socket, given)
      await this.send(socket, { type: 'stopped' })
    })
    const late = setTimeout(() => {
      this.log.error({ successor: pid }, 'the successor hangs; it is killed')
      kill(pid)
      socket.destroy()
    }, MOVING_MS)
    const isDone = await isMoving
    clearTimeout(late)
    if (isDone || this.holder.resume === undefined) {
      this.holder.onDone()
      return
    }
    this.log.error({ successor: pid }, 'the successor has ended before it moved any bytes; this relay goes on')
    this.taker = undefined
    try {
      await this.holder.resume()
      await this.listen()
    } catch (error) {
      this.log.fatal({ error: reason(error) }, 'this relay cannot go on')
      this.holder.onDone()
    }
  }

  private async attempt(socket: Socket, action: () => Promise<void>): Promise<void> {
    try {
      await action()
    } catch (error) {
      this.log.warn({ error: reason(error) }, 'a successor could not be given everything')
      socket.destroy()
    }
  }

  /** Waits for room only as long as the successor reads. */
  private async send(socket: Socket, message: FromHolder, descriptors: readonly number[] = []): Promise<void> {
    let rest = encodeLine(message)
    let attached = descriptors
    for (let waited = 0; rest.length > 0; ) {
      const fd = descriptorOf(socket)
      if (fd === undefined || waited > SEND_MS) throw new Error('it has gone, or does not read')
      const sent = sendWithDescriptors(fd, rest, attached)
      if (sent === undefined) {
        await sleep(RETRY_MS)
        waited += RETRY_MS
        continue
      }
      rest = rest.subarray(sent)
      attached = []
    }
  }
}

const holderLine = (role: Holder['role']): FromHolder => ({
  type: 'holder',
  protocol: PROTOCOL,
  role,
  pid: process.pid,
})
