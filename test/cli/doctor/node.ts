// A node on which everything is as it must be, as the doctor observes it, but for what a test changes.
import type { Observation, Unit } from '../../../src/cli/doctor/observation.js'
import { fpmStatusReport } from '../../../src/cli/fpm/report.js'
import type { BindingReport } from '../../../src/cli/report.js'
import type { Survey, SurveyedLink } from '../../../src/rtnetlink/survey.js'
import { status } from '../build-status.js'

export const NOW = 1_000_000
export const LISTEN = '/run/macipd/zserv.api'
export const VERSION = '0.1.0'
export const KEEPER_PID = 41

export const link = (ifindex: number, name: string, changes: Partial<SurveyedLink> = {}): SurveyedLink => ({
  ...{ ifindex, name, flags: 1, operstate: undefined, mac: '02:00:00:00:00:01', master: undefined, lower: undefined },
  ...{ kind: undefined, slaveKind: undefined, vxlan: undefined, bridge: undefined, vlan: undefined },
  ...{ vrfTable: undefined, xdp: undefined, vxlanLearning: false },
  ...changes,
})

const BRIDGE = { vlanFiltering: false, vlanProtocol: 0x8100, mst: false, ageingMs: 300_000 }
export const bridge = (ifindex: number, name: string, ageingMs = BRIDGE.ageingMs): SurveyedLink =>
  link(ifindex, name, { kind: 'bridge', bridge: { ...BRIDGE, ageingMs } })
export const vxlan = (
  ifindex: number,
  vni: number,
  master: number | undefined,
  changes: Partial<SurveyedLink> = {},
): SurveyedLink =>
  link(ifindex, `vx${vni}`, {
    ...{ kind: 'vxlan', master, slaveKind: master === undefined ? undefined : 'bridge' },
    vxlan: { vni, local: '192.0.2.1', collectMetadata: false, vnifilter: false },
    ...changes,
  })
export const port = (
  ifindex: number,
  name: string,
  master: number,
  changes: Partial<SurveyedLink> = {},
): SurveyedLink => link(ifindex, name, { master, slaveKind: 'bridge', kind: 'tun', ...changes })

export const network = (changes: Partial<Survey> = {}): { value: Survey } => ({
  value: {
    links: [link(1, 'lo'), link(2, 'eno1'), bridge(3, 'br0'), vxlan(4, 100, 3), port(5, 'tap1', 3)],
    ports: [
      { ifindex: 4, learning: false, neighSuppress: true },
      { ifindex: 5, learning: true, neighSuppress: false },
    ],
    addresses: [{ ifindex: 2, ip: '192.0.2.1', prefixLength: 24, tentative: false }],
    neighbours: { ipv4: 2, ipv6: 1 },
    ...changes,
  },
})

export const unit = (changes: Partial<Unit> = {}): Unit => ({
  ...{ loadState: 'loaded', activeState: 'active', unitFileState: 'enabled', mainPid: KEEPER_PID },
  ...{ before: ['frr.service', 'multi-user.target'], needDaemonReload: false, stored: 16, storeMax: 128 },
  capabilities: ['cap_net_admin', 'cap_net_raw', 'cap_bpf'],
  ...changes,
})
export const units = (
  changes: { relay?: Partial<Unit>; snoop?: Partial<Unit> } = {},
): { value: ReadonlyMap<string, Unit> } => ({
  value: new Map([
    ['macipd-relay.service', unit(changes.relay)],
    ['macipd-snoop.service', unit({ mainPid: 43, before: [], stored: 0, storeMax: 0, ...changes.snoop })],
    ['frr.service', unit({ mainPid: 0, before: [], stored: 0, storeMax: 0 })],
  ]),
})

export const daemon = (pid: number, name: string, ...words: string[]) => ({
  pid,
  words: [`/usr/lib/frr/${name}`, ...words],
})

const said = { version: VERSION }
type StatusArguments = Parameters<typeof status>
/** Of `macipctl status`, in this order: relay, snooper, keeper. */
export const answers = (
  relay: StatusArguments[0] = {},
  snooper: StatusArguments[1] = {},
  keeper: StatusArguments[2] = {},
): Observation['status'] => {
  const isGone = (given: object | undefined): boolean => given === undefined || 'cause' in given
  return status(
    isGone(relay) ? relay : { ...said, release: '10.3', releaseReason: 'HELLO 23', ...relay },
    isGone(snooper) ? snooper : { ...said, pid: 43, fpm: fpmStatusReport({ off: true }), ...snooper },
    isGone(keeper) ? keeper : { ...said, ...keeper },
  )
}

export const BINDING: BindingReport = {
  ...{ vni: 100, ip: '10.0.0.5', mac: '02:00:00:00:00:11', port: 'tap1', vlan: 0, state: 'active' },
  ...{ reason: 'announced', evidence: 'arp-request', router: false, seq: 0, firstSeen: 0, lastSeen: 0, expires: 0 },
}

const NO_DUPLICATES = { enabled: true, maxMoves: 5, time: 180, freezes: false, freezeTime: 0, macs: [] }
export const duplicates = (changes: Partial<typeof NO_DUPLICATES> | object = {}) => ({ ...NO_DUPLICATES, ...changes })

export const frr = (changes: Partial<Observation['frr']> = {}): Observation['frr'] => ({
  ...{ isInstalled: true, hasHookScript: true, disabledBy: undefined, path: 'socket' },
  hook: { value: { block: { fpm: false }, damage: '', hasOwnOption: false, startsBgpd: true } },
  bgpd: daemon(7, 'bgpd', '-d', '-z', LISTEN),
  zebra: daemon(6, 'zebra', '-d'),
  watchfrr: daemon(5, 'watchfrr', '-d', 'zebra', 'bgpd'),
  watched: {
    value: new Map([
      ['zebra', 'Up'],
      ['bgpd', 'Up'],
    ]),
  },
  zebraSays: { value: { version: '10.3', duplicates: duplicates() } },
  bgpdSays: { value: { advertisesAll: true, vnis: [100] } },
  ...changes,
})

/** CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF. */
export const CAPABILITIES = (1n << 12n) | (1n << 13n) | (1n << 39n)

export const configured = (changes: Partial<Observation['configured']> = {}): Observation['configured'] => ({
  ...{ file: '/etc/macipd/macipd.yaml', mistake: { value: undefined }, heedsFilters: false, probes: true },
  ...changes,
})

export const node = (changes: Partial<Observation> = {}): Observation => ({
  now: NOW,
  program: { version: VERSION, node: '20.19.2' },
  pathspace: undefined,
  configured: configured(),
  paths: { listen: LISTEN, daemons: '/etc/frr/daemons', runDir: '/run/macipd' },
  kernel: {
    ...{ release: '6.1.0-44-amd64', hasBtf: true },
    config: {
      value: new Map([
        ['CONFIG_BPF_SYSCALL', 'y'],
        ['CONFIG_NET_CLS_ACT', 'y'],
        ['CONFIG_NET_CLS_BPF', 'm'],
      ]),
    },
  },
  addonError: undefined,
  systemd: units(),
  status: answers(),
  frr: frr(),
  announced: { value: { binding: BINDING, isInBgpd: true } },
  snooperCapabilities: { value: CAPABILITIES },
  network: network(),
  bridgesWithoutIpv6: { value: [] },
  neighbourLimits: {
    value: [
      { family: 'IPv4', limit: 1024 },
      { family: 'IPv6', limit: 1024 },
    ],
  },
  rivals: { value: [] },
  rooms: [{ path: '/run/macipd', what: 'journal', freeBytes: 1 << 30, isOutOfFiles: false }],
  ...changes,
})
