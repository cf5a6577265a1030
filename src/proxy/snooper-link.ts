// The proxy's connection to the snooper: says which packets of the underlay it wants to hear of, and hears what hosts say
// in them.
import { LastingClient } from '../control/lasting-client.js'
import {
  type VxlanClaim,
  vxlanClaimFromProto,
  type VxlanStatus,
  vxlanStatusFromProto,
  type WatchVxlan,
  watchToProto,
} from '../control/vxlan-codec.js'
import { isDeepStrictEqual } from 'node:util'
import type { Logger } from '../base/log.js'
import { snoop as proto } from '../gen/snoop.js'
import type { Heard } from './decision/input.js'

export type SnooperHandler = {
  hear(heard: Heard): void
  /** Whether packets of any device are looked at. */
  hearing(isHeard: boolean): void
}

/** As people see it. */
export type SnooperView = {
  readonly path: string
  readonly isConnected: boolean
  /** When it was connected or lost, milliseconds since the epoch. */
  readonly since: number
  /** What it said last; undefined if nothing. */
  readonly status: VxlanStatus | undefined
  /** Why it does not do what it was asked for; '' if it does. */
  readonly refusal: string
}

export class SnooperLink {
  private readonly client: LastingClient<proto.FromSnoop, proto.ToSnoop.$Properties>
  private watch: WatchVxlan | undefined
  private status: VxlanStatus | undefined
  private since = Date.now()
  private refusal = ''

  constructor(
    private readonly path: string,
    private readonly handler: SnooperHandler,
    private readonly log: Logger,
  ) {
    this.client = new LastingClient({
      ...{ path, server: 'the snooper', log },
      decode: (bytes) => proto.FromSnoop.decode(bytes),
      encode: (message: proto.ToSnoop.$Properties) => proto.ToSnoop.encode(message).finish(),
      onConnected: () => {
        this.since = Date.now()
        this.say()
      },
      onMessage: (message) => {
        this.receive(message)
      },
      onLost: () => {
        this.since = Date.now()
        this.status = undefined
        this.handler.hearing(false)
      },
    })
  }

  /** Connects, and stays connected. */
  start(watch: WatchVxlan): void {
    this.watch = watch
    this.client.start()
  }

  /** Wants something else from now on. */
  replace(watch: WatchVxlan): void {
    if (isDeepStrictEqual(watch, this.watch)) return
    this.watch = watch
    this.say()
  }

  close(): void {
    this.client.close()
  }

  get view(): SnooperView {
    const { path, since, status, refusal } = this
    return { path, isConnected: this.client.stream !== undefined, since, status, refusal }
  }

  private say(): void {
    if (this.watch !== undefined) this.client.stream?.send({ watchVxlan: watchToProto(this.watch) })
  }

  private receive({ vxlanClaims, vxlanStatus, error }: proto.FromSnoop): void {
    if (vxlanClaims != null) {
      for (const claim of vxlanClaims.claims ?? []) this.handler.hear(heardIn(vxlanClaimFromProto(claim)))
    } else if (vxlanStatus != null) {
      this.client.settle()
      this.refusal = ''
      this.status = vxlanStatusFromProto(vxlanStatus)
      this.handler.hearing(this.status.interfaces.some(({ attached }) => attached !== ''))
    } else if (error != null) {
      if (this.refusal !== error) this.log.warn({ path: this.path }, `the snooper refuses: ${error}`)
      this.refusal = error
    }
  }
}

/** What a claim says of the host that made it. */
export function heardIn({ kind, vni, vtep, mac, etherSource, ip, router, at }: VxlanClaim): Heard {
  const place = { vni, vtep, mac, etherSource, at }
  switch (kind) {
    case 'arp-probe':
    case 'dad-ns':
      return { ip: undefined, isRouter: undefined, ...place }
    case 'ns':
      return { ip, isRouter: undefined, ...place }
    case 'arp-request':
    case 'arp-reply':
    case 'na':
    case 'ra':
      return { ip, isRouter: router, ...place }
  }
}
