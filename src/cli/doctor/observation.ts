// All that the doctor looks at, observed once. The checks decide from it alone.
import type { Survey } from '../../rtnetlink/survey.js'
import type { ShownDuplicates } from '../../vty/node-show.js'
import type { Hook } from '../hook/block.js'
import type { Daemon } from '../hook/processes.js'
import type { BindingReport } from '../report.js'
import type { Status } from '../status/health.js'
import type { Seen } from './seen.js'

/** Of a unit, as `systemctl show` names its properties. */
export type Unit = {
  /** `not-found` if there is none. */
  loadState: string
  activeState: string
  /** `enabled`, `disabled`, `masked`, …; empty if there is none. */
  unitFileState: string
  mainPid: number
  before: readonly string[]
  needDaemonReload: boolean
  /** Capabilities that its process begins with, as it is not root: `cap_bpf`, …; undefined if it may have all. */
  capabilities: readonly string[] | undefined
  /** Descriptors in its store, and how many may be there; undefined if systemd does not say. */
  stored: number | undefined
  storeMax: number | undefined
}

/** The block in FRR's file. `damage` says why it is not understood. */
export type HookFile = { block: Hook | undefined; damage: string; hasOwnOption: boolean; startsBgpd: boolean }

export type Zebra = { version: string | undefined; duplicates: ShownDuplicates }
/** `vnis`: the L2VNIs that it has from zebra. */
export type Bgpd = { advertisesAll: boolean; vnis: readonly number[] }

/** Room in a file system, for files of this node. */
export type Room = { path: string; what: string; freeBytes: number; isOutOfFiles: boolean }

/** Neighbours of a family that count against its limit, gc_thresh3. */
export type NeighbourLimit = { family: 'IPv4' | 'IPv6'; limit: number }

export type Observation = {
  /** Milliseconds since the epoch. */
  now: number
  /** Of this program. */
  program: { version: string; node: string }
  pathspace: string | undefined
  /** What the configuration file of the node says; the defaults if it is not understood, and `mistake` says why. */
  configured: { file: string; mistake: Seen<string | undefined>; heedsFilters: boolean; probes: boolean }
  /** Paths of this node. */
  paths: { listen: string; daemons: string; runDir: string }
  kernel: {
    /** As uname(2) says it. */
    release: string
    hasBtf: boolean
    /** CONFIG_… → `y`, `m` or a value. */
    config: Seen<ReadonlyMap<string, string>>
  }
  /** Why the native addon cannot be loaded; undefined if it can. */
  addonError: string | undefined
  systemd: Seen<ReadonlyMap<string, Unit>>
  /** What `macipctl status` asks. */
  status: Status
  frr: {
    isInstalled: boolean
    hook: Seen<HookFile>
    /** Whether the file is there that the block sources. */
    hasHookScript: boolean
    /** The path of the file that turns the hook off, if it is there. */
    disabledBy: string | undefined
    /** What is at `paths.listen`. */
    path: 'socket' | 'link' | 'nothing'
    bgpd: Daemon | undefined
    zebra: Daemon | undefined
    watchfrr: Daemon | undefined
    /** State of each daemon that watchfrr watches. */
    watched: Seen<ReadonlyMap<string, string>>
    zebraSays: Seen<Zebra>
    bgpdSays: Seen<Bgpd>
  }
  /** A MAC-IP that is announced, and whether bgpd has it; undefined value: none is announced. */
  announced: Seen<{ binding: BindingReport; isInBgpd: boolean } | undefined>
  /** CapEff of the snooper. */
  snooperCapabilities: Seen<bigint>
  network: Seen<Survey>
  /** Names of bridges whose IPv6 is off. */
  bridgesWithoutIpv6: Seen<readonly string[]>
  neighbourLimits: Seen<readonly NeighbourLimit[]>
  /** Other programs that do the same job. */
  rivals: Seen<readonly { name: string; pid: number }[]>
  rooms: readonly Room[]
}
