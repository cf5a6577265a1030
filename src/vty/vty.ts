// Asks an FRR daemon on its vty socket, as vtysh does: a question is a command and a NUL, the answer is text, three NULs
// and a status byte (vtysh_client_run, lib/vty.c).
import { type Socket, connect } from 'node:net'

/** enum node of a command's result: CMD_SUCCESS. */
const SUCCESS = 0
const TRAILER_BYTES = 4

export class VtyError extends Error {
  override readonly name = 'VtyError'
  /** What the daemon answered instead of CMD_SUCCESS (lib/command.h); undefined if something else went wrong. */
  readonly status: number | undefined

  constructor(message: string, { status, ...options }: ErrorOptions & { status?: number } = {}) {
    super(message, options)
    this.status = status
  }
}

export class Vty implements Disposable {
  private constructor(
    private readonly socket: Socket,
    private readonly path: string,
    private readonly timeoutMs: number,
  ) {}

  /**
   * Rejects if nothing listens, or if this user may not connect.
   * @param timeoutMs how long the daemon may be silent while an answer is waited for
   */
  static open(path: string, timeoutMs: number): Promise<Vty> {
    return new Promise((resolve, reject) => {
      const socket = connect(path)
      socket.setTimeout(timeoutMs, () => socket.destroy(new VtyError(`${path}: silent for ${timeoutMs} ms`)))
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject).on('error', () => undefined)
        socket.setTimeout(0)
        resolve(new Vty(socket, path, timeoutMs))
      })
    })
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }

  /**
   * Yields the answer in the parts in which it comes; the daemon waits while a part is used. Throws VtyError if the daemon
   * does not know the command, is silent, or ends. One question at a time; one whose answer is not read to its end, or that
   * is not answered in the protocol's way, is the last one.
   */
  async *ask(command: string): AsyncGenerator<string> {
    let status: number | undefined
    try {
      status = yield* this.answerTo(command)
    } finally {
      if (status === undefined) this.socket.destroy()
    }
    if (status !== SUCCESS) throw new VtyError(`${this.path}: "${command}" failed with status ${status}`, { status })
  }

  /** The whole answer. Throws VtyError if it is longer than `limit` characters, too. */
  async askForText(command: string, limit = 1 << 20): Promise<string> {
    let text = ''
    for await (const part of this.ask(command)) {
      text += part
      if (text.length > limit) throw new VtyError(`${this.path}: the answer to "${command}" is too long`)
    }
    return text
  }

  /** Returns the status. */
  private async *answerTo(command: string): AsyncGenerator<string, number> {
    this.socket.write(`${command}\0`)
    let trailer: number[] = []
    for (;;) {
      const chunk = await this.read(command)
      const text = trailer.length === 0 ? chunk.indexOf(0) : 0
      if (text !== 0) yield chunk.toString('latin1', 0, text < 0 ? chunk.length : text)
      if (text < 0) continue
      trailer = [...trailer, ...chunk.subarray(text)]
      if (trailer.length < TRAILER_BYTES) continue
      const [status = SUCCESS] = trailer.splice(TRAILER_BYTES - 1, 1)
      if (trailer.length >= TRAILER_BYTES || trailer.some((byte) => byte !== 0))
        throw new VtyError(`${this.path}: a NUL inside the answer to "${command}"`)
      return status
    }
  }

  private async read(command: string): Promise<Buffer> {
    const { socket } = this
    for (;;) {
      const chunk: unknown = socket.read()
      if (Buffer.isBuffer(chunk)) return chunk
      const { errored: cause } = socket
      if (cause instanceof VtyError) throw cause
      if (cause !== null || socket.readableEnded || socket.destroyed)
        throw new VtyError(`${this.path}: closed before it had answered "${command}"`, { cause })
      socket.setTimeout(this.timeoutMs)
      await new Promise<void>((resolve) => {
        const go = (): void => {
          for (const event of EVENTS) socket.off(event, go)
          resolve()
        }
        for (const event of EVENTS) socket.on(event, go)
      })
      socket.setTimeout(0)
    }
  }
}

const EVENTS = ['readable', 'end', 'close', 'error'] as const
