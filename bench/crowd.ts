// A node with tens of thousands of hosts behind a few ports: real zebra, bgpd, relay and snooper, without a far node.
import { setTimeout as sleep } from 'node:timers/promises'
import { askSnooper } from '../src/cli/queries.js'
import type { SnooperReport } from '../src/cli/report.js'
import { arpAnnouncement, type Host, neighborAdvertisement } from '../lab/frames.js'
import type { Release } from '../lab/frr.js'
import { Lab } from '../lab/lab.js'
import type { Daemon } from '../lab/process.js'
import type { Router } from '../lab/router.js'
import type { Vm } from '../lab/vm.js'
import { steady } from '../lab/load.js'
import { PATIENCE } from '../lab/wait.js'

const PORTS = 4
/** New hosts per second: more at once, and zebra loses messages of the kernel's about MAC addresses. */
const HOSTS_PER_S = 2000
const TIMEOUT_MS = 120_000 * PATIENCE

export class PortOccupancy implements AsyncDisposable {
  private constructor(
    readonly lab: Lab,
    readonly vms: readonly Vm[],
    private readonly config: string,
  ) {}

  static async start(frr: Release, config: string, tap?: (near: Router) => Promise<string>): Promise<PortOccupancy> {
    const lab = await Lab.start({ frr })
    try {
      const [near] = lab.nodes
      const vms = [lab.vms[0]]
      while (vms.length < PORTS) vms.push(await lab.addVm(near))
      const crowd = new PortOccupancy(lab, vms, near.writeConfig(config))
      await near.startZebra()
      await near.startRelay()
      await near.startBgpd({ zapi: (await tap?.(near)) ?? '/run/macipd/zserv.api' })
      await crowd.startSnoop()
      return crowd
    } catch (error) {
      await lab.stop()
      throw error
    }
  }

  get near(): Router {
    return this.lab.nodes[0]
  }

  /** Resolves when frames on the ports reach it. */
  startSnoop(...options: string[]): Promise<Daemon> {
    return this.near.startSnoop('--config', this.config, ...options)
  }

  /** The relay's worker. */
  workerPid(): number {
    const [pid = -1] = this.near.daemon('relay').children()
    return pid
  }

  /** Hosts from number `first` on say their IPv4 and IPv6 addresses; resolves when bgpd was told of all of them. */
  async learn(first: number, count: number): Promise<void> {
    const says = (host: Host): Buffer[] => [arpAnnouncement(host), neighborAdvertisement(host)]
    await steady(this.vms, { rate: 2 * HOSTS_PER_S, seconds: count / HOSTS_PER_S, hosts: count, first, says })
    await this.announced(2 * (first + count))
  }

  /** Waits until so many bindings are announced. */
  async announced(count: number): Promise<void> {
    await this.until(`${count} bindings to be announced`, ({ reasons }) => reasons['announced'] === count)
  }

  async until(what: string, accept: (status: SnooperReport) => boolean): Promise<SnooperReport> {
    const deadline = performance.now() + TIMEOUT_MS
    for (;;) {
      const status = await this.status()
      if (accept(status)) return status
      if (performance.now() > deadline)
        throw new Error(`waited ${TIMEOUT_MS / 1000} s for ${what}: ${JSON.stringify(status.reasons)}`)
      // counting walks the whole table
      await sleep(500)
    }
  }

  async status(): Promise<SnooperReport> {
    const status = await askSnooper(this.near.path('/run/macipd/snoop.sock'))
    if (!status.running) throw new Error(status.error)
    return status
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab.stop()
  }
}
