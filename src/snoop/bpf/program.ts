// A loaded eBPF object: the devices that its tc program is attached to, its records and its counters.
import { release } from 'node:os'
import { ExitCode, FatalError, reason } from '../../base/exit.js'
import type { Logger } from '../../base/log.js'
import { pollReadable } from '../../os/fd-poll.js'
import {
  type AttachMode,
  type BpfAddon,
  type BpfObject,
  type ChainedProgram,
  type LibbpfLevel,
  isBpfError,
  loadAddon,
} from './native.js'

export type { AttachMode, ChainedProgram }

/** Records handled before other events can run: well under a millisecond of work. */
const BATCH = 256

export type ProgramOptions = {
  /** Path of the object file. */
  object: string
  log: Logger
  /** The default is TCX if the kernel has it. */
  attach: AttachMode | undefined
  recordBytes: number
  /** Whether its tracing programs are loaded, too; `snoop.filters: heed` needs them. */
  tracing: boolean
}

/** The result of BPF_PROG_TEST_RUN. `outcomes`: the counters that changed, and by how much; `durationNs`: mean of one run. */
export type TestRun<Name extends string> = {
  retval: number
  durationNs: number
  outcomes: Partial<Record<Name, number>>
}

export class BpfProgram {
  private readonly attached = new Map<number, AttachMode>()
  private readonly slab: Buffer
  private poller: { close(): void } | undefined
  private open = true
  /** undefined until the first attachment shows whether the kernel has TCX. */
  private mode: AttachMode | undefined
  /** Closes at exit, because a clsact filter outlives the process that made it. */
  private readonly onExit = () => {
    this.close()
  }

  private constructor(
    private readonly addon: BpfAddon,
    private readonly object: BpfObject,
    private readonly options: ProgramOptions,
  ) {
    this.mode = options.attach
    this.slab = Buffer.alloc(BATCH * options.recordBytes)
    process.once('exit', this.onExit)
  }

  /** Loads the object. Throws FatalError: privilege, or kernel if the kernel rejects the program. */
  static open(options: ProgramOptions): BpfProgram {
    const addon = loadAddon()
    return new BpfProgram(addon, load(addon, options), options)
  }

  /** Attaches to the ingress of a device; does nothing if it already is. Throws BpfError. */
  attach(ifindex: number): AttachMode {
    const present = this.attached.get(ifindex)
    if (present !== undefined) return present
    this.mode = this.attachAs(ifindex)
    this.attached.set(ifindex, this.mode)
    return this.mode
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
      this.options.log.info('the kernel has no TCX (6.6 and later do): clsact filters are used')
      this.addon.attach(this.object, ifindex, 'clsact')
      return 'clsact'
    }
  }

  isAttached(ifindex: number): boolean {
    return this.attached.has(ifindex)
  }

  /** Detaches from a device, which may be gone already. Throws BpfError if a filter cannot be removed. */
  detach(ifindex: number): void {
    if (this.attached.delete(ifindex)) this.addon.detach(this.object, ifindex)
  }

  /**
   * Returns the TCX programs on a device in the order in which they see its frames; none if the kernel has no TCX. Throws
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

  /** Calls `onReady` from now on when there are records to drain. */
  start(onReady: () => void): void {
    if (this.poller) throw new Error('started already')
    this.poller = pollReadable(this.addon.ringFd(this.object), onReady)
  }

  /**
   * Takes what the kernel has collected, a bounded number of records at once. All are decoded before this returns: the
   * receiver may close this object or drain again.
   */
  drain<T>(decode: (bytes: Buffer, offset: number) => T): T[] {
    const { recordBytes } = this.options
    const count = this.addon.drain(this.object, this.slab, recordBytes)
    return Array.from({ length: count }, (_, index) => decode(this.slab, index * recordBytes))
  }

  /** Returns how many frames had each outcome since the program was loaded; `names` are all of its outcomes. */
  counters<Name extends string>(names: readonly Name[]): Record<Name, number> {
    const values = this.addon.counters(this.object, 'percpu_scratch', names.length)
    return Object.fromEntries(names.map((name, index) => [name, values[index] ?? 0])) as Record<Name, number>
  }

  /** Runs the program on one frame as if received by the loopback device of this network namespace. */
  testRun<Name extends string>(names: readonly Name[], frame: Buffer, repeat: number): TestRun<Name> {
    const before = this.counters(names)
    const run = this.addon.testRun(this.object, frame, repeat, undefined)
    const after = this.counters(names)
    const outcomes: TestRun<Name>['outcomes'] = {}
    for (const name of names) if (after[name] !== before[name]) outcomes[name] = after[name] - before[name]
    return { ...run, outcomes }
  }

  mapGet(map: string, key: Uint8Array): Buffer | undefined {
    return this.addon.mapGet(this.object, map, key)
  }

  mapSet(map: string, key: Uint8Array, value: Uint8Array): void {
    this.addon.mapSet(this.object, map, key, value)
  }

  mapDelete(map: string, key: Uint8Array): void {
    this.addon.mapDelete(this.object, map, key)
  }

  /** Writes a variable of the program, which is the only one in its section; the kernel accepts only the whole. */
  setVariable(section: string, value: Uint8Array): void {
    this.mapSet(section, Buffer.alloc(4), value)
  }

  /** Detaches from every device and unloads the program; also runs at exit, unless the process is killed. */
  close(): void {
    if (!this.open) return
    this.open = false
    process.off('exit', this.onExit)
    this.poller?.close()
    this.attached.clear()
    this.addon.close(this.object)
  }
}

function load(addon: BpfAddon, options: ProgramOptions): BpfObject {
  const { object, tracing, log } = options
  const tell = (level: LibbpfLevel, text: string): void => {
    log[level === 'debug' ? 'trace' : level]({ from: 'libbpf' }, text)
  }
  try {
    return addon.open(object, tell, tracing)
  } catch (error) {
    throw explain(error, options)
  }
}

const VERIFIER_LOG_TAIL = 4000
/** The kernel shows the functions of a module only to processes with CAP_SYS_ADMIN (BPF_BTF_GET_FD_BY_ID). */
const TRACING_NEEDS =
  '; snoop.filters: heed also needs CAP_PERFMON, and CAP_SYS_ADMIN where the bridge is a module of the kernel'

function explain(error: unknown, { object: path, tracing, log }: ProgramOptions): FatalError {
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
      `no permission to load the eBPF program: run as root or with CAP_BPF and CAP_NET_ADMIN${tracing ? TRACING_NEEDS : ''} (${error.message})`,
      options,
    )
  if (error.verifierLog !== undefined)
    log.error({ verifierLog: error.verifierLog.slice(-VERIFIER_LOG_TAIL) }, 'the kernel refuses the eBPF program')
  return new FatalError(
    ExitCode.kernel,
    `the kernel (${release()}) refuses the eBPF program: ${tracing ? 'snoop.filters: heed needs Linux 5.18 or later with CONFIG_DEBUG_INFO_BTF and CONFIG_FUNCTION_TRACER' : 'Linux 5.15 or later with CONFIG_BPF_SYSCALL and CONFIG_NET_CLS_ACT is needed'} (${error.message})`,
    options,
  )
}
