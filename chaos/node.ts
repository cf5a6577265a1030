// One node under chaos: its processes, how each is started again, and when nobody listened to its hosts.
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { PRIVATE_DIR } from './mounts.js'
import { askRelay } from '../src/cli/queries.js'
import { FakeServiceManager } from '../lab/fake-service-manager.js'
import type { Release } from '../lab/frr.js'
import type { Router } from '../lab/router.js'
import { waitFor } from '../lab/wait.js'
import type { NodeNumber } from './schedule.js'
import type { ProcessName } from './usage.js'

const RUN_DIR_SIZE = '8m'

/** Limits that this many hosts behind a few ports do not reach. */
const CONFIG = `snoop:
  limits:
    rate: 1000000
    burst: 1000000
    perPort: {ipv4: 100000, ipv6: 100000}
`

/** What the snooper had not handed on when it was killed; it handles frames at once, so this is plenty. */
const UNREAD_MS = 500
/** Until a worker that serves has been told what its predecessor missed. */
const SETTLING_MS = 5000
/** What zebra's queues take to empty, plentifully. */
const WORKED_THROUGH_MS = 500
/** bgpd tries to reach zebra every 10 s, and after three failures every 60 s. */
const RECONNECT_MS = 90_000

export class Node implements Disposable {
  /** Since when nobody listens to the hosts, by performance.now(); undefined while the snooper does. */
  private deafSince: number | undefined
  private readonly deaf: { from: number; to: number }[] = []
  private separations = 0
  private relearned = false
  /** How often zebra has ended by itself, after it had been started. */
  zebraEnds = 0
  private readonly troubles: { from: number; to: number }[] = []

  /** The relay is a unit of it. */
  private readonly manager: FakeServiceManager | undefined

  constructor(
    readonly router: Router,
    /** Of the relay, a small file system of its own; undefined: FRR is alone. */
    readonly runDir: string | undefined,
  ) {
    if (runDir !== undefined) this.manager = FakeServiceManager.at(router.path('/run/macipd/notify'))
  }

  [Symbol.dispose](): void {
    this.manager?.[Symbol.dispose]()
  }

  get number(): NodeNumber {
    return this.router.number
  }

  get withMacipd(): boolean {
    return this.runDir !== undefined
  }

  /** Whether a relay has had to read FRR's tables: on a busy machine bytes pass unseen at the end of any worker. */
  hasRelearned(): boolean {
    this.relearned ||=
      this.withMacipd && readFileSync(this.router.daemon('relay').logPath, 'utf8').includes('it is read from FRR')
    return this.relearned
  }

  async start(): Promise<void> {
    await this.startZebra()
    if (this.withMacipd) await this.startRelay()
    await this.startBgpd()
    if (this.withMacipd) await this.startSnoop()
  }

  async startZebra(): Promise<void> {
    // it belongs to zebra, and two of them are one too many
    if (existsSync(this.router.path('/run/frr/mgmtd_be.sock'))) await this.router.daemon('mgmtd').kill('SIGKILL')
    await this.router.startZebra()
  }

  /** Replaces FRR with another release, as an upgrade does: its daemons end and start, the relay stays. */
  async upgrade(release: Release): Promise<void> {
    const { router } = this
    for (const name of ['bgpd', 'zebra'] as const) await router.kill(name)
    if (existsSync(router.path('/run/frr/mgmtd_be.sock'))) await router.daemon('mgmtd').kill('SIGKILL')
    await router.replaceFrr(release)
    await this.startZebra()
    await this.startBgpd()
  }

  async startBgpd(): Promise<void> {
    await this.router.startBgpd(this.withMacipd ? { zapi: '/run/macipd/zserv.api' } : {})
  }

  /** With what the service manager keeps. */
  async startRelay(): Promise<void> {
    if (this.manager === undefined) throw new Error(`${this.router.name} has no relay`)
    // the last of two equal options counts
    await this.router.startRelayUnit(this.manager, '--run-dir', this.runDir ?? '', '--config', this.config())
  }

  /** As when the unit is stopped: nothing is kept for the next relay, and who has the other ends sees them close. */
  forgetRelay(): void {
    this.manager?.drop()
  }

  async startSnoop(): Promise<void> {
    await this.router.startSnoop('--config', this.config())
    if (this.deafSince !== undefined) this.deaf.push({ from: this.deafSince, to: performance.now() })
    this.deafSince = undefined
  }

  /**
   * Does what takes zebra away from bgpd; resolves when zebra is told again to care for EVPN, and has what its kernel has.
   * Meanwhile nothing may vanish from the kernel, and no route of it change, because FRR itself overlooks it:
   * - when any client of zebra's leaves, 10.3 and 10.7 forget the changes of kernel routes that wait to be worked through;
   * - zebra cares for no MACs while bgpd is away;
   * - 10.7 reads the kernel's MACs little by little when bgpd is back, and one that goes meanwhile stays.
   */
  async withoutBgpd(work: () => Promise<void>): Promise<void> {
    this.separations++
    try {
      await sleep(WORKED_THROUGH_MS)
      await work()
      const { name } = this.router
      const isSoon = { timeoutMs: RECONNECT_MS }
      await waitFor(
        `EVPN to be on in zebra of ${name}`,
        async () => {
          await this.restoreZebra()
          return this.router.vtysh('show evpn')
        },
        (text) => text.includes('L2 VNIs'),
        isSoon,
      )
      await waitFor(
        `zebra of ${name} to have the MACs of its kernel`,
        () => this.macsZebraLacks(),
        (macs) => macs.length === 0,
        isSoon,
      )
    } finally {
      this.separations--
    }
  }

  /**
   * zebra ends by itself when a busy machine lets it read the kernel's messages too late; watchfrr starts it, and bgpd, again.
   */
  private async restoreZebra(): Promise<void> {
    if (this.router.isRunning('zebra')) return
    this.zebraEnds++
    await this.startZebra()
    await this.router.kill('bgpd')
    await this.startBgpd()
  }

  private async macsZebraLacks(): Promise<string[]> {
    const { router } = this
    const inKernel = (await router.fdb()).filter(
      ({ ifname, state }) => ifname.startsWith('tap') && state !== 'permanent',
    )
    const inZebra = await router.vtysh('show evpn mac vni all')
    return inKernel.map(({ mac }) => mac).filter((mac) => !inZebra.includes(mac))
  }

  /** Whether zebra overlooks what its kernel forgets, see `withoutBgpd`. */
  get isSeparated(): boolean {
    return this.separations > 0
  }

  /** Something is done to its relay, until the function that is returned is called and a worker serves. */
  troubleRelay(): () => void {
    const trouble = { from: performance.now(), to: Infinity }
    this.troubles.push(trouble)
    return () => {
      // without a worker in time the snooper is taken not to have handed on anything since, which costs nothing
      void this.workerServes().then(
        () => (trouble.to = performance.now() + SETTLING_MS),
        () => undefined,
      )
    }
  }

  /** Resolves when a worker answers. After several workers have been killed at once, the next one begins later. */
  async workerServes(): Promise<void> {
    const control = this.router.path('/run/macipd/relay.sock')
    await waitFor(
      `a worker of ${this.router.name} to serve`,
      () => askRelay(control),
      ({ running }) => running,
      { timeoutMs: RECONNECT_MS },
    )
  }

  async killSnoop(signal: NodeJS.Signals): Promise<void> {
    let since = performance.now()
    // what it has learned and not handed on is lost with it: one trouble may have begun before another was settled
    for (const { from, to } of this.troubles.toReversed()) if (to > since) since = Math.min(since, from)
    this.deafSince ??= since - UNREAD_MS
    await this.router.kill('snoop', signal)
  }

  /** Whether nobody listened at that time, by performance.now(). */
  wasDeaf(time: number): boolean {
    if (this.deafSince !== undefined && time >= this.deafSince) return true
    return this.deaf.some(({ from, to }) => from <= time && time <= to)
  }

  get keeperPid(): number {
    return this.router.daemon('relay').pid
  }

  /** Undefined while there is none. */
  workerPid(): number | undefined {
    return this.router.isRunning('relay') ? this.router.daemon('relay').children()[0] : undefined
  }

  /** Undefined while there is none. */
  pidOf(name: ProcessName): number | undefined {
    if (name === 'worker') return this.workerPid()
    const daemon = name === 'keeper' ? 'relay' : 'snoop'
    return this.router.isRunning(daemon) ? this.router.daemon(daemon).pid : undefined
  }

  private config(): string {
    return this.router.writeConfig(CONFIG)
  }

  /** A small file system that its relay may write to. */
  static makeRunDir({ number, frrId }: Router): string {
    const path = join(PRIVATE_DIR, `n${number}`)
    mkdirSync(path, { recursive: true })
    const options = `size=${RUN_DIR_SIZE},mode=755,uid=${frrId},gid=${frrId}`
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'macipd-run', path])
    return path
  }
}
