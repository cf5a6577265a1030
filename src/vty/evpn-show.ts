// What zebra and bgpd show of EVPN, in the shapes of FRR 8.4 to 10.7 (zebra_evpn.c, zebra_evpn_mac.c, zebra_evpn_neigh.c,
// bgp_evpn_vty.c). Rows come one by one, because a table may be large.
import * as v from 'valibot'
import { MacIpFlag } from '../base/macip-flags.js'
import { json, parse } from './answers.js'
import { type JsonMember, JsonMembers } from './json-members.js'
import { type Vty, VtyError } from './vty.js'

const ZERO_ESI = '00:00:00:00:00:00:00:00:00:00'

/**
 * How zebra announces a local MAC or neighbour: `first-hand`; `proxy`, because only another node of its Ethernet segment
 * has heard it; `not` at all, because not even that one has.
 */
export type ShownAnnouncement = 'first-hand' | 'proxy' | 'not'

/** What another node of its Ethernet segment announces of a local MAC or neighbour: itself, as a proxy, or nothing. */
export type ShownPeer = 'first-hand' | 'proxy' | 'none'

const segment = {
  localInactive: v.optional(v.boolean(), false),
  peerActive: v.optional(v.boolean(), false),
  /** The other node announces it no more; zebra keeps it for so long. */
  peerActiveHold: v.optional(v.string()),
  peerProxy: v.optional(v.boolean(), false),
}

type Segment = { localInactive: boolean; peerActive: boolean; peerActiveHold?: string | undefined; peerProxy: boolean }

function segmentOf({ localInactive, peerActive, peerActiveHold, peerProxy }: Segment): {
  announced: ShownAnnouncement
  peer: ShownPeer
} {
  const announced = !localInactive ? 'first-hand' : peerActive ? 'proxy' : 'not'
  return { announced, peer: peerActive && peerActiveHold === undefined ? 'first-hand' : peerProxy ? 'proxy' : 'none' }
}

/**
 * A MAC of zebra's table. `type`: `local`, `remote`, `auto` (only a neighbour refers to it), … `vtep` is empty for a local
 * one, and for one behind an Ethernet segment.
 */
export type ShownMac = {
  vni: number
  mac: string
  type: string
  vtep: string
  seq: number
  sticky: boolean
  announced: ShownAnnouncement
  peer: ShownPeer
}

const Mac = v.object({
  /** Absent for a MAC that only a neighbour refers to. */
  type: v.optional(v.string(), ''),
  remoteVtep: v.optional(v.string(), ''),
  localSequence: v.optional(v.number(), 0),
  remoteSequence: v.optional(v.number(), 0),
  stickyMac: v.optional(v.boolean(), false),
  ...segment,
})

export async function* showMacs(zebra: Vty): AsyncGenerator<ShownMac> {
  const command = 'show evpn mac vni all detail json'
  for await (const { path, value } of members(zebra, command, 3)) {
    const [vni, macs, mac = ''] = path
    // from some MACs on, 10.7 puts their number among them
    if (macs !== 'macs' || mac === 'numMacs') continue
    const shown = parse(Mac, value, command)
    const { type, remoteVtep, localSequence, remoteSequence, stickyMac } = shown
    const seq = type === 'remote' ? remoteSequence : localSequence
    yield { vni: Number(vni), mac, type, vtep: remoteVtep, seq, sticky: stickyMac, ...segmentOf(shown) }
  }
}

/** A neighbour of zebra's table. `vtep` as in ShownMac; `active`: its MAC is in the table in the same way. */
export type ShownNeighbor = {
  vni: number
  ip: string
  mac: string
  type: string
  active: boolean
  vtep: string
  seq: number
  announced: ShownAnnouncement
  peer: ShownPeer
}

const Neighbor = v.object({
  type: v.optional(v.string(), ''),
  state: v.string(),
  mac: v.string(),
  remoteVtep: v.optional(v.string(), ''),
  localSequence: v.optional(v.number(), 0),
  remoteSequence: v.optional(v.number(), 0),
  ...segment,
})

/**
 * @param detail whether `announced` and `peer` are asked for, which costs zebra more; otherwise they are always
 *   `first-hand` and `none`
 */
export async function* showNeighbors(zebra: Vty, { detail }: { detail: boolean }): AsyncGenerator<ShownNeighbor> {
  const command = `show evpn arp-cache vni all${detail ? ' detail' : ''} json`
  for await (const { path, value } of members(zebra, command, 2)) {
    const [vni, ip = ''] = path
    if (typeof value !== 'object') continue
    const shown = parse(Neighbor, value, command)
    const { type, state, mac, remoteVtep, localSequence, remoteSequence } = shown
    const seq = type === 'remote' ? remoteSequence : localSequence
    const active = state === 'active'
    yield { vni: Number(vni), ip, mac, type, active, vtep: remoteVtep, seq, ...segmentOf(shown) }
  }
}

/** A VNI of zebra's, as it announces it. */
export type ShownVni = { vtep: string; vrf: string; multicastGroup: string; sviIfindex: number; vteps: string[] }

/** A VNI that zebra does not have. */
const Nothing = v.strictObject({})
const Vtep = v.object({ ip: v.string() })
const Typed = v.object({ type: v.string() })
const TypedByVni = v.record(v.string(), Typed)
/** Characters of a list of VNIs. */
const MAX_VNIS = 64 << 20
const Vni = v.object({
  vtepIp: v.optional(v.string(), '0.0.0.0'),
  /** Called `vrf` in 8.4. */
  tenantVrf: v.optional(v.string()),
  vrf: v.optional(v.string()),
  mcastGroup: v.optional(v.string(), '0.0.0.0'),
  sviIfindex: v.optional(v.number(), 0),
  /** In 8.4 the addresses themselves, later their number. */
  numRemoteVteps: v.optional(v.union([v.array(v.string()), v.number()]), 0),
  remoteVteps: v.optional(v.array(v.union([Vtep, v.string()])), []),
})

/** Undefined for an L3VNI, and for a VNI that zebra does not have. */
export async function showVni(zebra: Vty, vni: number): Promise<ShownVni | undefined> {
  const command = `show evpn vni ${vni} json`
  const answer = json(await zebra.askForText(command), command)
  if (v.is(Nothing, answer) || parse(Typed, answer, command).type !== 'L2') return undefined
  const shown = parse(Vni, answer, command)
  const { vtepIp, tenantVrf, vrf, mcastGroup, sviIfindex, numRemoteVteps, remoteVteps } = shown
  const vteps = Array.isArray(numRemoteVteps)
    ? numRemoteVteps
    : remoteVteps.map((vtep) => (typeof vtep === 'string' ? vtep : vtep.ip))
  return { vtep: vtepIp, vrf: tenantVrf ?? vrf ?? 'default', multicastGroup: mcastGroup, sviIfindex, vteps }
}

/** Whether zebra has a VNI for routing between subnets (L3VNI). */
export async function showsL3Vni(zebra: Vty): Promise<boolean> {
  const command = 'show evpn vni json'
  const text = await zebra.askForText(command, MAX_VNIS)
  // nothing at all while EVPN is off
  if (text.trim() === '') return false
  return Object.values(parse(TypedByVni, json(text, command), command)).some(({ type }) => type === 'L3')
}

/** Ids of zebra's VRFs by name, apart from the default one, whose id is 0. */
export async function showVrfs(zebra: Vty): Promise<Map<string, number>> {
  const text = await zebra.askForText('show vrf')
  return new Map([...text.matchAll(/^vrf (\S+) id (\d+)/gm)].map(([, name = '', id]) => [name, Number(id)]))
}

const BgpVni = v.object({ inKernel: v.string(), rd: v.string() })

/** The live L2VNIs of bgpd: route distinguishers by VNI. */
export async function showBgpVnis(bgpd: Vty): Promise<Map<number, string>> {
  const found = new Map<number, string>()
  const command = 'show bgp l2vpn evpn vni json'
  for await (const { path, value } of members(bgpd, command, 1)) {
    const vni = Number(path[0])
    // the others are settings and numbers of all VNIs
    if (Number.isNaN(vni) || parse(Typed, value, command).type !== 'L2') continue
    const { inKernel, rd } = parse(BgpVni, value, command)
    if (inKernel === 'True') found.set(vni, rd)
  }
  return found
}

/** A route of type 2 that bgpd has made of what it was told on ZAPI. `esi`: 10 bytes. */
export type ShownRoute = { mac: string; ip: string | undefined; flags: number; seq: number; esi: Buffer }

const Route = v.object({
  routeType: v.number(),
  mac: v.string(),
  ip: v.optional(v.string()),
  paths: v.array(
    v.array(
      v.object({
        local: v.optional(v.boolean(), false),
        esi: v.optional(v.string(), ZERO_ESI),
        extendedCommunity: v.optional(v.object({ string: v.string() }), { string: '' }),
      }),
    ),
  ),
})

/** bgpd's own MAC and MAC-IP routes of the VNI with this route distinguisher. */
export async function* showLocalRoutes(bgpd: Vty, rd: string): AsyncGenerator<ShownRoute> {
  const command = `show bgp l2vpn evpn route rd ${rd} type macip json`
  for await (const { path, value } of members(bgpd, command, 2)) {
    if (path[1]?.startsWith('[2]') !== true) continue
    const { mac, ip, paths } = parse(Route, value, command)
    const local = paths.flat().find((each) => each.local)
    if (local === undefined) continue
    const esi = Buffer.from(local.esi.replaceAll(':', ''), 'hex')
    yield { mac, ip, ...fromCommunities(local.extendedCommunity.string), esi }
  }
}

/**
 * MAC mobility (RFC 7432, 7.7), default gateway (7.8) and ND flags (RFC 9047), as ecommunity_ecom2str prints them: a proxy's
 * router flag is not shown.
 */
function fromCommunities(text: string): { flags: number; seq: number } {
  const mobility = /\bMM:(\d+)(, sticky MAC)?/.exec(text)
  const flags =
    (mobility?.[2] === undefined ? 0 : MacIpFlag.STICKY) |
    (/\bDefault Gateway\b/.test(text) ? MacIpFlag.GW : 0) |
    (/\bND:Router Flag/.test(text) ? MacIpFlag.ROUTER : 0) |
    (/\bND:Proxy/.test(text) ? MacIpFlag.PROXY_ADVERT : 0)
  return { flags, seq: Number(mobility?.[1] ?? 0) }
}

const BgpVrfs = v.object({ vrfs: v.record(v.string(), v.object({ vrfId: v.number() })) })

/** The id of the VRF whose BGP instance advertises all VNIs; undefined if none does. */
export async function showEvpnVrf(bgpd: Vty): Promise<number | undefined> {
  await bgpd.askForText('enable')
  let instance: string | undefined
  for (const line of (await bgpd.askForText('show running-config', 64 << 20)).split('\n')) {
    const router = /^router bgp \S+(?: (?:vrf|view) (\S+))?/.exec(line)
    if (router !== null) instance = router[1] ?? 'default'
    if (/^ +advertise-all-vni\b/.test(line)) {
      const command = 'show bgp vrfs json'
      return parse(BgpVrfs, json(await bgpd.askForText(command), command), command).vrfs[instance ?? '']?.vrfId
    }
  }
  return undefined
}

async function* members(vty: Vty, command: string, depth: number): AsyncGenerator<JsonMember> {
  const parser = new JsonMembers(depth)
  try {
    for await (const text of vty.ask(command)) yield* parser.push(text)
    parser.end()
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new VtyError(`the answer to "${command}" is not the JSON it should be: ${error.message}`, { cause: error })
  }
}
