import { programFile } from '../../base/place.js'
import type { Logger } from '../../base/log.js'
import type { Evidence, RefusedFrame } from './evidence.js'
import {
  OUTCOMES,
  type OutcomeName,
  PORT_BYTES,
  RECORD_BYTES,
  type SnoopConfig,
  decodeLimited,
  decodeRecord,
  encodeConfig,
  encodeIfindex,
  encodeKeys,
} from './layout.js'
import { type AttachMode, BpfProgram, type ChainedProgram, type TestRun } from './program.js'

export type { AttachMode, OutcomeName }

const OBJECT = programFile('dist/bpf/snoop.bpf.o')

/** libbpf's name for the map of the program's variables; a struct snoop_config is the only one. */
export const CONFIG = '.bss'

export type SnooperOptions = SnoopConfig & {
  /** Path of the eBPF object file; the default is the one built with this code. */
  object?: string
  log: Logger
  /** The default is TCX if the kernel has it. */
  attach?: AttachMode
}

/** The eBPF program of ports, the ports it is attached to, and the evidence it reports. */
export class BpfSnooper {
  private constructor(
    private readonly program: BpfProgram,
    private readonly config: SnoopConfig,
  ) {
    this.configure(0n)
  }

  /** Loads the program. Throws FatalError: privilege, or kernel if the kernel rejects the program. */
  static open(options: SnooperOptions): BpfSnooper {
    const { object = OBJECT, log, attach, heedFilters: tracing = false } = options
    return new BpfSnooper(BpfProgram.open({ object, log, attach, tracing, recordBytes: RECORD_BYTES }), options)
  }

  private configure(forgetBefore: bigint): void {
    this.program.setVariable(CONFIG, encodeConfig(this.config, forgetBefore))
  }

  /** Starts to snoop on a port; does nothing if it already does. Throws BpfError. */
  attach(ifindex: number): AttachMode {
    const isNew = !this.program.isAttached(ifindex)
    // set before the program is attached, so that the limit holds from the first frame on
    if (isNew) this.program.mapSet('ports', encodeIfindex(ifindex), Buffer.alloc(PORT_BYTES))
    try {
      return this.program.attach(ifindex)
    } catch (error) {
      if (isNew) this.removeLimit(ifindex)
      throw error
    }
  }

  private removeLimit(ifindex: number): void {
    this.program.mapDelete('ports', encodeIfindex(ifindex))
  }

  /** Stops snooping on a port, which may be gone already. Throws BpfError if a filter cannot be removed. */
  detach(ifindex: number): void {
    if (!this.program.isAttached(ifindex)) return
    try {
      this.program.detach(ifindex)
    } finally {
      this.removeLimit(ifindex)
    }
  }

  /** See BpfProgram.chain. */
  chain(ifindex: number): ChainedProgram[] {
    return this.program.chain(ifindex)
  }

  /** Reports evidence as it comes from now on, and some of the refused frames of each port. */
  start(onEvidence: (evidence: Evidence) => void, onRefused: (refused: RefusedFrame) => void = () => undefined): void {
    this.program.start(() => {
      this.drain(onEvidence, onRefused)
    })
  }

  /** Reports what the kernel has collected, a bounded number at once; returns the number of records. */
  drain(
    onEvidence: (evidence: Evidence) => void,
    onRefused: (refused: RefusedFrame) => void = () => undefined,
  ): number {
    const frames = this.program.drain(decodeRecord)
    for (const frame of frames) {
      if (frame.type === 'evidence') onEvidence(frame.evidence)
      else onRefused(frame.refused)
    }
    return frames.length
  }

  /** Returns how many frames had each outcome since the program was loaded. */
  counters(): Record<OutcomeName, number> {
    return this.program.counters(OUTCOMES)
  }

  /** Returns how many frames of a port were over its rate since the program was attached to it. */
  limited(ifindex: number): number {
    const port = this.program.mapGet('ports', encodeIfindex(ifindex))
    return port === undefined ? 0 : decodeLimited(port)
  }

  /** Makes the next frame with this claim pass at once. */
  forget(ifindex: number, vlan: number, mac: string, ip: string): void {
    for (const key of encodeKeys(ifindex, vlan, mac, ip)) this.program.mapDelete('seen', key)
  }

  /** Makes the next frame with any claim pass at once, however many are known. */
  forgetAll(): void {
    this.configure(process.hrtime.bigint())
  }

  /** See BpfProgram.testRun. */
  testRun(frame: Buffer, repeat = 1): TestRun<OutcomeName> {
    return this.program.testRun(OUTCOMES, frame, repeat)
  }

  /** Detaches from every port and unloads the program; also runs at exit, unless the process is killed. */
  close(): void {
    this.program.close()
  }
}
