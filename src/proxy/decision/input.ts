// Everything that a step of the proxy's table can be told.
import type { MacKey, OtherRoute } from './model.js'

/** An ARP or ND message in a VXLAN packet. */
export type Heard = MacKey & {
  /** The packet's source. */
  readonly vtep: string
  /** Source of the frame in it. */
  readonly etherSource: string
  /** undefined if the host does not say that it has one, as in an ARP probe (RFC 5227 2.1.1). */
  readonly ip: string | undefined
  /** undefined if the message does not say so, as a neighbour solicitation (RFC 9161 3.2). */
  readonly isRouter: boolean | undefined
  readonly at: number
}

/** A host of an earlier run of this proxy. */
export type SavedHost = MacKey & {
  readonly vtep: string
  readonly seq: number
  readonly addresses: readonly { readonly ip: string; readonly isRouter: boolean; readonly lastSeen: number }[]
  readonly lastSeen: number
}

export type Input =
  | { readonly type: 'heard'; readonly heard: Heard }
  | { readonly type: 'route'; readonly route: OtherRoute }
  | { readonly type: 'route-withdrawn'; readonly key: string }
  /** The other end of a session has sent all its routes (End-of-RIB, RFC 4724 2). */
  | { readonly type: 'session-synced'; readonly session: string }
  | { readonly type: 'session-lost'; readonly session: string }
  /** The policy is a new one, or the first one. */
  | { readonly type: 'policy' }
  | { readonly type: 'restored'; readonly hosts: readonly SavedHost[] }
  /** Whether frames of VTEPs are heard: they are not while the snooper is away. */
  | { readonly type: 'hearing'; readonly isHeard: boolean }
  | { readonly type: 'clear'; readonly key: MacKey }
  | { readonly type: 'tick' }
