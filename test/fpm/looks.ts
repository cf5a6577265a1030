// What a person would look at where zebra's programming and a local port disagree.
import type { Disagreement } from '../../src/cli/check/compare.js'
import type { Explained } from '../../src/cli/explain/facts.js'
import type { EventReport } from '../../src/cli/explain/report.js'
import { macipctl } from '../../lab/in-process.js'
import { question } from '../../lab/frames.js'
import type { Lab } from '../../lab/lab.js'
import type { PacketSocket } from '../../lab/packet-socket.js'
import type { Router } from '../../lab/router.js'
import type { Vm } from '../../lab/vm.js'

export type Check = {
  agree: boolean | null
  disagreements: Disagreement[]
  compared: { macs: number }
  notComparable: { unclear: number; superseded: number }
}

/** `macipctl check`, with its exit code. */
export async function check(node: Router): Promise<Check & { code: number }> {
  const control = (name: string): string[] => [`--${name}`, node.path(`/run/macipd/${name}.sock`)]
  const { code, stdout } = await macipctl('check', '--json', ...control('relay'), ...control('snoop'))
  return { ...(JSON.parse(stdout) as Check), code }
}

/** What `macipctl explain` says of each MAC that has the IP: MAC, state, reason, who advertises it. */
export async function explained(node: Router, ip: string): Promise<unknown[]> {
  const { subjects } = (await node.explain(ip)) as Explained
  return subjects.map(({ mac, state, reason, advertisedBy }) => [mac, state, reason, advertisedBy])
}

/** Waits until this node and nobody else advertises a MAC, alone and with each of its IPs, with this sequence number. */
export async function advertised(
  lab: Lab,
  node: Router,
  { mac }: Vm,
  sequence: number,
  ...ips: string[]
): Promise<void> {
  for (const ip of [undefined, ...ips]) {
    await lab.waitFor(
      `${node.name} to advertise ${mac} ${ip ?? ''} with ${sequence}`,
      async () => (await lab.advertisedBy(node, mac, ip)).sequence,
      (found) => found === sequence,
    )
  }
}

/** How often a node has asked out of a port about an address. */
export const asked = (port: PacketSocket, ip: string): number =>
  port.frames().filter(({ outgoing, bytes }) => outgoing && question(bytes)?.ip === ip).length

/** Waits until `last` has happened to an IP; resolves with what happened to it until then, but for changes of state. */
export async function happened(lab: Lab, node: Router, ip: string, last: string): Promise<string[]> {
  await using events = await node.follow('events', ip, '--last', 'all', '--follow')
  const all = await lab.waitFor(
    `${ip} to be ${last}`,
    () => events.lines() as EventReport[],
    (lines) => lines.some(({ event }) => event === last),
  )
  return all.flatMap(({ event, detail }) => (event === 'state' ? [] : [`${event} ${detail}`.trim()]))
}

/** Waits until zebra has connected to the snooper's FPM listener. */
export async function zebraConnected(lab: Lab, node: Router): Promise<void> {
  await lab.waitFor(
    'zebra to connect',
    async () => (await node.snoopStatus()).fpm.phase,
    (phase) => phase !== 'disconnected',
    { timeoutMs: 60_000 },
  )
}
