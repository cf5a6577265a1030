// What zebra, bgpd and watchfrr show of themselves, in the shapes of FRR 8.4 to 10.7 (zebra_vxlan.c, bgp_evpn_vty.c,
// watchfrr.c): answers whose size does not depend on the number of hosts.
import * as v from 'valibot'
import { json, parse } from './answers.js'
import type { Vty } from './vty.js'

/** The version as the daemon says it: `10.3`, `8.4.4`; undefined if it does not. */
export async function showVersion(daemon: Vty): Promise<string | undefined> {
  return /^FRRouting (\d+\.\d+(?:\.\d+)?)/m.exec(await daemon.askForText('show version'))?.[1]
}

/** Duplicate address detection of zebra, and the MACs that it takes for duplicates. Times are in seconds. */
export type ShownDuplicates = {
  enabled: boolean
  maxMoves: number
  time: number
  /** Whether a duplicate is not announced, and for how long; 0: for good. */
  freezes: boolean
  freezeTime: number
  macs: { vni: number; mac: string }[]
}

const Evpn = v.object({
  isDuplicateAddrDetection: v.optional(v.boolean(), false),
  maxMoves: v.optional(v.number(), 0),
  detectionTime: v.optional(v.number(), 0),
  detectionFreezeTime: v.optional(v.number(), 0),
  isDetectionFreeze: v.optional(v.boolean(), false),
})
const DuplicateMacs = v.record(v.string(), v.object({ macs: v.optional(v.record(v.string(), v.unknown()), {}) }))

export async function showDuplicates(zebra: Vty): Promise<ShownDuplicates> {
  const show = async <T extends v.GenericSchema>(command: string, schema: T): Promise<v.InferOutput<T>> =>
    parse(schema, json(await zebra.askForText(command), command), command)
  const evpn = await show('show evpn json', Evpn)
  const byVni = await show('show evpn mac vni all duplicate json', DuplicateMacs)
  return {
    enabled: evpn.isDuplicateAddrDetection,
    maxMoves: evpn.maxMoves,
    time: evpn.detectionTime,
    freezes: evpn.isDetectionFreeze,
    freezeTime: evpn.detectionFreezeTime,
    macs: Object.entries(byVni).flatMap(([vni, { macs }]) =>
      Object.keys(macs).map((mac) => ({ vni: Number(vni), mac })),
    ),
  }
}

const BgpEvpn = v.object({ advertiseAllVnis: v.optional(v.string(), 'Disabled') })

/** Whether one of bgpd's instances advertises all VNIs. */
export async function showAdvertisesAllVnis(bgpd: Vty): Promise<boolean> {
  const command = 'show bgp l2vpn evpn vni json'
  return parse(BgpEvpn, json(await bgpd.askForText(command, 64 << 20), command), command).advertiseAllVnis === 'Enabled'
}

/** Whether bgpd has a route of its own for a MAC-IP, in the VNI with this route distinguisher. */
export async function showsLocalRoute(bgpd: Vty, rd: string, mac: string, ip: string): Promise<boolean> {
  const text = await bgpd.askForText(`show bgp l2vpn evpn route rd ${rd} mac ${mac} ip ${ip} json`)
  return /"local" ?: ?true/.test(text)
}

/** What watchfrr watches: `Up`, `Down`, `Connecting`, `Unresponsive`, … by name of the daemon. */
export async function showWatched(watchfrr: Vty): Promise<Map<string, string>> {
  const text = await watchfrr.askForText('show watchfrr')
  return new Map([...text.matchAll(/^  (\w+) {2,}(\w+)/gm)].map(([, name = '', state = '']) => [name, state]))
}
