// A daemon's vty socket, played by the test.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type Server, type Socket, createServer } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { PROMPT } from '../../lab/shown.js'
import { type Release, ROOT } from '../../lab/frr.js'

/** Answers a command, or does not. */
export type Answering = (command: string, socket: Socket) => void

/** What ends an answer: three NULs and a status byte. */
export const trailer = (status = 0): Buffer => Buffer.from([0, 0, 0, status])

export class FakeVty {
  /** The commands that were asked, over all connections. */
  readonly asked: string[] = []
  private readonly sockets = new Set<Socket>()
  private constructor(
    private readonly server: Server,
    private answering: Answering,
  ) {}

  static async listen(t: TestContext, path: string, answering: Answering): Promise<FakeVty> {
    const server = createServer()
    const vty = new FakeVty(server, answering)
    server.on('connection', (socket) => {
      vty.serve(socket)
    })
    server.listen(path)
    await once(server, 'listening')
    t.after(() => {
      server.close()
      for (const socket of vty.sockets) socket.destroy()
    })
    return vty
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => this.sockets.delete(socket))
    let text = ''
    socket.on('data', (chunk: Buffer) => {
      const commands = (text + chunk.toString()).split('\0')
      text = commands.pop() ?? ''
      for (const command of commands) {
        this.asked.push(command)
        this.answering(command, socket)
      }
    })
  }
}

/** CMD_ERR_NO_MATCH (lib/command.h). */
const NO_MATCH = 2

/** Gives the answers that a table has, and none of another command's. */
export const answers =
  (table: ReadonlyMap<string, string>): Answering =>
  (command, socket) => {
    const text = table.get(command)
    if (text === undefined) socket.write(`% Unknown command: ${command}\n`)
    else socket.write(text)
    socket.write(trailer(text === undefined ? NO_MATCH : 0))
  }

/** What a daemon answered in the recording of a release, by command. */
export function recordedAnswers(frr: Release, daemon: 'zebra' | 'bgpd'): Map<string, string> {
  const text = readFileSync(join(ROOT, 'test/fixtures/vty', `${frr}.txt`), 'latin1')
  const found = new Map<string, string>()
  for (const section of `\n${text}`.split(`\n${PROMPT}`).slice(1)) {
    const [, name, command = '', answer = ''] = /^(\S+) ([^\n]*)\n([^]*)$/.exec(section) ?? []
    if (name === daemon) found.set(command, answer)
  }
  return found
}
