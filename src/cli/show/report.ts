// Defines what zebra and bgpd have announced, as the relay hands it over. `macipctl show --json` prints these names.
import { formatIp, formatMac } from '../../base/address.js'
import { overlay as proto } from '../../gen/overlay.js'
import { MacIpFlag } from '../../base/macip-flags.js'
import { FLOOD_CONTROLS } from '../../zapi/enums.js'

/** `ip` is null for the MAC alone. */
export type Place = { vni: number; mac: string; ip: string | null }
export type LiveVni = { vni: number; vtep: string }
/** `esi` is ten bytes with colons between; null without an Ethernet segment. */
export type LocalMac = Place & { seq: number; flags: string[]; esi: string | null }
export type RemoteMac = Place & { vtep: string; seq: number; flags: string[] }
export type RemoteVtep = { vni: number; vtep: string; flood: string }

/** `synced`: what other nodes announce of hosts on Ethernet segments that this node has, too. */
export type ViewsReport = {
  vnis: LiveVni[]
  macs: LocalMac[]
  remote: RemoteMac[]
  synced: RemoteMac[]
  vteps: RemoteVtep[]
}

/** zebra announces it only because another node of the Ethernet segment does. */
export const isProxy = ({ flags }: Pick<LocalMac, 'flags'>): boolean => flags.includes(PROXY)

/** Adds one change. Throws RangeError on an address of the wrong length. */
export function addChange(report: ViewsReport, { vni, mac, remote, vtep }: proto.ViewChange.$Properties): void {
  if (vni != null) {
    const view = proto.VniView.create(vni)
    report.vnis.push({ vni: view.vni, vtep: formatIp(view.vtep) })
  } else if (mac != null) {
    const { key, seq, flags, esi } = proto.MacView.create(mac)
    report.macs.push({ ...placeOf(key), seq, flags: flagNames(flags), esi: esiText(esi) })
  } else if (remote != null) {
    const view = proto.RemoteView.create(remote)
    const { seq, flags } = view
    const list = (flags & MacIpFlag.SYNC_PATH) === 0 ? report.remote : report.synced
    list.push({ ...placeOf(view.key), vtep: formatIp(view.vtep), seq, flags: flagNames(flags) })
  } else if (vtep != null) {
    const view = proto.VtepView.create(vtep)
    report.vteps.push({ vni: view.vni, vtep: formatIp(view.vtep), flood: floodName(view.floodControl) })
  }
}

function placeOf(key: proto.Key.$Properties | null | undefined): Place {
  const { vni, mac, ip } = proto.Key.create(key ?? {})
  if (mac.length !== 6) throw new RangeError(`a MAC address has 6 bytes, not ${mac.length}`)
  return { vni, mac: formatMac(Buffer.from(mac)), ip: ip.length === 0 ? null : formatIp(ip) }
}

/** Returns the names of flags: `sticky`, `proxy-advert`, …; bits without a name are one number. */
export function flagNames(flags: number): string[] {
  const names: string[] = []
  for (const [name, bit] of Object.entries(MacIpFlag)) {
    if ((flags & bit) !== 0) names.push(words(name))
    flags &= ~bit
  }
  if (flags !== 0) names.push(`0x${flags.toString(16)}`)
  return names
}

function floodName(control: number): string {
  return FLOOD_CONTROLS[control] ?? `unknown-${control}`
}

const words = (name: string): string => name.toLowerCase().replaceAll('_', '-')

const [PROXY = ''] = flagNames(MacIpFlag.PROXY_ADVERT)

export const esiText = (esi: Uint8Array): string | null =>
  esi.every((byte) => byte === 0) ? null : Array.from(esi, (byte) => byte.toString(16).padStart(2, '0')).join(':')
