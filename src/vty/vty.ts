// Asks an FRR daemon on its vty socket, as vtysh does: a question is a command and a NUL, the answer is text, three NULs
// and a status byte (vtysh_client_run, lib/vty.c).
import { type Socket, connect } from 'node:net'

/** enum node of a command's result: CMD_SUCCESS. */
const SUCCESS = 0
const TRAILER_BYTES = 4

export class VtyError extends Error {
  override readonly name = 'VtyError'
}

export class Vty implements Disposable {
  private constructor(
    private readonly socket: Socket,
    private readonly path: string,
  ) {}

  /**
   * Rejects if nothing listens, or if this user may not connect.
   * @param timeoutMs how long the daemon may be silent before a question fails
   */
  static open(path: string, timeoutMs: number): Promise<Vty> {
    return new Promise((resolve, reject) => {
      const socket = connect(path)
      socket.setTimeout(timeoutMs, () => socket.destroy(new VtyError(`${path}: silent for ${timeoutMs} ms`)))
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject).on('error', () => undefined)
        resolve(new Vty(socket, path))
      })
    })
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }

  /**
   * Yields the answer in the parts in which it comes; the daemon waits while a part is used. Throws VtyError if the daemon
   * does not know the command, or ends. One question at a time.
   */
  async *ask(command: string): AsyncGenerator<string> {
    const { socket } = this
    socket.write(`${command}\0`)
    let trailer: number[] = []
    for (;;) {
      const chunk = await this.read(command)
      const text = trailer.length === 0 ? chunk.indexOf(0) : 0
      if (text !== 0) yield chunk.toString('latin1', 0, text < 0 ? chunk.length : text)
      if (text < 0) continue
      trailer = [...trailer, ...chunk.subarray(text)]
      if (trailer.length < TRAILER_BYTES) continue
      const status = trailer[TRAILER_BYTES - 1]
      if (status !== SUCCESS) throw new VtyError(`${this.path}: "${command}" failed with status ${status}`)
      return
    }
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

  private async read(command: string): Promise<Buffer> {
    const { socket } = this
    for (;;) {
      const chunk: unknown = socket.read()
      if (Buffer.isBuffer(chunk)) return chunk
      if (socket.errored !== null) throw socket.errored
      if (socket.readableEnded || socket.destroyed)
        throw new VtyError(`${this.path}: closed before it had answered "${command}"`)
      await new Promise<void>((resolve) => {
        const go = (): void => {
          for (const event of EVENTS) socket.off(event, go)
          resolve()
        }
        for (const event of EVENTS) socket.on(event, go)
      })
    }
  }
}

const EVENTS = ['readable', 'end', 'close', 'error'] as const
