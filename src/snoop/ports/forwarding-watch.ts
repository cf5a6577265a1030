// Follows the forwarding databases of the bridges through rtnetlink, on a socket of its own: a burst of MAC addresses
// must not cost an event about a port.
import { monotonicMs } from '../../base/clock.js'
import { reason } from '../../base/exit.js'
import type { Logger } from '../../base/log.js'
import type { NetlinkMessage } from '../../netlink/message.js'
import { GET_FDB, RTNLGRP_NEIGH } from '../../rtnetlink/message.js'
import { decodeFdbEntry, RTM_DELNEIGH, RTM_NEWNEIGH } from '../../rtnetlink/neighbour.js'
import { RouteSocket } from '../../rtnetlink/socket.js'
import { type FdbPlace, ForwardingTable, isForwarded, placeOf } from './forwarding.js'

/** The wait before everything is read again after a loss; it doubles up to the maximum while losses go on. */
const RETRY_MS = 1000
const MAX_RETRY_MS = 64_000
/** Events that may come during a dump; more count as lost. */
const MAX_DURING = 65_536

type Change = { place: FdbPlace; gone: boolean }

export type ForwardingOptions = {
  log: Logger
  /** Whether a device is a VXLAN device: MACs on it are elsewhere. */
  isVxlan: (ifindex: number) => boolean
  /** The bridge has a MAC on a port where it did not have it before. Called from the event loop. */
  onMoved: (place: FdbPlace) => void
  receiveBuffer?: number | undefined
}

export class ForwardingWatch {
  private readonly socket: RouteSocket
  /** undefined while it is not known what the kernel has. */
  private table: ForwardingTable | undefined
  /** What came during a dump; undefined when none is running. */
  private during: Change[] | undefined
  private losses = 0
  private retry: NodeJS.Timeout | undefined
  private retryMs = RETRY_MS
  private readAt = -Infinity
  private closed = false

  /** Resolves when the databases have been read. Rejects if the kernel refuses. */
  static async open(options: ForwardingOptions): Promise<ForwardingWatch> {
    const watch = new ForwardingWatch(options)
    try {
      await watch.readAll()
      if (!watch.isKnown) watch.readLater()
      return watch
    } catch (error) {
      watch.close()
      throw error
    }
  }

  private constructor(private readonly options: ForwardingOptions) {
    const handler = {
      event: (message: NetlinkMessage) => {
        this.event(message)
      },
      drained: () => undefined,
      lost: () => {
        this.lost()
      },
      malformed: (error: Error) => {
        options.log.error({ err: error }, 'FDB message not understood, left out')
      },
    }
    this.socket = RouteSocket.open([RTNLGRP_NEIGH], handler, options.receiveBuffer)
  }

  /** Whether the state of the databases is known. */
  get isKnown(): boolean {
    return this.table !== undefined
  }

  /** See ForwardingTable.portOf; undefined, too, while nothing is known. */
  portOf(bridge: number, vlan: number, mac: string): number | undefined {
    return this.table?.portOf(bridge, vlan, mac)
  }

  /** See ForwardingTable.countOn; 0 while nothing is known. */
  countOn(ifindex: number): number {
    return this.table?.countOn(ifindex) ?? 0
  }

  close(): void {
    this.closed = true
    clearTimeout(this.retry)
    this.socket.close()
  }

  private event(message: NetlinkMessage): void {
    const change = this.changeOf(message)
    if (change === undefined) return
    if (this.during === undefined) {
      this.apply(this.table, change)
      return
    }
    if (this.during.length < MAX_DURING) this.during.push(change)
    else this.losses++
  }

  private changeOf(message: NetlinkMessage): Change | undefined {
    if (message.type !== RTM_NEWNEIGH && message.type !== RTM_DELNEIGH) return undefined
    const entry = decodeFdbEntry(message)
    const place = entry && placeOf(entry)
    if (entry === undefined || place === undefined) return undefined
    const isHere = message.type === RTM_NEWNEIGH && isForwarded(entry) && !this.options.isVxlan(place.ifindex)
    return { place, gone: !isHere }
  }

  private apply(table: ForwardingTable | undefined, { place, gone }: Change): void {
    if (gone) table?.delete(place)
    else if (table?.put(place) === true) this.options.onMoved(place)
  }

  private lost(): void {
    this.losses++
    this.table = undefined
    if (this.during !== undefined || this.retry !== undefined) return
    if (monotonicMs() - this.readAt > MAX_RETRY_MS) this.retryMs = RETRY_MS
    this.options.log.warn({ retryMs: this.retryMs }, 'FDB events were lost: it is read again')
    this.readLater()
  }

  private readLater(): void {
    this.retry = setTimeout(() => void this.readAgain(), this.retryMs)
    this.retryMs = Math.min(this.retryMs * 2, MAX_RETRY_MS)
  }

  private async readAgain(): Promise<void> {
    this.retry = undefined
    try {
      await this.readAll()
    } catch (error) {
      if (this.closed) return
      this.options.log.error(`the FDB cannot be read: ${reason(error)}`)
    }
    if (!this.isKnown) this.readLater()
  }

  /** Reads everything; the table stays unknown if events were lost meanwhile. */
  private async readAll(): Promise<void> {
    const { losses } = this
    const during: Change[] = []
    this.during = during
    try {
      const places = await this.socket.dump(GET_FDB, (message) => this.changeOf(message))
      if (losses !== this.losses) return
      this.table = new ForwardingTable()
      this.readAt = monotonicMs()
      // all of it may be news: what moved before may have been missed
      for (const change of [...places, ...during]) this.apply(this.table, change)
    } finally {
      this.during = undefined
    }
  }
}
