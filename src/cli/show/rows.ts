// Makes the rows of `macipctl show`: it puts the views side by side, and notes what is odd about each line.
import { parseIp } from '../../base/address.js'
import type { BindingReport } from '../report.js'
import { groupBy } from '../../base/group.js'
import type { LocalMac, Place, RemoteMac, RemoteVtep, ViewsReport } from './report.js'
import { count } from '../text.js'

type Notes = { notes: string[] }
export type VniRow = Notes & {
  vni: number
  /** Whether zebra has announced it. */
  live: boolean
  /** The local VTEP; null while the VNI is not live. */
  vtep: string | null
  macs: number
  macIps: number
  remoteMacs: number
  remoteMacIps: number
  vteps: number
}
/** `by` is the process that announces it to bgpd. */
export type MacRow = Notes & LocalMac & { by: 'zebra' | 'macipd' }
export type RemoteRow = Notes & RemoteMac
export type VtepRow = Notes & RemoteVtep & { macs: number; macIps: number }

export type Rows = { vnis: VniRow[]; macs: MacRow[]; remote: RemoteRow[]; vteps: VtepRow[] }

/** @param bindings the relay's entries; only those that are announced count */
export function rowsOf(views: ViewsReport, bindings: readonly BindingReport[]): Rows {
  const announced = bindings.filter(({ reason }) => reason === 'announced')
  const ours = new Set(announced.map(placeText))
  // bgpd has ours instead of what zebra announces as a proxy
  const zebras = views.macs.filter((mac) => !ours.has(placeText(mac)))
  const local: (LocalMac & { by: 'zebra' | 'macipd' })[] = zebras.map((mac) => ({ ...mac, by: 'zebra' }))
  const byMac = groupBy(views.macs, macKey)
  for (const { vni, mac, ip, seq, router } of announced) {
    // it is announced with the Ethernet segment of its MAC
    const esi = byMac.get(macKey({ vni, mac }))?.find((it) => it.ip === null)?.esi ?? null
    local.push({ vni, mac, ip, seq, flags: router ? ['router'] : [], esi, by: 'macipd' })
  }
  const live = new Map(views.vnis.map(({ vni, vtep }) => [vni, vtep]))
  const index = {
    live,
    vteps: groupBy(views.vteps, vtepKey),
    local: groupPlaces(local),
    remote: groupPlaces(views.remote),
  }
  return {
    vnis: vniRows(views, local, live),
    macs: local.map((mac) => ({ ...mac, notes: macNotes(mac, index) })).sort(byPlace),
    remote: views.remote.map((remote) => ({ ...remote, notes: remoteNotes(remote, index) })).sort(byPlace),
    vteps: vtepRows(views, live),
  }
}

/** Rows by the MAC or, if they have an IP, by the IP. */
type Places<T> = Map<string, T[]>
type Index = {
  live: ReadonlyMap<number, string>
  vteps: ReadonlyMap<string, unknown>
  local: Places<LocalMac>
  remote: Places<RemoteMac>
}

const placeText = ({ vni, mac, ip }: Place): string => `${vni} ${mac} ${ip ?? ''}`
const placeKey = ({ vni, mac, ip }: Place): string => `${vni} ${ip ?? mac}`
const macKey = ({ vni, mac }: { vni: number; mac: string }): string => `${vni} ${mac}`
const vtepKey = ({ vni, vtep }: { vni: number; vtep: string }): string => `${vni} ${vtep}`

const groupPlaces = <T extends Place>(places: readonly T[]): Places<T> => groupBy(places, placeKey)

function macNotes(mac: LocalMac, { local, remote }: Index): string[] {
  const others = new Set((local.get(placeKey(mac)) ?? []).map((it) => it.mac).filter((it) => it !== mac.mac))
  return [
    ...(remote.get(placeKey(mac)) ?? []).map((it) => `also remote: ${who(it, mac)}behind ${it.vtep}, seq ${it.seq}`),
    ...[...others].map((other) => `also at ${other}`),
  ]
}

function remoteNotes(remote: RemoteMac, { live, vteps, local }: Index): string[] {
  return [
    ...(live.has(remote.vni) ? [] : [NOT_LIVE]),
    ...(local.get(placeKey(remote)) ?? []).map((it) => `also local: ${who(it, remote)}seq ${it.seq}`),
    ...(vteps.has(vtepKey(remote)) ? [] : ['its VTEP is not flooded to']),
  ]
}

/** Returns the MAC if it is another one than the line is about. */
const who = (other: Place, own: Place): string => (other.mac === own.mac ? '' : `${other.mac} `)

const NOT_LIVE = 'zebra has not announced the VNI'

function vniRows(views: ViewsReport, local: readonly Place[], live: ReadonlyMap<number, string>): VniRow[] {
  const rows = new Map<number, VniRow>()
  const row = (vni: number): VniRow => {
    const known = rows.get(vni)
    if (known !== undefined) return known
    const vtep = live.get(vni) ?? null
    const none = { macs: 0, macIps: 0, remoteMacs: 0, remoteMacIps: 0, vteps: 0, notes: [] }
    const fresh: VniRow = { vni, live: vtep !== null, vtep, ...none }
    rows.set(vni, fresh)
    return fresh
  }
  for (const { vni } of views.vnis) row(vni)
  for (const { vni, ip } of local) row(vni)[ip === null ? 'macs' : 'macIps']++
  for (const { vni, ip } of views.remote) row(vni)[ip === null ? 'remoteMacs' : 'remoteMacIps']++
  for (const { vni } of views.vteps) row(vni).vteps++
  for (const it of rows.values()) {
    if (!it.live) it.notes.push(NOT_LIVE)
    else if (it.vtep === '0.0.0.0') it.notes.push('no local VTEP: the VXLAN device has no local address')
    if (it.live && it.vteps === 0) it.notes.push('no remote VTEP')
  }
  return [...rows.values()].sort((a, b) => a.vni - b.vni)
}

function vtepRows({ vteps, remote }: ViewsReport, live: ReadonlyMap<number, string>): VtepRow[] {
  const behind = groupBy(remote, vtepKey)
  const rows = vteps.map((vtep): VtepRow => {
    const places = behind.get(vtepKey(vtep)) ?? []
    const macs = places.filter(({ ip }) => ip === null).length
    const notes = live.has(vtep.vni) ? [] : [NOT_LIVE]
    if (live.get(vtep.vni) === vtep.vtep) notes.push('this is the local VTEP: two nodes have one address?')
    return { ...vtep, macs, macIps: places.length - macs, notes }
  })
  const known = groupBy(vteps, vtepKey)
  for (const [key, places] of behind) {
    const [first] = places
    if (first === undefined || known.has(key)) continue
    const macs = places.filter(({ ip }) => ip === null).length
    const notes = [`${count(places.length, 'route')} behind it, but it is not flooded to`]
    rows.push({ vni: first.vni, vtep: first.vtep, flood: 'none', macs, macIps: places.length - macs, notes })
  }
  return rows.sort((a, b) => a.vni - b.vni || byAddress(a.vtep, b.vtep))
}

const byPlace = (a: Place, b: Place): number =>
  a.vni - b.vni || (a.mac === b.mac ? byAddress(a.ip ?? '', b.ip ?? '') : a.mac < b.mac ? -1 : 1)

/** Sorts rows without an address first, then IPv4, then IPv6. */
function byAddress(a: string, b: string): number {
  const [first, second] = [parseIp(a) ?? Buffer.alloc(0), parseIp(b) ?? Buffer.alloc(0)]
  return first.length - second.length || first.compare(second)
}
