// The inputs of the table: from frames, ports, the relay, zebra's FPM stream and the operator, and the passing of time.
import type { Anchor, Entry, Evidence, Key, SelfMatch, Status } from './model.js'
import type { StaticBinding } from './policy.js'
import type { ViewChange } from './views.js'

export type Input =
  | { readonly type: 'evidence'; readonly evidence: Evidence }
  /** The bridge's forwarding database has a MAC on another port of the VM side than before, or has it again. */
  | { readonly type: 'fdb'; readonly vni: number; readonly mac: string; readonly anchor: Anchor }
  /** A port has another name. */
  | { readonly type: 'port-renamed'; readonly ifindex: number; readonly port: string }
  /** A port, or one VLAN of it, no longer leads to its VNI. */
  | { readonly type: 'port-lost'; readonly ifindex: number; readonly vlan?: number; readonly reason: PortLoss }
  /**
   * An entry of an earlier run, which the relay still has in its overlay or which was saved to a file. `anchor` and
   * `vni` say what its port and VLAN lead to now; undefined if nothing.
   */
  | {
      readonly type: 'restored'
      readonly from: 'relay' | 'file'
      readonly entry: Entry
      readonly anchor: Anchor | undefined
      readonly vni: number | undefined
      readonly selfMatch: SelfMatch | undefined
    }
  /** The operator's static bindings; sent once, at the start. */
  | { readonly type: 'static'; readonly bindings: readonly StaticBinding[] }
  /** The connection to the relay came or went; reports and views are valid for one connection only. */
  | { readonly type: 'relay'; readonly connected: boolean }
  | { readonly type: 'report'; readonly key: Key; readonly status: Status; readonly seq: number }
  | { readonly type: 'view'; readonly change: ViewChange }
  | { readonly type: 'views-reset' }
  | { readonly type: 'fpm'; readonly update: FpmUpdate }
  /** A host behind another VTEP was asked, and has answered that it has the address. */
  | { readonly type: 'remote-answer'; readonly key: Key }
  /** An operator removes a binding, with `duplicate` only if it is frozen; `held-down`: believes the challenger that claimed this. */
  | { readonly type: 'clear'; readonly what: 'binding' | 'duplicate' | 'held-down'; readonly key: Key }
  | { readonly type: 'tick' }

export type PortLoss = 'port-down' | 'port-gone' | 'vni-changed'

/** An update from zebra's FPM stream. */
export type FpmUpdate =
  /** zebra programmed the MAC as remote (`remote`), or no longer has it so. */
  | { readonly kind: 'mac'; readonly vni: number; readonly mac: string; readonly remote: boolean }
  /** zebra programmed a host route of the VNI's tenant to another VTEP. */
  | { readonly kind: 'host-route'; readonly vni: number; readonly ip: string; readonly vtep: string }
  /** The connection is lost. */
  | { readonly kind: 'none' }
