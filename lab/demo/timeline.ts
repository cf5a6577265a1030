// When what happened on the way of an address from the VM's frame to the far node's kernel, as each party recorded it.
import { readFileSync } from 'node:fs'
import { parseIp } from '../../src/base/address.js'
import { askBindings } from '../../src/cli/queries.js'
import { fileRecords, RecordKind } from '../../src/record/zapi-records.js'
import type { Fabric } from '../fabric.js'
import type { Monitor } from '../monitor.js'
import type { Router } from '../router.js'
import { waitFor } from '../wait.js'

export interface Sources {
  readonly fabric: Fabric
  /** `ip -ts monitor neigh` on the far node. */
  readonly farNeighbors: Monitor
}

interface Observation {
  readonly what: string
  /** How it was observed. */
  readonly how: string
  /** When it happened to an IP, milliseconds since the epoch; undefined if it has not. */
  readonly at: (sources: Sources, ip: string) => Promise<number | undefined> | number | undefined
}

/** Time stamps of all logs are taken as UTC: the daemons must have been started with TZ=UTC. */
export const TIME_ZONE = 'UTC'

const FRR_TIME = /^(\d{4})\/(\d\d)\/(\d\d) (\d\d:\d\d:\d\d\.\d{3}) /
const IP_TIME = /^\[(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})\d*\]/

/** The time of the first line of FRR's log that contains all of `words`. */
export function timeInFrrLog(log: string, ...words: readonly string[]): number | undefined {
  const line = log.split('\n').find((text) => words.every((word) => text.includes(word)))
  const [, year, month, day, time] = FRR_TIME.exec(line ?? '') ?? []
  return year === undefined ? undefined : Date.parse(`${year}-${month}-${day}T${time}Z`)
}

/** The time of the first line of `ip -ts monitor neigh` that installs `ip`. */
export function timeOfNeighbor(lines: readonly string[], ip: string): number | undefined {
  const line = lines.find((text) => text.includes(`] ${ip} dev br0 lladdr`))
  const [, time] = IP_TIME.exec(line ?? '') ?? []
  return time === undefined ? undefined : Date.parse(`${time}Z`)
}

async function firstSeen(near: Router, ip: string): Promise<number | undefined> {
  const answer = await askBindings(near.path('/run/macipd/snoop.sock'))
  return answer.running ? answer.bindings.find((binding) => binding.ip === ip)?.firstSeen : undefined
}

function injected(near: Router, ip: string): number | undefined {
  const address = parseIp(ip)
  if (address === undefined) throw new Error(`${ip} is not an IP address`)
  for (const { kind, time, bytes } of fileRecords(readFileSync(near.path('/run/macipd/journal'))))
    if (kind === RecordKind.injected && bytes.includes(address)) return time
  return undefined
}

const bgpdLog = (router: Router): string => router.daemon('bgpd').log()

/** In the order in which they happen. */
const OBSERVATIONS = [
  {
    what: "on tap1, by macipd's eBPF",
    how: "eBPF's time stamp (macipctl bindings)",
    at: ({ fabric }, ip) => firstSeen(fabric.near, ip),
  },
  {
    what: "MACIP_ADD written to n1's bgpd",
    how: "macipd relay's journal",
    at: ({ fabric }, ip) => injected(fabric.near, ip),
  },
  {
    what: "MACIP_ADD heard by n1's bgpd",
    how: 'its log (debug bgp zebra)',
    at: ({ fabric }, ip) => timeInFrrLog(bgpdLog(fabric.near), 'Recv MACIP Add', ` IP ${ip} `),
  },
  {
    what: "route sent by n1's bgpd",
    how: 'its log (debug bgp updates)',
    at: ({ fabric }, ip) => timeInFrrLog(bgpdLog(fabric.near), 'send UPDATE RD', `[${ip}]`),
  },
  {
    what: "route received by n2's bgpd",
    how: 'its log (debug bgp updates)',
    at: ({ fabric }, ip) => timeInFrrLog(bgpdLog(fabric.far), 'rcvd RD', `[${ip}]`),
  },
  {
    what: "neighbour in n2's kernel",
    how: 'ip -ts monitor neigh on n2',
    at: ({ farNeighbors }, ip) => timeOfNeighbor(farNeighbors.lines, ip),
  },
] as const satisfies readonly Observation[]

type What = (typeof OBSERVATIONS)[number]['what']

export interface Moment {
  readonly what: What
  readonly how: string
  /** Milliseconds since the frame. All clocks are this machine's, each read to the millisecond. */
  readonly after: number
}

/** Lets FRR's daemons write down what they do with routes, or stops it. */
export async function record({ near, far }: Fabric, on: boolean): Promise<void> {
  for (const what of ['debug bgp zebra', 'debug bgp updates'])
    await Promise.all([near, far].map((node) => node.vtysh(on ? what : `no ${what}`)))
}

/** Sends a frame and resolves to what happened since, when all of it has happened. */
export async function follow(sources: Sources, ip: string, frame: Uint8Array): Promise<Moment[]> {
  const { vm } = sources.fabric
  // opens the socket, which takes longer than all that is measured
  vm.sendFrames([])
  const sent = Date.now()
  vm.send(frame)
  const way = `all the way of ${ip} from ${vm.name} to the far node's kernel`
  // the monitor is free, while queries of the others would delay what is measured
  await waitFor(
    way,
    () => timeOfNeighbor(sources.farNeighbors.lines, ip),
    (time) => time !== undefined,
  )
  const moments = await waitFor(
    way,
    () => Promise.all(OBSERVATIONS.map(async ({ what, how, at }) => ({ what, how, at: await at(sources, ip) }))),
    (seen) => seen.every(({ at }) => at !== undefined),
  )
  return moments.map(({ what, how, at = NaN }) => ({ what, how, after: at - sent }))
}

/** Milliseconds from one moment to another. */
export function between(moments: readonly Moment[], from: What, to: What): number {
  const after = (wanted: What): number => moments.find(({ what }) => what === wanted)?.after ?? NaN
  return Math.round(after(to) - after(from))
}
