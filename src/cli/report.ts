// Defines what macipctl knows and prints with --json. These names and units are an interface: times are milliseconds
// since the epoch, counters are objects by name.
import { formatIp, formatMac } from '../base/address.js'
import { overlay as relayProto } from '../gen/overlay.js'
import { snoop as snoopProto } from '../gen/snoop.js'
import { type Counters, counters } from './counters.js'
import { type FpmStatusReport, fpmStatusReport } from './fpm/report.js'
import { esiText } from './show/report.js'

export { type Counters, counters }

export type SessionReport = {
  id: number
  kind: string
  client: string
  since: number
  bytesToZebra: number
  bytesToBgpd: number
  framesToZebra: number
  framesToBgpd: number
  injected: number
  dropped: number
  inSync: boolean
  /** Why nothing is injected into it; empty for the main session while that is possible. */
  note: string
  /** Why nothing that passes is understood any more, for as long as the session lasts; empty if it is. */
  untrusted: string
  /** Why what bgpd has is read from FRR, and nothing injected before it is known; empty if it is known. */
  uncertain: string
}

/** The worker's journal cannot be written. */
export type JournalFailureReport = {
  path: string
  since: number
  code: string
  why: string
  /** As yet. */
  isWritten: boolean
}

/** An Ethernet segment of this node. `heard`, `proxied` and `synced` count MAC-IPs. */
export type SegmentReport = {
  /** Ten bytes with colons between. */
  esi: string
  vnis: number[]
  macs: number
  /** This node announces them because they were heard here. */
  heard: number
  /** zebra announces them only because another node has heard them. */
  proxied: number
  /** Other nodes announce them because they have heard them. */
  synced: number
}

export type RelayReport = {
  version: string
  keeperPid: number
  workerPid: number
  workerStarts: number
  since: number
  listen: string
  zebra: string
  /** FRR's release, empty if it is not certain. */
  release: string
  releaseReason: string
  injecting: boolean
  sessions: SessionReport[]
  vnis: number
  localMacs: number
  localMacips: number
  remoteMacs: number
  remoteMacips: number
  overlayEntries: number
  announced: number
  segments: SegmentReport[]
  /** Entries by status. */
  statuses: Counters
  /** The sums over all sessions since the worker started, named as in `SessionReport`. */
  passed: Counters
  snooperConnected: boolean
  snooperSince: number
  /** It has a connection and does not answer, so it does not count as connected. */
  snooperSilent: boolean
  /** 0 if it has no connection. */
  snooperPid: number
  staleMs: number
  /** The keeper has ended: bgpd's connections are served, but no new one is accepted. */
  keeperLost: boolean
  journalFailure: JournalFailureReport | null
  /** Why the last attempt to read from FRR what bgpd has came to nothing; empty if it did not. */
  relearningFailure: string
  /** zebra has a client bgp that has come past the relay, and bgpd's main session does not go through it. */
  bgpdDirect: boolean
  counters: Counters
}

export type PortReport = {
  name: string
  bridge: string
  up: boolean
  /** `tcx` or `clsact`, empty if the port is not snooped; `error` then says why. */
  attached: string
  error: string
  bindings: number
  /** How many claims were over the learning rate and were not looked at. */
  limited: number
  /** Spanning tree state: `forwarding`, `learning`, `listening`, `blocking`, `disabled`; empty if not known. */
  state: string
  /** Whether its bridge learns MAC addresses from it: `on`, `off`, or `locked`; empty if not known. */
  learning: string
  /** How many MAC addresses its bridge has on it. */
  macs: number
  /** How long it has been snooped without any ARP or ND being seen, milliseconds; 0 once one was. */
  silentMs: number
  /** Programs that see its frames before the snooper and may keep them from it. */
  ahead: string[]
  /** tc filters on it, which may drop what the snooper has seen. */
  filters: string[]
}

/** How many bindings are in a state for a reason. */
export type StateCountReport = { state: string; reason: string; bindings: number }

/** A host that has claimed addresses too often whose owners answered. `ip`: the one that it claimed last. */
export type HeldDownReport = { vni: number; mac: string; ip: string; port: string; until: number }

export type SnooperReport = {
  version: string
  pid: number
  since: number
  relay: string
  relayConnected: boolean
  relaySince: number
  ageMs: number
  bindings: number
  states: Counters
  reasons: Counters
  stateCounts: StateCountReport[]
  ports: PortReport[]
  /** Filters of nftables and ebtables that frames on bridges go through, and that may drop what the snooper has seen. */
  bridgeFilters: string[]
  /** Whether what filters drop is not learned. */
  heedsFilters: boolean
  frames: Counters
  refused: Counters
  withdrawn: Counters
  /** What has happened to bindings since the snooper started. */
  events: Counters
  control: Counters
  /** It is `announce`, or `observe`, which decides and shows everything and announces nothing. */
  mode: string
  /** How many IPs are frozen because they moved too often, and some of them. */
  duplicates: number
  duplicateIps: { vni: number; ip: string }[]
  /** How many hosts are not believed, as they claim addresses whose owners answer, and some of them. */
  heldDowns: number
  heldDown: HeldDownReport[]
  probes: Counters
  /** Questions through the tunnel to owners of addresses that hosts here claim, and what came back. */
  tunnel: Counters
  /** zebra's FPM connection. */
  fpm: FpmStatusReport
}

/**
 * There is no socket; a process listens, but the name of its socket was removed; no process listens on it; it may not be
 * used; a process has taken the connection and says nothing; it cannot take one, because it may open no descriptor; anything
 * else.
 */
export type NotRunningCause = 'absent' | 'unnamed' | 'refused' | 'denied' | 'silent' | 'no-descriptor' | 'other'
/** A process that does not answer, and why. `pid` is null where it is not known. */
export type NotRunning = { running: false; socket: string; cause: NotRunningCause; pid: number | null; error: string }
export type Running<Report> = { running: true; socket: string } & Report
export type Answer<Report> = Running<Report> | NotRunning

/** `firstSeen`, `lastSeen` and `expires` are 0 where they are not known. */
export type BindingReport = {
  vni: number
  ip: string
  mac: string
  port: string
  vlan: number
  state: string
  reason: string
  evidence: string
  router: boolean
  seq: number
  firstSeen: number
  lastSeen: number
  expires: number
}

export function relayReport(properties: relayProto.RelayStatus.$Properties): RelayReport {
  const status = relayProto.RelayStatus.create(properties)
  return {
    version: status.version,
    keeperPid: status.keeperPid,
    workerPid: status.workerPid,
    workerStarts: status.workerStarts,
    since: status.since,
    listen: status.listen,
    zebra: status.zebra,
    release: status.release,
    releaseReason: status.releaseReason,
    injecting: status.injecting,
    sessions: status.sessions.map(sessionReport),
    vnis: status.vnis,
    localMacs: status.localMacs,
    localMacips: status.localMacips,
    remoteMacs: status.remoteMacs,
    remoteMacips: status.remoteMacips,
    overlayEntries: status.overlayEntries,
    announced: status.announced,
    segments: status.segments.map(segmentReport),
    statuses: counters(status.statuses),
    passed: counters(status.passed),
    snooperConnected: status.snooperConnected,
    snooperSince: status.snooperSince,
    snooperSilent: status.snooperSilent,
    snooperPid: status.snooperPid,
    staleMs: status.staleMs,
    keeperLost: status.keeperLost,
    journalFailure: status.journalFailure == null ? null : journalFailureReport(status.journalFailure),
    relearningFailure: status.relearningFailure,
    bgpdDirect: status.bgpdDirect,
    counters: counters(status.counters),
  }
}

function segmentReport(properties: relayProto.Segment.$Properties): SegmentReport {
  const { esi, vnis, macs, heard, proxied, synced } = relayProto.Segment.create(properties)
  return { esi: esiText(esi) ?? '', vnis, macs, heard, proxied, synced }
}

function sessionReport(properties: relayProto.Session.$Properties): SessionReport {
  const session = relayProto.Session.create(properties)
  return {
    id: session.id,
    kind: session.kind,
    client: session.client,
    since: session.since,
    bytesToZebra: session.bytesToZebra,
    bytesToBgpd: session.bytesToBgpd,
    framesToZebra: session.framesToZebra,
    framesToBgpd: session.framesToBgpd,
    injected: session.injected,
    dropped: session.dropped,
    inSync: session.inSync,
    note: session.note,
    untrusted: session.untrusted,
    uncertain: session.uncertain,
  }
}

function journalFailureReport(properties: relayProto.JournalFailure.$Properties): JournalFailureReport {
  const { path, since, code, why, isWritten } = relayProto.JournalFailure.create(properties)
  return { path, since, code, why, isWritten }
}

export function snooperReport(properties: snoopProto.SnoopStatus.$Properties): SnooperReport {
  const status = snoopProto.SnoopStatus.create(properties)
  return {
    version: status.version,
    pid: status.pid,
    since: status.since,
    relay: status.relay,
    relayConnected: status.relayConnected,
    relaySince: status.relaySince,
    ageMs: status.ageMs,
    bindings: status.bindings,
    states: counters(status.states),
    reasons: counters(status.reasons),
    stateCounts: status.stateCounts.map(stateCountReport),
    ports: status.ports.map(portReport),
    bridgeFilters: status.bridgeFilters,
    heedsFilters: status.heedsFilters,
    frames: counters(status.frames),
    refused: counters(status.refused),
    withdrawn: counters(status.withdrawn),
    events: counters(status.events),
    control: counters(status.control),
    mode: status.mode,
    duplicates: status.duplicates,
    duplicateIps: status.duplicate.map(bindingReport).map(({ vni, ip }) => ({ vni, ip })),
    heldDowns: status.heldDowns,
    heldDown: status.heldDown.map(heldDownReport),
    probes: counters(status.probes),
    tunnel: counters(status.tunnel),
    fpm: fpmStatusReport(status.fpm ?? { off: true }),
  }
}

function stateCountReport(properties: snoopProto.StateCount.$Properties): StateCountReport {
  const { state, reason, bindings } = snoopProto.StateCount.create(properties)
  return { state, reason, bindings }
}

function heldDownReport(properties: snoopProto.HeldDown.$Properties): HeldDownReport {
  const { vni, mac, ip, port, until } = snoopProto.HeldDown.create(properties)
  return { vni, mac: formatMac(Buffer.from(mac)), ip: formatIp(ip), port, until }
}

function portReport(properties: snoopProto.Port.$Properties): PortReport {
  const port = snoopProto.Port.create(properties)
  const { name, bridge, up, attached, error, bindings, limited } = port
  // not by a rest: what was not sent is only in the prototype
  const { state, learning, macs, silentMs, ahead, filters } = port
  return { name, bridge, up, attached, error, bindings, limited, state, learning, macs, silentMs, ahead, filters }
}

export function bindingReport(properties: snoopProto.Binding.$Properties): BindingReport {
  const binding = snoopProto.Binding.create(properties)
  return {
    vni: binding.vni,
    ip: formatIp(binding.ip),
    mac: formatMac(Buffer.from(binding.mac)),
    port: binding.port,
    vlan: binding.vlan,
    state: binding.state,
    reason: binding.reason,
    evidence: binding.evidence,
    router: binding.router,
    seq: binding.seq,
    firstSeen: binding.firstSeen,
    lastSeen: binding.lastSeen,
    expires: binding.expires,
  }
}
