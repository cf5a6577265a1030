// Looks now and then at what else is in the way of frames: at our place among the programs of each port, and at filters
// that drop what our program has seen. Nothing depends on it but what is shown, and that the program comes first.
import { readFileSync } from 'node:fs'
import { monotonicMs } from '../../base/clock.js'
import { reason } from '../../base/exit.js'
import type { Logger } from '../../base/log.js'
import { type BaseChain, decodeBaseChain, GET_CHAINS, NETLINK_NETFILTER } from '../../netlink/nftables.js'
import type { NetlinkMessage } from '../../netlink/message.js'
import {
  decodeIngressQdisc,
  decodeTcFilter,
  getIngressFilters,
  GET_QDISCS,
  type TcFilter,
} from '../../rtnetlink/filter.js'
import type { Request } from '../../rtnetlink/message.js'
import { RouteSocket } from '../../rtnetlink/socket.js'
import type { Attachments } from '../bpf/attachments.js'
import type { Port } from '../ports/ports.js'
import type { EvidenceSource } from '../sources.js'
import { type Chain, chainOf } from './chain.js'
import { bridgeFilters, ebtablesIn, hasNftables } from './node.js'

const INTERVAL_MS = 10_000
/** A program that another one has come before comes first again, but not more often than this. */
const RENEWAL_MS = 3600_000
/** Ports looked at before other events can run. */
const PORTS_AT_ONCE = 64
const RECEIVE_BUFFER = 1 << 20

const NOTHING: Chain = { isPresent: true, ahead: [], behind: [] }

export class FilterWatch {
  private readonly chains = new Map<number, Chain>()
  private readonly renewedAt = new Map<number, number>()
  private readonly sockets = new Map<number, RouteSocket>()
  private readonly failures = new Set<string>()
  private timer: NodeJS.Timeout | undefined
  private closed = false
  /** Filters of all bridges, and of the family netdev on our ports. */
  bridgeFilters: readonly string[] = []

  constructor(
    private readonly source: Pick<EvidenceSource, 'chain'>,
    private readonly attachments: Pick<Attachments, 'of' | 'renew'>,
    private readonly ports: ReadonlyMap<number, Port>,
    private readonly log: Logger,
  ) {}

  of(ifindex: number): Chain {
    return this.chains.get(ifindex) ?? NOTHING
  }

  /** Looks at everything, and again and again. */
  async start(): Promise<void> {
    await this.look()
    // it must not keep the process alive
    if (!this.closed) this.timer = setTimeout(() => void this.start(), INTERVAL_MS).unref()
  }

  close(): void {
    this.closed = true
    clearTimeout(this.timer)
    for (const socket of this.sockets.values()) socket.close()
    this.sockets.clear()
  }

  /** Looks at everything once; only one may run at a time. */
  async look(): Promise<void> {
    const withFilters = new Set(await this.dump('tc', 0, GET_QDISCS, decodeIngressQdisc))
    let looked = 0
    for (const port of [...this.ports.values()]) {
      const { ifindex } = port
      const filters = withFilters.has(ifindex) ? await this.filtersOf(ifindex) : []
      if (++looked % PORTS_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve))
      if (this.closed) return
      if (this.ports.has(ifindex)) this.lookAt(port, filters)
    }
    for (const map of [this.chains, this.renewedAt])
      for (const ifindex of map.keys()) if (!this.ports.has(ifindex)) map.delete(ifindex)
    this.bridgeFilters = await this.readBridgeFilters()
  }

  private lookAt(port: Port, filters: readonly TcFilter[]): void {
    const { ifindex, name } = port
    const attached = this.attachments.of(ifindex)
    if (attached === undefined || 'error' in attached) return
    let chain = this.read(ifindex, filters)
    if (chain === undefined) return
    const isDue = monotonicMs() - (this.renewedAt.get(ifindex) ?? -Infinity) > RENEWAL_MS
    // an older kernel has no place before a filter of another kind that has the first priority
    const mayComeFirst = attached.mode === 'tcx'
    if (!chain.isPresent || (chain.ahead.length > 0 && mayComeFirst && isDue)) {
      const why = chain.isPresent ? 'another program came before it' : 'it was removed'
      this.log.warn({ port: name, ahead: chain.ahead }, `the eBPF program is attached again: ${why}`)
      this.renewedAt.set(ifindex, monotonicMs())
      this.attachments.renew(port)
      chain = (mayComeFirst ? this.read(ifindex, filters) : undefined) ?? NOTHING
    }
    const before = this.of(ifindex).ahead
    if (chain.ahead.join() !== before.join() && chain.ahead.length > 0)
      this.log.warn({ port: name, ahead: chain.ahead }, 'frames may not be seen: others come before the eBPF program')
    this.chains.set(ifindex, chain)
  }

  private read(ifindex: number, filters: readonly TcFilter[]): Chain | undefined {
    try {
      return chainOf(this.source.chain(ifindex), filters)
    } catch (error) {
      // the port has just gone, or the kernel does not say
      this.failed('TCX', error)
      return undefined
    }
  }

  private filtersOf(ifindex: number): Promise<TcFilter[]> {
    return this.dump('tc', 0, getIngressFilters(ifindex), decodeTcFilter)
  }

  private async readBridgeFilters(): Promise<string[]> {
    const modules = readModules()
    const devices = new Set([...this.ports.values()].map(({ name }) => name))
    const chains: BaseChain[] = hasNftables(modules)
      ? await this.dump('nftables', NETLINK_NETFILTER, GET_CHAINS, decodeBaseChain)
      : []
    return [...bridgeFilters(chains, devices), ...ebtablesIn(modules ?? '')]
  }

  /** Returns what the kernel says; nothing if it does not. */
  private async dump<T>(
    what: string,
    protocol: number,
    request: Request,
    decode: (message: NetlinkMessage) => T | undefined,
  ): Promise<T[]> {
    if (this.closed) return []
    try {
      return await this.socket(protocol).dump(request, decode)
    } catch (error) {
      this.failed(what, error)
      return []
    }
  }

  private socket(protocol: number): RouteSocket {
    const open = this.sockets.get(protocol)
    if (open !== undefined) return open
    const ignore = (): void => undefined
    const malformed = (error: Error): void => {
      this.failed('netlink', error)
    }
    const handler = { event: ignore, drained: ignore, lost: ignore, malformed }
    const socket = RouteSocket.open([], handler, RECEIVE_BUFFER, protocol)
    this.sockets.set(protocol, socket)
    return socket
  }

  /** Says once what cannot be found out. */
  private failed(what: string, error: unknown): void {
    const text = `${what}: ${reason(error)}`
    if (this.closed || this.failures.has(text) || this.failures.size > 20) return
    this.failures.add(text)
    this.log.debug({ what, error: reason(error) }, 'filters cannot be read')
  }
}

/** Returns /proc/modules; undefined if the kernel has no modules. */
function readModules(): string | undefined {
  try {
    return readFileSync('/proc/modules', 'utf8')
  } catch {
    return undefined
  }
}
