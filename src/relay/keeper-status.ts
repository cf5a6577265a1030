// The keeper's own state, which each connection to its socket is told as one line of JSON: it answers when the worker does
// not. The keeper reads nothing from there.
import { type Socket, createServer } from 'node:net'
import { join } from 'node:path'
import { reason } from '../base/exit.js'
import type { Logger } from '../base/log.js'
import { version } from '../base/version.js'
import type { RelayOptions } from '../config/options.js'
import type { KeeperReport } from '../control/keeper-report.js'
import { descriptorsLeft } from '../os/descriptor-limit.js'
import { ListeningSocket } from '../os/unix-socket.js'
import { isRunDirFull } from './room.js'
import type { WorkerProcess } from './worker-process.js'

const MODE = 0o660
const MAX_CLIENTS = 64
/** A client has read its line within this time. */
const CLIENT_MS = 1000

export class KeeperStatus {
  /** Start of the keeper, milliseconds since the epoch. */
  readonly since = Date.now()
  connections = 0
  workerStarts = 0
  worker: WorkerProcess | undefined
  /** Why the keeper forwards the bytes itself; undefined while it does not. */
  plain: string | undefined
  /** Whether no other relay has locked the run directory since. */
  isAlone = true
  private lastEnd: { why: string; time: number } | undefined
  private listening: ListeningSocket | undefined
  /** The oldest comes first. */
  private readonly clients = new Set<Socket>()

  constructor(
    private readonly options: RelayOptions,
    private readonly log: Logger,
  ) {}

  async listen(): Promise<void> {
    this.listening = await ListeningSocket.openLater({
      path: join(this.options.runDir, 'keeper.sock'),
      mode: MODE,
      createServer: () =>
        createServer((socket) => {
          this.answer(socket)
        }),
      onTrouble: (what, error) => {
        this.log.warn({ error: error === undefined ? undefined : reason(error) }, what)
      },
    })
  }

  onWorkerGone(why: string): void {
    this.lastEnd = { why, time: Date.now() }
  }

  close(): void {
    void this.listening?.close()
  }

  /** A client that does not close, whatever it does instead, must not cost the keeper a descriptor for long. */
  private answer(socket: Socket): void {
    const [oldest] = this.clients
    if (this.clients.size >= MAX_CLIENTS) oldest?.destroy()
    this.clients.add(socket)
    const late = setTimeout(() => socket.destroy(), CLIENT_MS).unref()
    socket
      .on('error', () => undefined)
      .on('close', () => {
        clearTimeout(late)
        this.clients.delete(socket)
      })
      .resume()
      .end(`${JSON.stringify(this.report())}\n`)
  }

  private report(): KeeperReport {
    const { since, connections, workerStarts, worker, plain, isAlone, lastEnd, options } = this
    return {
      ...{ version, pid: process.pid, since, connections, listen: options.listen, zebra: options.zebra },
      runDir: options.runDir,
      worker: {
        state: worker?.isSilent === true ? 'hung' : (worker?.state ?? 'gone'),
        pid: worker?.pid ?? null,
        starts: workerStarts,
        lastEnd: lastEnd ?? null,
      },
      ...{ plain: plain ?? null, isAlone, runDirFull: isRunDirFull(options.runDir) },
      descriptorsLeft: descriptorsLeft() ?? null,
    }
  }
}
