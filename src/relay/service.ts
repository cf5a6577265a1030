// What the service manager is told of the keeper.
import { reason } from '../base/exit.js'
import type { Logger } from '../base/log.js'
import type { ServiceManager } from '../os/service-manager.js'

const STATUS_MS = 1000

/** Does nothing without a service manager. */
export class Service {
  private isReady = false
  private lastStatus = ''
  private lastTrouble = ''
  private readonly timers: NodeJS.Timeout[] = []

  constructor(
    private readonly manager: ServiceManager | undefined,
    private readonly watchdogMs: number | undefined,
    private readonly keeper: () => { readonly isHealthy: boolean; readonly summary: string } | undefined,
    private readonly log: Logger,
  ) {}

  ready(): void {
    this.tellState()
    this.every(STATUS_MS, () => {
      this.tellState()
    })
    if (this.watchdogMs === undefined) return
    this.every(this.watchdogMs / 2, () => {
      if (this.keeper()?.isHealthy === true) this.tell('WATCHDOG=1')
    })
  }

  stopping(): void {
    for (const timer of this.timers.splice(0)) clearInterval(timer)
    this.tell('STOPPING=1')
  }

  private every(ms: number, action: () => void): void {
    this.timers.push(setInterval(action, ms).unref())
  }

  private tellState(): void {
    this.isReady ||= this.tell('READY=1')
    const status = this.keeper()?.summary ?? 'starting'
    if (status !== this.lastStatus && this.tell(`STATUS=${status}`)) this.lastStatus = status
  }

  private tell(assignment: string): boolean {
    try {
      return this.manager?.notify([assignment]) ?? true
    } catch (error) {
      const trouble = reason(error)
      if (trouble !== this.lastTrouble) this.log.warn({ error: trouble }, 'the service manager cannot be told anything')
      this.lastTrouble = trouble
      return false
    }
  }
}
