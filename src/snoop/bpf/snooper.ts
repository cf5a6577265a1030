import { release } from 'node:os'
import { ExitCode, FatalError, reason } from '../../base/exit.js'
import type { Logger } from '../../base/log.js'
import { programFile } from '../../base/place.js'
import { pollReadable } from '../../os/fd-poll.js'
import {
  OUTCOMES,
  type OutcomeName,
  PORT_BYTES,
  RECORD_BYTES,
  type SnoopConfig,
  decodeLimited,
  decodeRecord,
  encodeConfig,
  encodeKeys,
  encodeIfindex,
} from './layout.js'
import {
  type AttachMode,
  type BpfAddon,
  type BpfObject,
  type ChainedProgram,
  type LibbpfLevel,
  isBpfError,
  loadAddon,
} from './native.js'
import type { Evidence, RefusedFrame } from './evidence.js'

export type { AttachMode, OutcomeName }

const OBJECT = programFile('dist/bpf/snoop.bpf.o')

/** libbpf's name for the map of the program's variables; a struct snoop_config is the only one. */
const CONFIG = '.bss'

/** Records handled before other events can run: well under a millisecond of work. */
const BATCH = 256

export type SnooperOptions = SnoopConfig & {
  /** Path of the eBPF object file; the default is the one built with this code. */
  object?: string
  log: Logger
  /** The default is TCX if the kernel has it. */
  attach?: AttachMode
}

/** The eBPF program, the ports it is attached to, and the evidence it reports. */
export class BpfSnooper {
  private readonly attached = new Map<number, AttachMode>()
  private readonly slab = Buffer.alloc(BATCH * RECORD_BYTES)
  private poller: { close(): void } | undefined
  private open = true
  /** Closes at exit, because a clsact filter outlives the process that made it. */
  private readonly onExit = () => {
    this.close()
  }

  private constructor(
    private readonly addon: BpfAddon,
    private readonly object: BpfObject,
    private readonly log: Logger,
    private readonly config: SnoopConfig,
    /** undefined until the first attachment shows whether the kernel has TCX. */
    private mode: AttachMode | undefined,
  ) {
    process.once('exit', this.onExit)
  }

  /** Loads the program. Throws FatalError: privilege, or kernel if the kernel rejects the program. */
  static open(options: SnooperOptions): BpfSnooper {
    const { object: path = OBJECT, log } = options
    const addon = loadAddon()
    const object = load(addon, path, options.heedFilters ?? false, log)
    const snooper = new BpfSnooper(addon, object, log, options, options.attach)
    snooper.configure(0n)
    return snooper
  }

  /** Writes the settings; the kernel accepts only the whole structure. */
  private configure(forgetBefore: bigint): void {
    this.addon.mapSet(this.object, CONFIG, Buffer.alloc(4), encodeConfig(this.config, forgetBefore))
  }

  /** Starts to snoop on a port; does nothing if it already does. Throws BpfError. */
  attach(ifindex: number): AttachMode {
    const present = this.attached.get(ifindex)
    if (present !== undefined) return present
    // set before the program is attached, so that the limit holds from the first frame on
    this.addon.mapSet(this.object, 'ports', encodeIfindex(ifindex), Buffer.alloc(PORT_BYTES))
    try {
      this.mode = this.attachAs(ifindex)
    } catch (error) {
      this.removeLimit(ifindex)
      throw error
    }
    this.attached.set(ifindex, this.mode)
    return this.mode
  }

  private removeLimit(ifindex: number): void {
    this.addon.mapDelete(this.object, 'ports', encodeIfindex(ifindex))
  }

  private attachAs(ifindex: number): AttachMode {
    if (this.mode !== undefined) {
      this.addon.attach(this.object, ifindex, this.mode)
      return this.mode
    }
    try {
      this.addon.attach(this.object, ifindex, 'tcx')
      return 'tcx'
    } catch (error) {
      if (!isBpfError(error) || error.code !== 'EINVAL') throw error
      this.log.info('the kernel has no TCX (6.6 and later do): clsact filters are used')
      this.addon.attach(this.object, ifindex, 'clsact')
      return 'clsact'
    }
  }

  /** Stops snooping on a port, which may be gone already. Throws BpfError if a filter cannot be removed. */
  detach(ifindex: number): void {
    if (!this.attached.delete(ifindex)) return
    try {
      this.addon.detach(this.object, ifindex)
    } finally {
      this.removeLimit(ifindex)
    }
  }

  /**
   * Returns the TCX programs on a port in the order in which they see its frames; none if the kernel has no TCX. Throws
   * BpfError.
   */
  chain(ifindex: number): ChainedProgram[] {
    try {
      return this.addon.tcxChain(this.object, ifindex)
    } catch (error) {
      if (isBpfError(error) && (error.code === 'EINVAL' || error.code === 'E2BIG')) return []
      throw error
    }
  }

  /** Reports evidence as it comes from now on, and some of the refused frames of each port. */
  start(onEvidence: (evidence: Evidence) => void, onRefused: (refused: RefusedFrame) => void = () => undefined): void {
    if (this.poller) throw new Error('started already')
    this.poller = pollReadable(this.addon.ringFd(this.object), () => {
      this.drain(onEvidence, onRefused)
    })
  }

  /** Reports what the kernel has collected, a bounded number at once; returns the number of records. */
  drain(
    onEvidence: (evidence: Evidence) => void,
    onRefused: (refused: RefusedFrame) => void = () => undefined,
  ): number {
    const count = this.addon.drain(this.object, this.slab)
    // all are decoded before the first is reported: the receiver may close this object or drain again
    const frames = Array.from({ length: count }, (_, index) => decodeRecord(this.slab, index * RECORD_BYTES))
    for (const frame of frames) {
      if (frame.type === 'evidence') onEvidence(frame.evidence)
      else onRefused(frame.refused)
    }
    return count
  }

  /** Returns how many frames had each outcome since the program was loaded. */
  counters(): Record<OutcomeName, number> {
    const values = this.addon.counters(this.object, 'percpu_scratch')
    return Object.fromEntries(OUTCOMES.map((name, index) => [name, values[index] ?? 0])) as Record<OutcomeName, number>
  }

  /** Returns how many frames of a port were over its rate since the program was attached to it. */
  limited(ifindex: number): number {
    const port = this.addon.mapGet(this.object, 'ports', encodeIfindex(ifindex))
    return port === undefined ? 0 : decodeLimited(port)
  }

  /** Makes the next frame with this claim pass at once. */
  forget(ifindex: number, vlan: number, mac: string, ip: string): void {
    for (const key of encodeKeys(ifindex, vlan, mac, ip)) this.addon.mapDelete(this.object, 'seen', key)
  }

  /** Makes the next frame with any claim pass at once, however many are known. */
  forgetAll(): void {
    this.configure(process.hrtime.bigint())
  }

  /**
   * Runs the program on one frame as if received by the loopback device of this network namespace. `outcomes` are the
   * counters that changed, and by how much; `durationNs` is the mean time of one run.
   */
  testRun(frame: Buffer, repeat = 1): TestRun {
    const before = this.counters()
    const run = this.addon.testRun(this.object, frame, repeat, undefined)
    const after = this.counters()
    const outcomes: TestRun['outcomes'] = {}
    for (const name of OUTCOMES) if (after[name] !== before[name]) outcomes[name] = after[name] - before[name]
    return { ...run, outcomes }
  }

  /** Detaches from every port and unloads the program; also runs at exit, unless the process is killed. */
  close(): void {
    if (!this.open) return
    this.open = false
    process.off('exit', this.onExit)
    this.poller?.close()
    this.attached.clear()
    this.addon.close(this.object)
  }
}

export type TestRun = { retval: number; durationNs: number; outcomes: Partial<Record<OutcomeName, number>> }

function load(addon: BpfAddon, path: string, heedFilters: boolean, log: Logger): BpfObject {
  const tell = (level: LibbpfLevel, text: string): void => {
    log[level === 'debug' ? 'trace' : level]({ from: 'libbpf' }, text)
  }
  try {
    return addon.open(path, tell, heedFilters)
  } catch (error) {
    throw explain(error, path, heedFilters, log)
  }
}

const VERIFIER_LOG_TAIL = 4000
/** The kernel shows the functions of a module only to processes with CAP_SYS_ADMIN (BPF_BTF_GET_FD_BY_ID). */
const TRACING_NEEDS =
  '; snoop.filters: heed also needs CAP_PERFMON, and CAP_SYS_ADMIN where the bridge is a module of the kernel'

function explain(error: unknown, path: string, heedFilters: boolean, log: Logger): FatalError {
  const options = { cause: error }
  if (!isBpfError(error)) return new FatalError(ExitCode.internal, reason(error), options)
  if (error.call === 'bpf_object__open_file')
    return new FatalError(
      ExitCode.internal,
      `${path} is not a readable eBPF object file: run "npm run build" (${error.message})`,
      options,
    )
  if (error.code === 'EPERM')
    return new FatalError(
      ExitCode.privilege,
      `no permission to load the eBPF program: run as root or with CAP_BPF and CAP_NET_ADMIN${heedFilters ? TRACING_NEEDS : ''} (${error.message})`,
      options,
    )
  if (error.verifierLog !== undefined)
    log.error({ verifierLog: error.verifierLog.slice(-VERIFIER_LOG_TAIL) }, 'the kernel refuses the eBPF program')
  return new FatalError(
    ExitCode.kernel,
    `the kernel (${release()}) refuses the eBPF program: ${heedFilters ? 'snoop.filters: heed needs Linux 5.18 or later with CONFIG_DEBUG_INFO_BTF and CONFIG_FUNCTION_TRACER' : 'Linux 5.15 or later with CONFIG_BPF_SYSCALL and CONFIG_NET_CLS_ACT is needed'} (${error.message})`,
    options,
  )
}
