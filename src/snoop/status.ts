// Counts the snooper's states, and shows its policy in numbers, for macipctl.
import type { Policy } from '../bindings/policy.js'
import { type Reason, reasonOf, type State, stateOf } from '../bindings/state.js'
import type { Table } from '../bindings/table.js'
import type { snoop as proto } from '../gen/snoop.js'
import type { Attachments } from './bpf/attachments.js'
import type { FilterWatch } from './filters/watch.js'
import type { Hearing } from './hearing.js'
import type { Port } from './ports/ports.js'
import type { EvidenceSource, PortMap } from './sources.js'
import { bindingToProto, counters, heldDownToProto, type PolicyValues } from '../control/snoop-codec.js'

/** Maximum number of duplicates, and of hosts held down, that are listed in the status. */
const NAMED = 16

/** Lists whose claims are not believed at the moment. */
export function heldDownOf(
  table: Table,
  now: number,
): Required<Pick<proto.SnoopStatus.$Properties, 'heldDown' | 'heldDowns'>> {
  const all = [...table.challengers.heldDown(now)]
  return { heldDown: all.slice(0, NAMED).map(heldDownToProto), heldDowns: all.length }
}

/** Counts the bindings by reason, by state and by both, without names that do not occur, and lists the duplicates. */
export function countStates(
  table: Table,
  policy: Pick<Policy, 'ageMs'>,
): Required<Pick<proto.SnoopStatus.$Properties, 'states' | 'reasons' | 'stateCounts' | 'duplicates' | 'duplicate'>> {
  const reasons = new Map<Reason, number>()
  const states = new Map<State, number>()
  const both = new Map<State, Map<Reason, number>>()
  for (const binding of table.bindings()) {
    const reason = reasonOf(binding, table)
    increase(reasons, reason)
    const state = stateOf(binding, table, reason)
    increase(states, state)
    const ofState = both.get(state) ?? new Map<Reason, number>()
    increase(ofState, reason)
    both.set(state, ofState)
  }
  return {
    states: counters(Object.fromEntries(states)),
    reasons: counters(Object.fromEntries(reasons)),
    stateCounts: [...both].flatMap(([state, ofState]) =>
      [...ofState].map(([reason, bindings]) => ({ state, reason, bindings })),
    ),
    duplicates: table.duplicates.size,
    duplicate: [...table.duplicates].slice(0, NAMED).map((it) => bindingToProto(it, table, policy)),
  }
}

type Parts = {
  readonly attachments: Pick<Attachments, 'of'>
  readonly table: Table
  readonly source: Pick<EvidenceSource, 'limited'>
  readonly ports: Pick<PortMap, 'bridgePortOf' | 'macsOn'>
  readonly hearing: Pick<Hearing, 'silenceOf'>
  readonly filters: Pick<FilterWatch, 'of'>
}

export function portStatus(
  port: Port,
  { attachments, table, source, ports, filters, hearing }: Parts,
): proto.Port.$Properties {
  const { ifindex, name, bridge, up } = port
  const attached = attachments.of(ifindex)
  const { state, learning, locked } = ports.bridgePortOf(ifindex)
  const { ahead, behind } = filters.of(ifindex)
  return {
    ...{ name, bridge, up, state },
    learning: locked ? 'locked' : learning ? 'on' : 'off',
    attached: attached !== undefined && 'mode' in attached ? attached.mode : '',
    error: attached !== undefined && 'error' in attached ? attached.error : '',
    bindings: table.onPort(ifindex).size,
    limited: source.limited(ifindex),
    macs: ports.macsOn(ifindex),
    silentMs: hearing.silenceOf(ifindex),
    ahead: [...ahead],
    filters: [...behind],
  }
}

function increase<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

export function policyToProto(policy: PolicyValues): proto.Policy.$Properties {
  const { moves, windowMs, holdDownMs, confirmMs } = policy.duplicates
  const { perMac, perPort, perVni, total } = policy.limits
  const limits = {
    'mac-ipv4': perMac.ipv4,
    'mac-ipv6': perMac.ipv6,
    'port-ipv4': perPort.ipv4,
    'port-ipv6': perPort.ipv6,
    vni: perVni,
    total,
  }
  const { observe, probes, ageMs } = policy
  return { ageMs: ageMs ?? 0, observe, probes, moves, windowMs, holdDownMs, confirmMs, limits: counters(limits) }
}
