// The relay's control socket: the snooper owns the overlay and follows the views; other clients may only query.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type ControlClient, type ControlHandler, ControlServer, type ControlServerOptions } from '../control/server.js'
import type { Logger } from '../base/log.js'
import { overlay as proto } from '../gen/overlay.js'
import type { Key } from '../bindings/model.js'
import { NO_ENTRY, type Report } from './overlay/entry.js'
import type { Orphan } from './overlay/restate.js'
import { viewMessages } from './overlay/views.js'
import type { BgpMessage, ZebraMessage } from '../zapi/evpn-codec.js'
import { feedDump } from './dump.js'
import type { Engine, EngineListener } from './engine.js'
import { OwnerWatch } from './owner-watch.js'
import {
  STATUS_TO_PROTO,
  changeForOwner,
  entryFromProto,
  entryToProto,
  keyFromProto,
  keyToProto,
  viewChange,
} from '../control/relay-codec.js'

/** Entries, changes and states in one message. */
const PART = 500

type Client = ControlClient<proto.FromRelay.$Properties>
type Status = proto.RelayStatus.$Properties

export class RelayControl implements EngineListener {
  private owner: Client | undefined
  /** Undefined if the owner answers no pings. */
  private ownerWatch: OwnerWatch | undefined
  private readonly dumping = new WeakSet<Client>()
  /** When the owner came, went or fell silent, milliseconds since the epoch. */
  private ownerSince = Date.now()
  /** Whether the overlay is what its owner wants; not so before a new owner has said all, or before the stale time. */
  private isReconciled = false
  /** Entries that the present owner has neither put nor removed yet. */
  private unreconciled = new Map<string, Key>()
  private changes: proto.ViewChange.$Properties[] = []
  private staleTimer: NodeJS.Timeout | undefined
  private server: ControlServer<proto.ToRelay, proto.FromRelay.$Properties> | undefined

  constructor(
    private readonly engine: Engine,
    private readonly staleMs: number,
    private readonly status: () => Promise<Status>,
    private readonly log: Logger,
  ) {
    engine.listener = this
    this.startStaleTimer()
  }

  /** @param first whether a path that cannot be used is an error, or is tried again until it can be used */
  async listen(path: string, first: boolean): Promise<void> {
    const options: ControlServerOptions<proto.ToRelay, proto.FromRelay.$Properties> = {
      path,
      decode: (bytes) => proto.ToRelay.decode(bytes),
      encode: (message) => proto.FromRelay.encode(message).finish(),
      onClient: (client) => this.serve(client),
      log: this.log,
    }
    this.server = await (first ? ControlServer.listen(options) : ControlServer.listenLater(options))
  }

  async close(): Promise<void> {
    clearTimeout(this.staleTimer)
    this.ownerWatch?.close()
    await this.server?.close()
  }

  onMessage(message: ZebraMessage | BgpMessage): void {
    if (this.owner === undefined) return
    const change = changeForOwner(message)
    if (change === undefined) return
    if (this.changes.length === 0) setImmediate(this.flushChanges)
    this.changes.push(change)
  }

  onReset(): void {
    this.changes = []
    this.owner?.send({ views: { reset: true } })
  }

  /** Changes of the views are sent before the statuses that follow from them, because the owner relates them. */
  onReports(reports: (Report & { key: Key })[]): void {
    this.flushChanges()
    for (let start = 0; start < reports.length; start += PART) {
      this.owner?.send({ states: { states: reports.slice(start, start + PART).map(stateToProto) } })
    }
  }

  /** What an entry may account for that is not known yet stays, as the entries of a predecessor do. */
  onOrphan({ router, ...key }: Orphan): void {
    if (this.isReconciled) return
    const now = Date.now()
    const entry = { ...NO_ENTRY, ...key, router, firstSeen: now, lastSeen: now }
    if (this.owner !== undefined) this.unreconciled.set(keyText(key), entry)
    this.engine.put(entry)
  }

  private readonly flushChanges = (): void => {
    const { changes } = this
    this.changes = []
    for (let start = 0; start < changes.length; start += PART) {
      this.owner?.send({ views: { changes: changes.slice(start, start + PART) } })
    }
  }

  private serve(client: Client): ControlHandler<proto.ToRelay> {
    return {
      onMessage: (message) => this.handle(client, message),
      onClose: () => {
        if (this.owner === client) this.ownerLeft()
        // a dump that waits for more records checks whether its client is still there
        if (this.dumping.has(client)) this.engine.recent?.wake()
      },
    }
  }

  private handle(client: Client, message: proto.ToRelay): Promise<void> | undefined {
    if (client === this.owner) this.ownerWatch?.onSignOfLife()
    if (message.getStatus != null) {
      return this.sendStatus(client)
    } else if (message.getOverlay != null) {
      return this.sendOverlay(client)
    } else if (message.getViews != null) {
      return this.answerViews(client)
    } else if (message.dump != null) {
      this.dump(client, message.dump)
    } else if (message.own != null) {
      return this.own(client, message.own)
    } else if (client !== this.owner) {
      this.refuse(client, 'only the owner of the overlay may change it')
    } else if (message.pong != null) {
      // that it came is all it says
    } else if (message.put != null) {
      for (const wire of message.put.entries ?? []) {
        const entry = entryFromProto(wire)
        this.unreconciled.delete(keyText(entry))
        this.engine.put(entry)
      }
    } else if (message.remove != null) {
      for (const wire of message.remove.keys ?? []) {
        const key = keyFromProto(wire)
        this.unreconciled.delete(keyText(key))
        this.engine.remove(key)
      }
    } else if (message.reconciled != null) {
      for (const key of this.unreconciled.values()) this.engine.remove(key)
      this.unreconciled.clear()
      this.isReconciled = true
    } else {
      this.refuse(client, 'the message says nothing that is known here')
    }
    return undefined
  }

  private dump(client: Client, request: proto.Dump.$Properties): void {
    const { recent } = this.engine
    if (recent === undefined) {
      this.refuse(client, 'it keeps no recent messages; set relay.recent in its configuration, or --recent, to 4M')
    } else if (this.dumping.has(client)) {
      this.refuse(client, 'one dump for one connection')
    } else {
      this.dumping.add(client)
      void feedDump(client, this.engine, recent, request)
    }
  }

  private refuse(client: Client, error: string): void {
    client.send({ error })
    client.close()
  }

  private own(client: Client, { client: name = '', answersPings }: proto.Own.$Properties): Promise<void> {
    const before = this.owner
    if (before !== undefined && before !== client) this.refuse(before, `${name ?? ''} has taken over the overlay`)
    clearTimeout(this.staleTimer)
    this.owner = client
    this.ownerWatch?.close()
    this.ownerWatch = answersPings === true ? this.watch(client) : undefined
    this.ownerSince = Date.now()
    this.changes = []
    this.isReconciled = false
    this.unreconciled = new Map()
    for (const { entry } of this.engine.overlay.entries()) this.unreconciled.set(keyText(entry), entry)
    this.log.info({ client: name, pid: client.peer.pid, entries: this.unreconciled.size }, 'the overlay has an owner')
    return this.handOver(client)
  }

  private watch(client: Client): OwnerWatch {
    const { pid } = client.peer
    return new OwnerWatch({
      ping: () => {
        client.send({ ping: {} })
      },
      onSilent: () => {
        this.ownerSince = Date.now()
        const { staleMs } = this
        this.log.error({ pid, staleMs }, 'the owner of the overlay hangs; the entries stay for the stale time')
        this.startStaleTimer()
      },
      onAnswering: () => {
        this.ownerSince = Date.now()
        this.log.info({ pid }, 'the owner of the overlay answers again')
        clearTimeout(this.staleTimer)
      },
    })
  }

  /** Changes during the transfer are sent between its parts: the last message about each key is the right one. */
  private async handOver(client: Client): Promise<void> {
    if (await this.sendViews(client, changeForOwner)) await this.sendOverlay(client)
  }

  private async answerViews(client: Client): Promise<void> {
    if (await this.sendViews(client, viewChange)) client.send({ synced: {} })
  }

  /** False if the client has gone meanwhile. */
  private async sendViews(client: Client, map: typeof viewChange): Promise<boolean> {
    client.send({ views: { reset: true } })
    for (const part of parts(viewMessages(this.engine.views), map)) {
      client.send({ views: { changes: part } })
      if (!(await this.ready(client))) return false
    }
    return true
  }

  private async sendOverlay(client: Client): Promise<void> {
    for (const part of parts(this.engine.overlay.entries(), (each) => each)) {
      client.send({ handedBack: { entries: part.map(({ entry }) => entryToProto(entry)) } })
      client.send({ states: { states: part.map(({ entry, report }) => stateToProto({ key: entry, ...report })) } })
      if (!(await this.ready(client))) return
    }
    client.send({ synced: {} })
  }

  /** Lets frames pass between two parts, and waits for a slow reader. */
  private async ready(client: Client): Promise<boolean> {
    await nextTurn()
    const isOpen = await client.writable()
    // its answers to pings wait until all is sent
    if (client === this.owner) this.ownerWatch?.onSignOfLife()
    return isOpen
  }

  private ownerLeft(): void {
    const wasSilent = this.ownerWatch?.isSilent === true
    this.ownerWatch?.close()
    this.ownerWatch = undefined
    this.owner = undefined
    // the stale time has begun when it fell silent
    if (wasSilent) return
    this.ownerSince = Date.now()
    this.isReconciled = false
    this.log.warn({ staleMs: this.staleMs }, 'the owner of the overlay has gone; the entries stay for the stale time')
    this.startStaleTimer()
  }

  private startStaleTimer(): void {
    this.staleTimer = setTimeout(() => {
      this.isReconciled = true
      if (this.engine.overlay.size === 0) return
      this.log.warn({ entries: this.engine.overlay.size }, 'no owner has come back in time: the overlay is withdrawn')
      for (const { entry } of [...this.engine.overlay.entries()]) this.engine.remove(entry)
      const { owner } = this
      if (owner === undefined) return
      // it does not know that its entries are gone: it starts over when it continues
      this.ownerLeft()
      this.refuse(owner, 'silent for the stale time: the overlay was withdrawn')
    }, this.staleMs)
  }

  private sendStatus(client: Client): Promise<void> | undefined {
    const status = this.status()
    if (!(status instanceof Promise)) {
      client.send({ status: this.withOwner(status) })
      return undefined
    }
    return status.then((later) => {
      client.send({ status: this.withOwner(later) })
    })
  }

  private withOwner(status: Status): Status {
    const isSilent = this.ownerWatch?.isSilent === true
    return {
      ...status,
      snooperConnected: this.owner !== undefined && !isSilent,
      snooperSilent: isSilent,
      snooperPid: this.owner?.peer.pid ?? 0,
      snooperSince: this.ownerSince,
      staleMs: this.staleMs,
    }
  }
}

const keyText = ({ vni, mac, ip }: Key): string => `${vni} ${mac} ${ip}`

function stateToProto({ key, status, seq }: Report & { key: Key }): proto.EntryState.$Properties {
  return { key: keyToProto(key), status: STATUS_TO_PROTO[status], seq }
}

/** Maps values, leaves out those that map to undefined, and groups the rest into parts. */
function* parts<T, U>(values: Iterable<T>, map: (value: T) => U | undefined): Generator<U[]> {
  let part: U[] = []
  for (const value of values) {
    const mapped = map(value)
    if (mapped === undefined) continue
    part.push(mapped)
    if (part.length < PART) continue
    yield part
    part = []
  }
  if (part.length > 0) yield part
}
