// Keeps zebra's FPM configuration (fpm.ensure): a reload that writes frr.conf anew, such as frr-reload.py on Proxmox VE, takes
// away what is not in the file. zebra then closes its FPM connection at once, and that is the sign to look: its configuration is
// read at the start, after each end of a connection, and now and then while there is none. Reading it regularly would cost
// zebra as much for each of the many times that nothing has happened.
import { monotonicMs } from '../base/clock.js'
import { reason } from '../base/exit.js'
import type { Logger } from '../base/log.js'
import type { EnsureState, FpmEnsured } from '../control/fpm-codec.js'
import {
  configureFpm,
  fpmLines,
  type FpmServer,
  MAY_CRASH,
  mayCrashNow,
  NoFpmModuleError,
  showFpmConfig,
} from '../vty/fpm-config.js'
import { wantedServer } from '../vty/fpm-server.js'
import { Vty } from '../vty/vty.js'

/** zebra is not waited for longer. */
const SILENCE_MS = 10_000
/** A reload takes lines away one after another. */
const SETTLE_MS = 1000
/** Time until the next look while there is no connection. */
const RETRY_MS = [1000, 2000, 5000, 10_000, 30_000]
/** Time between two settings, in case something else takes the lines away again and again. */
const PAUSE_MS = 5000

export type FpmEnsureOptions = {
  /** Path of zebra's vty socket. */
  readonly vty: string
  /** Where the snooper listens, one address at least. */
  readonly listening: () => readonly FpmServer[]
  readonly isConnected: () => boolean
  readonly log: Logger
}

/** Why zebra's configuration is left as it is. */
type Refusal = { readonly state: EnsureState; readonly why: string }

export class FpmEnsure {
  private state: EnsureState = 'looking'
  private why = ''
  private times = 0
  private last: number | undefined
  /** Looks since the last connection. */
  private vain = 0
  private timer: NodeJS.Timeout | undefined
  private vty: Vty | undefined
  private isLooking = false
  private isClosed = false

  constructor(private readonly options: FpmEnsureOptions) {
    this.schedule(0)
  }

  get status(): FpmEnsured {
    const { state, why, times, last } = this
    return { state, why, times, last }
  }

  /** zebra's connection has ended. */
  onDisconnected(): void {
    this.vain = 0
    this.schedule(SETTLE_MS)
  }

  /** zebra has connected. */
  onConnected(): void {
    if (this.state !== 'kept') this.schedule(SETTLE_MS)
  }

  close(): void {
    this.isClosed = true
    clearTimeout(this.timer)
    this.vty?.[Symbol.dispose]()
  }

  private schedule(ms: number): void {
    if (this.isClosed) return
    clearTimeout(this.timer)
    const pause = this.last === undefined ? 0 : this.last + PAUSE_MS - monotonicMs()
    this.timer = setTimeout(() => void this.look(), Math.max(ms, pause))
    this.timer.unref()
  }

  private async look(): Promise<void> {
    if (this.isLooking) {
      this.schedule(SETTLE_MS)
      return
    }
    this.isLooking = true
    try {
      const refusal = await this.ensure()
      this.note(refusal?.state ?? 'kept', refusal?.why ?? '')
    } catch (error) {
      this.note('unreachable', reason(error))
    }
    this.isLooking = false
    if (this.state === 'kept' && this.options.isConnected()) this.vain = 0
    else this.schedule(RETRY_MS[Math.min(this.vain++, RETRY_MS.length - 1)] ?? 0)
  }

  /** Returns why zebra's configuration is left as it is, if it is not as it is to be. */
  private async ensure(): Promise<Refusal | undefined> {
    const { vty: path, listening, isConnected } = this.options
    using vty = await Vty.open(path, SILENCE_MS)
    this.vty = vty
    if (this.isClosed) return undefined
    const config = await showFpmConfig(vty)
    const wanted = wantedServer(config, listening(), isConnected())
    if ('state' in wanted) return wanted
    const lines = fpmLines(config, wanted)
    if (lines.length === 0) return undefined
    // it would connect because of what is set
    if (await mayCrashNow(vty)) return { state: 'may-crash', why: MAY_CRASH }
    try {
      await configureFpm(vty, lines)
    } catch (error) {
      if (!(error instanceof NoFpmModuleError)) throw error
      return { state: 'no-module', why: 'zebra runs without its FPM module (-M dplane_fpm_nl)' }
    }
    this.times++
    this.last = monotonicMs()
    this.options.log.info({ lines, times: this.times }, 'set zebra’s FPM configuration, which it did not have')
    return undefined
  }

  private note(state: EnsureState, why: string): void {
    if (this.isClosed) return
    const isNew = state !== this.state || why !== this.why
    this.state = state
    this.why = why
    if (!isNew) return
    const { log } = this.options
    if (state === 'kept') log.info('zebra’s FPM configuration is as it is to be')
    // zebra is not there while FRR is restarted
    else log[state === 'unreachable' ? 'info' : 'warn']({ why }, 'zebra’s FPM configuration is not kept')
  }
}
