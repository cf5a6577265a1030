// The successor's side of a hand-over: takes the descriptors of a relay that lives, or of a worker that has outlived its
// keeper.
import { statSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import * as v from 'valibot'
import { ExitCode, FatalError, errnoName, reason } from '../base/exit.js'
import type { Logger } from '../base/log.js'
import { closeDescriptor, receiveWithDescriptors, sendWithDescriptors } from '../os/descriptors.js'
import { FdPoll } from '../os/fd-poll.js'
import { descriptorOf } from '../os/handle.js'
import { peerOf } from '../os/peercred.js'
import { NOTE } from './connection-note.js'
import { dial } from './connections.js'
import { type FromHolder, HAND_OVER_SOCKET, PROTOCOL, descriptorCount } from './hand-over-messages.js'
import { DESCRIPTORS, type DescriptorName } from './ipc.js'
import { kill } from './predecessor.js'
import type { KeptConnection, KeptListener } from './stored-names.js'

/** The holder answers within this time, or is taken for hung. */
const ANSWER_MS = 5000
/** With the first bytes of a connection. */
const MAX_LINE = 16 * 1024

const number = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const offer = v.object({ id: number, since: number, ...NOTE })
const fromHolder = v.variant('type', [
  v.object({ type: v.literal('holder'), protocol: number, role: v.picklist(['keeper', 'worker']), pid: number }),
  v.object({ type: v.literal('listener'), inode: number }),
  v.object({ type: v.literal('connection'), offer }),
  v.object({ type: v.literal('all') }),
  v.object({ type: v.literal('stopped') }),
])

export type Taken = { listener: KeptListener | undefined; connections: KeptConnection[] }

export class TakeOver {
  private readonly poll: FdPoll
  private readonly buffer = Buffer.alloc(64 * 1024)
  private text = ''
  private readonly descriptors: number[] = []
  private wake: (() => void) | undefined
  private ended = false

  /** Whether the holder is a keeper, or a worker that has outlived its keeper. */
  role: 'keeper' | 'worker' = 'keeper'

  private constructor(
    private readonly socket: Socket,
    private readonly fd: number,
    /** As the kernel says; undefined if it is of another PID namespace. */
    readonly pid: number | undefined,
  ) {
    this.poll = new FdPoll(fd)
    this.poll.readable(() => {
      this.receive()
    })
  }

  /**
   * Resolves when the holder has said who it is; to undefined if no process hands over in this run directory. Throws
   * FatalError if it is another user's process, or does not answer as it should.
   */
  static async connect(runDir: string): Promise<TakeOver | undefined> {
    const path = join(runDir, HAND_OVER_SOCKET)
    let socket: Socket
    try {
      socket = await dial(path)
    } catch (error) {
      if (errnoName(error) !== 'EACCES') return undefined
      throw new FatalError(ExitCode.privilege, `${path}: another user’s relay uses this run directory`, {
        cause: error,
      })
    }
    const fd = descriptorOf(socket)
    const { uid, pid = 0 } = peerOf(socket) ?? {}
    if (fd !== undefined && uid !== undefined && [0, process.geteuid?.(), statSync(runDir).uid].includes(uid))
      return await new TakeOver(socket, fd, pid > 0 ? pid : undefined).greeted(path)
    socket.destroy()
    throw new FatalError(ExitCode.privilege, `${path}: user ${uid ?? '?'} listens there, who is not trusted`)
  }

  /** Copies of everything that it has; it goes on meanwhile. */
  async take(): Promise<Taken> {
    this.send('give')
    const taken: Taken = { listener: undefined, connections: [] }
    for (;;) {
      const message = await this.message()
      if (message === undefined) throw new Error('it has ended while it handed over')
      if (message.type === 'all') return taken
      this.add(message, taken)
    }
  }

  /**
   * We have everything: the holder stops. Resolves when it has stopped, or ended, with what has begun meanwhile. Throws if it
   * does not in time.
   */
  async finish(): Promise<Taken> {
    this.send('taken')
    const late: Taken = { listener: undefined, connections: [] }
    for (;;) {
      const message = await this.message()
      if (message === undefined || message.type === 'stopped') return late
      this.add(message, late)
    }
  }

  /** We move the bytes: the holder ends. */
  onMoving(): void {
    this.send('moving')
    this.close()
  }

  close(): void {
    this.poll.close()
    this.socket.destroy()
    for (const fd of this.descriptors.splice(0)) closeDescriptor(fd)
  }

  private async greeted(path: string): Promise<this> {
    try {
      const message = await this.message()
      if (message?.type !== 'holder') throw new Error('it does not say who it is')
      if (message.protocol !== PROTOCOL) throw new Error('its version hands over in another way')
      this.role = message.role
      return this
    } catch (error) {
      this.close()
      const what = `${path}: the relay there, process ${this.pid ?? '?'}, cannot hand over: ${reason(error)}; stop it`
      throw new FatalError(ExitCode.socketBusy, what, { cause: error })
    }
  }

  private add(message: FromHolder, taken: Taken): void {
    const fds = this.descriptors.splice(0, descriptorCount(message))
    if (fds.length < descriptorCount(message)) throw new Error('a descriptor did not come with its message')
    const [fd] = fds
    if (message.type === 'listener' && fd !== undefined) taken.listener = { fd, inode: message.inode }
    if (message.type !== 'connection') return
    const descriptors = Object.fromEntries(DESCRIPTORS.map((name, index) => [name, fds[index]]))
    taken.connections.push({
      offer: message.offer,
      descriptors: descriptors as Record<DescriptorName, number>,
      note: undefined,
    })
  }

  private send(word: 'give' | 'taken' | 'moving'): void {
    sendWithDescriptors(this.fd, Buffer.from(`${word}\n`), [])
  }

  /** The next message; undefined at the end of the stream. */
  private async message(): Promise<FromHolder | undefined> {
    const deadline = performance.now() + ANSWER_MS
    for (;;) {
      const end = this.text.indexOf('\n')
      if (end >= 0) {
        const line = this.text.slice(0, end)
        this.text = this.text.slice(end + 1)
        const parsed = v.parse(fromHolder, JSON.parse(line))
        if (parsed.type !== 'connection') return parsed
        const { id, since, zebraVersion, unseen, opening } = parsed.offer
        return { type: 'connection', offer: { id, since, zebraVersion, unseen, opening, inherited: true } }
      }
      if (this.ended) return undefined
      if (this.text.length > MAX_LINE) throw new Error('it sends something else')
      if (performance.now() >= deadline) throw new Error(`it is silent for ${ANSWER_MS / 1000} s`)
      await this.change(deadline - performance.now())
    }
  }

  private change(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, waitMs)
      this.wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  private receive(): void {
    try {
      const received = receiveWithDescriptors(this.fd, this.buffer)
      if (received === undefined) return
      this.descriptors.push(...received.descriptors)
      this.text += this.buffer.toString('latin1', 0, received.size)
      this.ended = received.size === 0
    } catch {
      // a reset is an end, too
      this.ended = true
    }
    if (this.ended) this.poll.readable(undefined)
    this.wake?.()
  }
}

/**
 * Takes over from the process that holds the connections of a run directory. The caller alone moves bytes when this
 * resolves, and tells it with `onMoving`: the holder, if it has not ended, goes on when `from` is closed before. Rejects while
 * the holder goes on.
 */
export async function takeOver(from: TakeOver, log: Logger): Promise<Taken> {
  const { role, pid } = from
  const taken = await from.take().catch((error: unknown) => {
    throw new FatalError(ExitCode.socketBusy, `relay ${pid ?? '?'} could not hand over, and goes on: ${reason(error)}`)
  })
  try {
    const late = await from.finish()
    taken.connections.push(...late.connections)
  } catch (error) {
    // it has said that it stops; a hung process would go on at any time
    if (pid === undefined)
      log.error({ error: reason(error) }, 'the other relay does not end, and cannot be seen from here')
    else {
      log.error({ pid, error: reason(error) }, 'the other relay does not end; it is killed')
      kill(pid)
    }
  }
  log.warn({ from: role, pid, sessions: taken.connections.length }, 'took over from another relay')
  return taken
}
