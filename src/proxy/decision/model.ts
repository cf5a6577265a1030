// What is known of hosts behind VTEPs that speak no BGP, and what other BGP speakers announce. MAC and IP addresses are
// canonical text; a VTEP is the IP address of its tunnel's end. Times are milliseconds of one monotonic clock.

export type MacKey = { readonly vni: number; readonly mac: string }
export type IpKey = { readonly vni: number; readonly ip: string }
export type VtepKey = { readonly vni: number; readonly vtep: string }

/**
 * `here`: announced as behind its VTEP. `asked`: it may be behind its VTEP, and is announced as soon as it says so.
 * `elsewhere`: another route of the MAC wins. `duplicate`: it moved too often, and is withdrawn for the hold-down time, in
 * which frames to it are flooded.
 */
export type Phase = 'here' | 'asked' | 'elsewhere' | 'duplicate'

/** A VTEP that is not configured, and was found by its frames. */
export type FoundVtep = VtepKey & { readonly type: 'vtep'; lastHeard: number }

/** A MAC behind a VTEP. */
export type Host = MacKey & {
  readonly type: 'host'
  vtep: string
  phase: Phase
  lastSeen: number
  /** The sequence number of all its routes (RFC 7432 7.7). */
  seq: number
  /** When it moved, within the window of duplicate detection. */
  moves: readonly number[]
  readonly addresses: Set<Address>
  /** The configuration says where it is: it neither ages nor moves. */
  isStatic: boolean
  /** Its routes say that it never moves (RFC 7432 15.2). */
  isSticky: boolean
}

/** A MAC without an IP. */
export const newHost = (
  seed: Pick<Host, 'vni' | 'mac' | 'vtep' | 'lastSeen' | 'seq'>,
  phase: 'here' | 'asked',
): Host => ({ type: 'host', phase, moves: [], addresses: new Set(), isStatic: false, isSticky: false, ...seed })

/** An IP of a host; it may go to another one. */
export type Address = IpKey & {
  readonly type: 'address'
  host: Host
  /** The R flag of its neighbour advertisements (RFC 9047). */
  isRouter: boolean
  lastSeen: number
  isStatic: boolean
  /** `heard`: announced with its host. `asked`: only if the host says so. `duplicate`: it moved too often. */
  phase: 'heard' | 'asked' | 'duplicate'
  /** What is next: to get a place in the rate of probes, to send one, to give up, or to end the hold-down time. */
  timer: 'ask' | 'probe' | 'give-up' | 'hold-down'
  /** Probes sent since it was heard. */
  tries: number
  moves: readonly number[]
}

/** An IP that its host has just said, unless `more` says otherwise. */
export const newAddress = (
  host: Host,
  ip: string,
  more: Partial<Pick<Address, 'isRouter' | 'lastSeen' | 'isStatic'>>,
): Address => {
  const { isRouter = false, lastSeen = host.lastSeen, isStatic = false } = more
  const timing = { phase: 'heard', timer: 'ask', tries: 0, moves: [] } as const
  return { type: 'address', vni: host.vni, ip, host, isRouter, lastSeen, isStatic, ...timing }
}

/** The owner of an IP is asked, since another host says that it has the IP. */
export type Contest = IpKey & {
  readonly type: 'contest'
  readonly claimant: Host
  readonly owner: { readonly mac: string; readonly vtep: string }
  /** Above the sequence numbers of other speakers' routes of the IP. */
  readonly minSeq: number
  readonly isRouter: boolean
  tries: number
}

/** No frames are heard: what is due meanwhile waits. */
export type Deafness = { readonly type: 'deafness'; readonly waiting: Set<Host | Address | FoundVtep> }

/** What has a deadline. */
export type Due = Host | Address | Contest | FoundVtep | Deafness

/** A Type-2 or Type-3 route of another BGP speaker. */
export type OtherRoute = {
  /** Names the session, the route distinguisher and what is announced. */
  readonly key: string
  readonly vni: number
  readonly nextHop: string
  /** It has the community that proxies give their routes. */
  readonly isMarked: boolean
  /** undefined for a Type-3 route. */
  readonly macIp: OtherMacIp | undefined
}

export type OtherMacIp = {
  readonly mac: string
  readonly ip: string | undefined
  readonly seq: number
  readonly isSticky: boolean
  /** It has the Default Gateway extended community (RFC 7432 10.1). */
  readonly isGateway: boolean
}

/** A route that the proxy announces on behalf of a VTEP; its next hop and, of `imet`, its originator are the VTEP. */
export type Announcement =
  | ({ readonly type: 'imet' } & VtepKey)
  | ({
      readonly type: 'macip'
      readonly mac: string
      readonly ip: string | undefined
      readonly seq: number
      readonly isSticky: boolean
      readonly isRouter: boolean
    } & VtepKey)

/** What BGP takes for the same route: a new one with the same key takes the place of the former one. */
export const announcementKey = (it: Announcement): string =>
  it.type === 'imet' ? vtepKey(it) : `${macKey(it)} ${it.ip ?? ''}`

export const vtepKey = ({ vni, vtep }: VtepKey): string => `${vni} ${vtep}`
export const macKey = ({ vni, mac }: MacKey): string => `${vni} ${mac}`
export const ipKey = ({ vni, ip }: IpKey): string => `${vni} ${ip}`
