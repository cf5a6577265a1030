// One worker as the keeper sees it: a process that is started, lent connections, asked whether it lives, and ended.
import { type ChildProcess, type StdioOptions, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { reason } from '../base/exit.js'
import type { Logger } from '../base/log.js'
import type { WorkerState } from '../control/keeper-report.js'
import type { Connection } from './connections.js'
import {
  DESCRIPTORS,
  type FirstBytes,
  type ToKeeper,
  type ToWorker,
  WORKER_PROTOCOL,
  type WorkerOptions,
  sendSocket,
} from './ipc.js'

/** Of the same build; in a bundled one this module is in another directory, beside that of the worker. */
const WORKER = fileURLToPath(new URL('../relay/worker.js', import.meta.url))

/** What the worker gets of the keeper's flags for Node: the package's, which saves memory. */
const INHERITED = new Set(['--no-short-builtin-calls'])

const PING_MS = 500
/** A serving worker counts as hung when it has not answered for so long, or for as long as it took to start. */
const HUNG_MS = 2000
const HUNG_MAX_MS = 30_000
/** The same for one that starts: it answers only when it has read all of its journal. */
const HUNG_AT_START_MS = 120_000
/** A serving worker that has left more pings than these unanswered is said to hang. */
const SILENT_PINGS = 2
/** How long a worker may take to end in order. */
const END_MS = 2000

/**
 * Unanswered pings in a row after which a worker counts as hung. A successor needs `startMs` as well: on a slow machine,
 * killing earlier only makes the bytes wait longer.
 * @param startMs how long the worker took to start; undefined while it starts
 */
export function maxUnanswered(startMs: number | undefined): number {
  const hungMs = startMs === undefined ? HUNG_AT_START_MS : Math.min(Math.max(startMs, HUNG_MS), HUNG_MAX_MS)
  return Math.ceil(hungMs / PING_MS)
}

export type WorkerEvents = {
  onRecovered(): void
  onServing(): void
  /** It cannot work; it ends. */
  onFailed(exitCode: number, message: string): void
  onSessionEnded(id: number): void
  onOpening(id: number, opening: FirstBytes): void
  /** What bgpd has been told in the session is known again. */
  onCertain(id: number): void
  /** It has ended, or could not be started: called once. `why` in words. */
  onGone(why: string): void
}

export class WorkerProcess {
  state: WorkerState = 'starting'
  /** Why it cannot work, as it says itself. */
  failure: string | undefined
  private child: ChildProcess | undefined
  private readonly startedAt = performance.now()
  /** How long it took until it could be lent connections. */
  private startMs: number | undefined
  private unanswered = 0
  private readonly pings: NodeJS.Timeout

  constructor(
    options: WorkerOptions,
    lock: number | undefined,
    private readonly events: WorkerEvents,
    private readonly log: Logger,
  ) {
    this.pings = setInterval(() => {
      this.ping()
    }, PING_MS)
    try {
      // with a copy of the lock: as long as the worker serves, another relay must not begin beside it
      const stdio: StdioOptions = ['ignore', 2, 2, 'ipc', lock ?? 'ignore']
      this.child = fork(WORKER, { execArgv: process.execArgv.filter((flag) => INHERITED.has(flag)), stdio })
    } catch (error) {
      // fork(2) or a pipe has failed: the caller has not got this object yet
      setImmediate(() => {
        this.gone(reason(error))
      })
      return
    }
    this.child
      .on('message', (message: ToKeeper) => {
        this.receive(message)
      })
      .on('error', (error) => {
        if (this.child?.pid === undefined) this.gone(reason(error))
        else this.log.warn({ error: reason(error) }, 'a message did not reach the worker')
      })
      .on('exit', (code, signal) => {
        this.gone(signal ?? `exit code ${code ?? '?'}`)
      })
    this.send({ type: 'options', protocol: WORKER_PROTOCOL, options })
  }

  get pid(): number | undefined {
    return this.child?.pid
  }

  /** Whether it has been lent the connections, so that it forwards them, or is about to. */
  get hasConnections(): boolean {
    return this.state === 'recovered' || this.state === 'serving'
  }

  /** Whether pings have gone unanswered so long that it is worth telling, although it may still answer. */
  get isSilent(): boolean {
    return this.hasConnections && this.unanswered > SILENT_PINGS
  }

  /** What it said before it was killed may still arrive; nothing may be lent to it any more. */
  private get isKilled(): boolean {
    return this.state === 'hung'
  }

  get livedMs(): number {
    return performance.now() - this.startedAt
  }

  lend({ offer, ends }: Connection): void {
    const { child } = this
    if (child?.connected !== true) return
    try {
      for (const name of DESCRIPTORS)
        sendSocket(child, { type: 'descriptor', name, session: offer }, ends[name], this.onSendError)
    } catch (error) {
      // a part of the descriptors may have arrived: this worker cannot serve the connection, its successor can
      this.log.error(
        { session: offer.id, error: reason(error) },
        'a connection could not be lent; the worker is replaced',
      )
      this.kill()
    }
  }

  send(message: ToWorker): void {
    if (this.child?.connected === true) this.child.send(message, this.onSendError)
  }

  /** Ends the process, in order if it can, within END_MS. */
  async end({ handsOver }: { handsOver: boolean }): Promise<void> {
    if (this.state === 'gone' || this.pid === undefined) return
    const gone = new Promise((resolve) => this.child?.once('exit', resolve))
    this.send({ type: 'end', handsOver })
    const late = setTimeout(() => {
      this.kill()
    }, END_MS)
    await gone
    clearTimeout(late)
  }

  private readonly onSendError = (error: Error | null): void => {
    // the worker has gone, or goes: `exit` tells
    if (error !== null) this.log.debug({ error: error.message }, 'a message did not reach the worker')
  }

  private receive(message: ToKeeper): void {
    this.unanswered = 0
    switch (message.type) {
      case 'recovered':
        if (this.isKilled) return
        this.state = 'recovered'
        this.startMs = this.livedMs
        this.events.onRecovered()
        return
      case 'ready':
        if (this.isKilled) return
        this.state = 'serving'
        this.events.onServing()
        return
      case 'failed':
        this.failure = message.message
        this.events.onFailed(message.exitCode, message.message)
        return
      case 'ended':
        this.events.onSessionEnded(message.id)
        return
      case 'opening':
        this.events.onOpening(message.id, message.opening)
        return
      case 'certain':
        this.events.onCertain(message.id)
        return
      case 'pong':
        return
    }
  }

  /** Pings are counted, not timed: a keeper that was stopped itself must not blame its worker. */
  private ping(): void {
    if (!this.isKilled && this.unanswered >= maxUnanswered(this.startMs)) {
      this.log.error({ worker: this.pid, unanswered: this.unanswered }, 'the worker hangs; it is killed')
      this.state = 'hung'
      this.kill()
      return
    }
    this.unanswered++
    this.send({ type: 'ping' })
  }

  private kill(): void {
    this.child?.kill('SIGKILL')
  }

  private gone(why: string): void {
    if (this.state === 'gone') return
    this.state = 'gone'
    clearInterval(this.pings)
    this.events.onGone(why)
  }
}
