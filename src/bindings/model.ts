// What the snooper and the relay share (a key, an entry of the overlay, its status), the bindings that the table holds, and
// the evidence that reaches it. MAC and IP addresses are canonical text. In the table, times are milliseconds of one
// monotonic clock.

/** Identifies an entry of the relay's overlay. */
export type Key = { readonly vni: number; readonly mac: string; readonly ip: string }

/** Where a host was seen: a bridge port on the VM side and the VLAN there (0 = untagged). */
export type Anchor = {
  readonly ifindex: number
  readonly port: string
  readonly vlan: number
  /** Ageing time of the bridge's forwarding database, milliseconds; 0 = it learns no MAC addresses. */
  readonly ageingMs: number
}

/** The anchor of a binding without a known port, which is a static one. */
export const NO_ANCHOR: Anchor = { ifindex: 0, port: '', vlan: 0, ageingMs: 0 }

/** An ARP probe (RFC 5227 2.1.1) and a solicitation for duplicate address detection (RFC 4862 5.4.2) claim nothing yet. */
export type EvidenceKind = 'arp-request' | 'arp-reply' | 'na' | 'ns' | 'ra' | 'arp-probe' | 'dad-ns'

/** One snooped frame, with what the node knew about its origin when it arrived. */
export type Evidence = {
  readonly kind: EvidenceKind
  /** Sender hardware address (ARP), target (NA) or source (NS, RA) link-layer address. */
  readonly mac: string
  readonly etherSource: string
  /** Sender protocol address (ARP), target (NA) or source (NS, RA) address; in a probe, the address that is tested. */
  readonly ip: string
  /** The R flag of an NA, and true for an RA; false for ARP and NS. */
  readonly router: boolean
  readonly override: boolean
  /** undefined if the port is not snooped, or has gone down since. */
  readonly anchor: Anchor | undefined
  /** The VNI of port and VLAN; undefined if they have none. */
  readonly vni: number | undefined
  readonly selfMatch: SelfMatch | undefined
  /**
   * The port (ifindex) on which the bridge's forwarding database has `mac` now; undefined if on none on the VM side, or
   * if that is not known. The frame itself may change it a moment later: an input `fdb` follows.
   */
  readonly fdbPort: number | undefined
  /** Why the bridge takes no notice of the frame; undefined if it does. */
  readonly bridgeRefusal: BridgeRefusal | undefined
  /** When the frame came; it may have waited since. */
  readonly at: number
}

/** Why a bridge drops a frame before it learns from it, or learns nothing from it. */
export type BridgeRefusal = 'port-blocked' | 'port-locked' | 'no-learning' | 'vlan-protocol'

/** Which of a frame's addresses belongs to the node itself. */
export type SelfMatch =
  | 'mac'
  | 'ip'
  /** The IP is the network's own or the broadcast address of a subnet that the node is in. */
  | 'network'

/**
 * An entry of the relay's overlay: what the snooper gives, and gets back as it was. Its times are milliseconds, but of
 * different clocks: the monotonic one in bindings/ and snoop/, the epoch's in relay/ and on the control socket. The
 * snooper's relay client converts them (base/clock.ts).
 */
export type Entry = Key & {
  readonly router: boolean
  readonly port: string
  readonly vlan: number
  readonly firstSeen: number
  readonly lastSeen: number
  /** The MAC and all its IPs in the VNI are announced with at least this sequence number; 0 leaves the choice to zebra. */
  readonly minSeq: number
  /** The relay judges the entry, but does not announce it. */
  readonly observe: boolean
}

/** Whether an entry is announced, or why it is not. */
export type Status =
  | 'announced'
  /** zebra announces the same entry itself. */
  | 'shadowed'
  | 'no-session'
  | 'release-uncertain'
  /** What bgpd has is not certain, and is being read from FRR. */
  | 'relearning'
  /** zebra has not announced the VNI. */
  | 'vni-not-live'
  /** zebra does not announce the MAC as local in the VNI. */
  | 'mac-not-local'
  /** bgpd has a remote route for the MAC or the IP that wins. */
  | 'remote'
  /** Another MAC is announced with the IP. */
  | 'ip-conflict'
  /** It would be announced if it were not for observation only. */
  | 'observed'

/** `connection` is the connection to the relay that brought the report; reports of earlier ones do not count. */
export type Report = { readonly status: Status; readonly seq: number; readonly connection: number }

/**
 * What the snooper is doing about a binding: `probing` asks a silent host, `contested` asks the owner of a claimed
 * address, `claiming` asks the owner behind another VTEP of the address that this host claims, `duplicate` is frozen.
 * `known` means that nothing is under way.
 */
export type Phase = 'known' | 'probing' | 'contested' | 'claiming' | 'duplicate'

/** The next deadline of a binding: see refresh.ts, contest.ts and remote-claim.ts. */
export type TimerName = 'refresh' | 'probe' | 'give-up' | 'age' | 'confirm' | 'claim' | 'remote-confirm' | 'hold-down'

/** Another host says that it has the address, or the same host does behind another port. */
export type Claim = {
  readonly mac: string
  readonly anchor: Anchor
  readonly evidence: EvidenceKind
  readonly router: boolean
  readonly at: number
}

/** (VNI, IP) → MAC, port, evidence. The key never changes: the same IP with another MAC is another binding. */
export type Binding = Key & {
  anchor: Anchor
  router: boolean
  evidence: EvidenceKind | 'restored' | 'static'
  readonly isStatic: boolean
  /** False for a binding of an earlier run that was neither seen nor handed back by the relay in this one. */
  confirmed: boolean
  /** It was silent for its age, and another node of its Ethernet segment hears it: see `giveUp`. */
  isProxied: boolean
  /** zebra has programmed the MAC as remote and not taken that back: see AnnouncedViews.isSuppressedByFpm. */
  suppressedByFpm: boolean
  firstSeen: number
  lastSeen: number
  minSeq: number
  report: Report | undefined
  phase: Phase
  timer: TimerName | undefined
  /** Probes sent since the host was last seen. */
  tries: number
  /** How it was asked when it last answered; the first probe has that form, then they take turns. */
  form: ProbeForm
  /** No probe is sent before this time, because the host is running duplicate detection (RFC 5227 2.1.1). */
  dadUntil: number
  dadSince: number
  /** The last claim of another host; undecided while `contested`, where undefined means that only a route contests. */
  claim: Claim | undefined
  /** Times at which the address changed its owner, within the window of duplicate detection. */
  moves: readonly number[]
  /** When it was taken from an owner behind another VTEP who did not answer; -Infinity if it was not. */
  tookAt: number
  /** Whether it has been announced to bgpd in this run. */
  wasAnnounced: boolean
  /** A factor of 0.9 … 1 that spreads the refreshes of hosts that were learned together. */
  readonly jitter: number
}

/**
 * How a host is asked. `poll`: without a sender's address if the node has none in the subnet (RFC 5227 1.1), and by
 * unicast; any host answers that for its own addresses. `resolution`: as a neighbour asks that wants to send something,
 * which is what a host answers for addresses that it proxies.
 */
export type ProbeForm = 'poll' | 'resolution'

/** The form of the probe that was sent last: the first one is asked in the form that was answered before. */
export function formOf({ form, tries }: Pick<Binding, 'form' | 'tries'>): ProbeForm {
  if (tries === 0 || tries % 2 === 1) return form
  return form === 'poll' ? 'resolution' : 'poll'
}

const NO_MOVES: readonly number[] = []

/** The properties from which `newBinding` makes a binding. */
export type Seed = Key & Pick<Binding, 'anchor' | 'router' | 'evidence' | 'firstSeen' | 'lastSeen'>

export function newBinding(seed: Seed, { isStatic = false, confirmed = true, minSeq = 0 } = {}): Binding {
  const { vni, mac, ip, anchor, router, evidence, firstSeen, lastSeen } = seed
  return {
    vni,
    mac,
    ip,
    anchor,
    router,
    evidence,
    isStatic,
    confirmed,
    isProxied: false,
    suppressedByFpm: false,
    firstSeen,
    lastSeen,
    minSeq,
    report: undefined,
    phase: 'known',
    timer: undefined,
    tries: 0,
    form: 'poll',
    dadUntil: -Infinity,
    dadSince: -Infinity,
    claim: undefined,
    moves: NO_MOVES,
    tookAt: -Infinity,
    wasAnnounced: false,
    jitter: jitterOf(mac, ip),
  }
}

/** Derives the jitter from the host's addresses (FNV-1a), so that a recorded run can be replayed. */
function jitterOf(mac: string, ip: string): number {
  let hash = 0x811c9dc5
  for (const text of [mac, ip]) {
    for (let index = 0; index < text.length; index++) {
      hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
    }
  }
  return 1 - (hash >>> 0) / 0x1_0000_0000 / 10
}

/** Whether the relay's overlay should hold the binding. */
export const isInOverlay = ({ confirmed, phase, isProxied, suppressedByFpm }: Binding): boolean =>
  confirmed && phase !== 'duplicate' && phase !== 'claiming' && !isProxied && !suppressedByFpm

export function entryOf(binding: Binding, observe: boolean): Entry {
  const { vni, mac, ip, router, anchor, firstSeen, lastSeen, minSeq } = binding
  return { vni, mac, ip, router, port: anchor.port, vlan: anchor.vlan, firstSeen, lastSeen, minSeq, observe }
}

export const isIpv6 = (ip: string): boolean => ip.includes(':')
