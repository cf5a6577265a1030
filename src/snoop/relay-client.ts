// The snooper's end of the relay's control socket: owns the overlay, and reconnects whenever the relay is back.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { LastingClient } from '../control/lasting-client.js'
import type { ControlStream } from '../control/stream.js'
import type { Logger } from '../base/log.js'
import type { Entry, Key, Status } from '../bindings/model.js'
import type { ViewChange } from '../bindings/views.js'
import { overlay as proto } from '../gen/overlay.js'
import {
  entryFromProto,
  entryToProto,
  keyFromProto,
  keyToProto,
  STATUS_FROM_PROTO,
  viewChangeFromProto,
} from '../control/relay-codec.js'
import { fromEpoch, toEpoch } from '../base/clock.js'

/** Maximum number of entries in one message. */
const PART = 500
const CHECK_MS = 1000
/** Checks in a row without a word of the relay after which it counts as hung: one that pings does so every second. */
const MAX_SILENT = 5
/** The same while it hands everything back. */
const MAX_SILENT_AT_START = 10

/** Called in this order: connected; views, reports and entries handed back; synced; in the end lost. */
export type RelayEvents = {
  onConnected(): void
  onLost(): void
  onHandedBack(entries: readonly Entry[]): void
  onReport(key: Key, status: Status, seq: number): void
  onViewsReset(): void
  onViewChange(change: ViewChange): void
  /** The relay has handed back everything; `entries` is called next for everything that should be in the overlay. */
  onSynced(): void
  /** The iterator may be read over many turns of the event loop, while the table changes. */
  entries(): Iterable<Entry>
}

type Stream = ControlStream<proto.FromRelay, proto.ToRelay.$Properties>
type Part = { put: Entry[] } | { remove: Key[] }

export class RelayClient {
  private readonly client: LastingClient<proto.FromRelay, proto.ToRelay.$Properties>
  /** True when all entries were put or are being put: from here on, single changes are sent as well. */
  private synced = false
  /** The relay tells that it lives; an old one does not. */
  private pings = false
  /** Checks since the relay has last said something. */
  private silent = 0
  private checks: NodeJS.Timeout | undefined
  private parts: Part[] = []

  constructor(
    readonly path: string,
    private readonly name: string,
    private readonly events: RelayEvents,
    private readonly log: Logger,
  ) {
    this.client = new LastingClient({
      ...{ path, server: 'the relay', log },
      decode: (bytes) => proto.FromRelay.decode(bytes),
      encode: (message: proto.ToRelay.$Properties) => proto.ToRelay.encode(message).finish(),
      onConnected: (stream) => {
        this.begin(stream)
      },
      onMessage: (message) => {
        this.receive(message)
      },
      onLost: () => {
        this.lost()
      },
    })
  }

  private get stream(): Stream | undefined {
    return this.client.stream
  }

  get connected(): boolean {
    return this.stream !== undefined
  }

  /** Connects as soon as there is a relay, and again whenever the connection is lost. */
  start(): void {
    this.client.start()
  }

  put(entry: Entry): void {
    if (!this.synced) return
    const last = this.parts.at(-1)
    if (last !== undefined && 'put' in last && last.put.length < PART) last.put.push(entry)
    else this.add({ put: [entry] })
  }

  /** Also works before `onSynced`, because an entry that was handed back may have to be removed at once. */
  remove(key: Key): void {
    if (this.stream === undefined) return
    const last = this.parts.at(-1)
    if (last !== undefined && 'remove' in last && last.remove.length < PART) last.remove.push(key)
    else this.add({ remove: [key] })
  }

  close(): void {
    clearInterval(this.checks)
    this.flush()
    this.client.close()
  }

  private begin(stream: Stream): void {
    stream.send({ own: { client: this.name, answersPings: true } })
    this.silent = 0
    this.checks = setInterval(() => {
      this.check(stream)
    }, CHECK_MS).unref()
    this.events.onConnected()
  }

  /** Checks are counted, not timed: a snooper that was stopped itself must not blame the relay. */
  private check(stream: Stream): void {
    const limit = this.synced ? (this.pings ? MAX_SILENT : Infinity) : MAX_SILENT_AT_START
    if (this.silent++ >= limit) stream.destroy(new Error(`it has said nothing for ${limit} s`))
  }

  private lost(): void {
    this.pings = false
    clearInterval(this.checks)
    this.synced = false
    this.parts = []
    this.events.onLost()
  }

  private receive(message: proto.FromRelay): void {
    this.silent = 0
    if (message.ping != null) {
      this.pings = true
      this.stream?.send({ pong: {} })
    } else if (message.views != null) {
      if (message.views.reset === true) this.events.onViewsReset()
      for (const change of message.views.changes ?? []) this.events.onViewChange(viewChangeFromProto(change))
    } else if (message.handedBack != null) {
      this.events.onHandedBack((message.handedBack.entries ?? []).map(fromProto))
    } else if (message.states != null) {
      for (const { key, status, seq } of message.states.states ?? []) {
        const known = STATUS_FROM_PROTO.get(status ?? proto.EntryStatus.ENTRY_STATUS_UNSPECIFIED)
        if (known !== undefined) this.events.onReport(keyFromProto(key), known, seq ?? 0)
      }
    } else if (message.synced != null) {
      this.client.settle()
      this.synced = true
      this.events.onSynced()
      void this.putAll()
    } else if (message.error != null) {
      this.log.warn({ relay: this.path }, `the relay refuses: ${message.error}`)
    }
  }

  /**
   * Sends all entries in parts, and lets frames and single changes pass in between; each key's last message is valid.
   */
  private async putAll(): Promise<void> {
    const { stream } = this
    if (stream === undefined) return
    let part: Entry[] = []
    for (const entry of this.events.entries()) {
      part.push(entry)
      if (part.length < PART) continue
      this.flush()
      stream.send(toProto({ put: part }))
      part = []
      await nextTurn()
      if (!(await stream.writable())) return
    }
    this.flush()
    if (part.length > 0) stream.send(toProto({ put: part }))
    stream.send({ reconciled: {} })
  }

  private add(part: Part): void {
    if (this.parts.length === 0) {
      // runs after all callbacks of one wake-up of the event loop
      process.nextTick(() => {
        this.flush()
      })
    }
    this.parts.push(part)
  }

  private flush(): void {
    const { parts } = this
    this.parts = []
    for (const part of parts) this.stream?.send(toProto(part))
  }
}

function toProto(part: Part): proto.ToRelay.$Properties {
  if ('remove' in part) return { remove: { keys: part.remove.map(keyToProto) } }
  return { put: { entries: part.put.map(entryWithEpoch) } }
}

function entryWithEpoch({ firstSeen, lastSeen, ...rest }: Entry): proto.Entry.$Properties {
  return entryToProto({ firstSeen: toEpoch(firstSeen), lastSeen: toEpoch(lastSeen), ...rest })
}

function fromProto(wire: proto.Entry.$Properties): Entry {
  const { firstSeen, lastSeen, ...entry } = entryFromProto(wire)
  return { firstSeen: fromEpoch(firstSeen), lastSeen: fromEpoch(lastSeen), ...entry }
}
