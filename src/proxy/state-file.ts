// How hosts behind static VTEPs are kept across restarts of the proxy and of the machine: one line for each IP, and for
// each host without one.
import { formatIp, formatMac, parseIp, parseMac } from '../base/address.js'
import { fromEpoch, toEpoch } from '../base/clock.js'
import { MAX_VNI } from '../base/vni.js'
import { isWhole, parseArray, type StateFormat } from '../os/state-file.js'
import type { SavedHost } from './decision/input.js'
import type { Host } from './decision/model.js'

/** `ip` is '' for a host without one. Times are milliseconds since the epoch, as no other clock survives a restart. */
export type SavedAddress = {
  readonly vni: number
  readonly mac: string
  readonly vtep: string
  readonly seq: number
  readonly ip: string
  readonly isRouter: boolean
  readonly lastSeen: number
}

export const HOSTS_FORMAT: StateFormat<SavedAddress> = {
  header: 'macipd proxy hosts 1',
  items: 'hosts',
  format: ({ vni, mac, vtep, seq, ip, isRouter, lastSeen }) =>
    JSON.stringify([vni, mac, vtep, seq, ip, isRouter ? 1 : 0, Math.max(0, Math.round(lastSeen))]),
  parse,
  nameOf: ({ vni, mac, ip }) => `${vni} ${ip === '' ? mac : ip}`,
}

const MAX_SEQ = 0xffffffff

function parse(line: string): SavedAddress | undefined {
  const values = parseArray(line)
  if (values?.length !== 7) return undefined
  const [vni, mac, vtep, seq, ip, isRouter, lastSeen] = values
  const [macBytes, vtepIp] = [typeof mac === 'string' ? parseMac(mac) : undefined, canonical(vtep)]
  const hostIp = ip === '' ? '' : canonical(ip)
  if (macBytes === undefined || vtepIp === undefined || hostIp === undefined) return undefined
  if (!isWhole(vni, 1, MAX_VNI) || !isWhole(seq, 0, MAX_SEQ) || !isWhole(isRouter, 0, 1)) return undefined
  if (!isWhole(lastSeen, 0, Number.MAX_SAFE_INTEGER)) return undefined
  return { vni, mac: formatMac(macBytes), vtep: vtepIp, seq, ip: hostIp, isRouter: isRouter === 1, lastSeen }
}

function canonical(ip: unknown): string | undefined {
  const bytes = typeof ip === 'string' ? parseIp(ip) : undefined
  return bytes === undefined ? undefined : formatIp(bytes)
}

/** Yields what is kept of hosts: those that are announced, and were learned. */
export function* savedOf(hosts: Iterable<Host>): Generator<SavedAddress> {
  for (const { vni, mac, vtep, seq, phase, isStatic, lastSeen, addresses } of hosts) {
    if (isStatic || phase !== 'here') continue
    const host = { vni, mac, vtep, seq }
    let isSaid = false
    for (const { ip, isRouter, lastSeen: heard, phase: said } of addresses) {
      if (said !== 'heard') continue
      isSaid = true
      yield { ip, isRouter, lastSeen: toEpoch(heard), ...host }
    }
    if (!isSaid) yield { ip: '', isRouter: false, lastSeen: toEpoch(lastSeen), ...host }
  }
}

/** Puts the lines of each host together. A host is where it was heard last. */
export function hostsOf(saved: Iterable<SavedAddress>): SavedHost[] {
  const byMac = new Map<string, SavedAddress[]>()
  for (const it of saved) {
    const key = `${it.vni} ${it.mac}`
    const others = byMac.get(key)
    if (others === undefined) byMac.set(key, [it])
    else others.push(it)
  }
  return [...byMac.values()].map(hostOf)
}

function hostOf(all: SavedAddress[]): SavedHost {
  const [first, ...others] = all as [SavedAddress, ...SavedAddress[]]
  const { vni, mac, vtep, lastSeen } = others.reduce(
    (one, other) => (other.lastSeen > one.lastSeen ? other : one),
    first,
  )
  const addresses = all.flatMap(({ ip, isRouter, lastSeen: heard }) =>
    ip === '' ? [] : [{ ip, isRouter, lastSeen: fromEpoch(heard) }],
  )
  return { vni, mac, vtep, seq: Math.max(...all.map(({ seq }) => seq)), lastSeen: fromEpoch(lastSeen), addresses }
}
