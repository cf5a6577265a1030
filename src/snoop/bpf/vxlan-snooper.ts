import { programFile } from '../../base/place.js'
import type { Logger } from '../../base/log.js'
import type { VxlanClaim, WatchVxlan } from '../../control/vxlan-codec.js'
import { encodeConfig } from './layout.js'
import { type AttachMode, BpfProgram, type TestRun } from './program.js'
import { CONFIG } from './snooper.js'
import {
  decodeVxlanRecord,
  encodeDestination,
  encodeSince,
  encodeSource,
  encodeVni,
  encodeVxlanConfig,
  isVxlanOutcome,
  VXLAN_OUTCOMES,
  VXLAN_RECORD_BYTES,
  type VxlanOutcomeName,
} from './vxlan-layout.js'

const OBJECT = programFile('dist/bpf/vxlan.bpf.o')

/** libbpf's name for the map of the section in which struct vxlan_config is. */
const VXLAN_CONFIG = '.data.vxlan'

export type VxlanSnooperOptions = {
  log: Logger
  /** The default is TCX if the kernel has it. */
  attach?: AttachMode
}

/** The eBPF program of the underlay, the devices it is attached to, and the claims it reports. */
export class VxlanSnooper {
  private readonly vnis: KeySet
  private readonly sources: KeySet
  private readonly destinations: KeySet
  /** Before that, nothing can have been said. */
  private isConfigured = false

  private constructor(private readonly program: BpfProgram) {
    this.vnis = new KeySet(program, 'vnis')
    this.sources = new KeySet(program, 'sources')
    this.destinations = new KeySet(program, 'destinations')
  }

  /** Loads the program, which reports nothing before `configure`. Throws FatalError as BpfSnooper.open does. */
  static open({ log, attach }: VxlanSnooperOptions): VxlanSnooper {
    const options = { object: OBJECT, log, attach, tracing: false, recordBytes: VXLAN_RECORD_BYTES }
    return new VxlanSnooper(BpfProgram.open(options))
  }

  /**
   * Replaces what is wanted. What a VNI, a source or a destination that is new here has said before is news again; for the
   * others nothing changes. Throws BpfError.
   */
  configure(watch: WatchVxlan): void {
    const { repeatIntervalMs, rate } = watch
    this.program.setVariable(CONFIG, encodeConfig({ repeatIntervalMs, rate, learnNs: true }))
    this.program.setVariable(VXLAN_CONFIG, encodeVxlanConfig(watch))
    const since = encodeSince(this.isConfigured ? process.hrtime.bigint() : 0n)
    this.isConfigured = true
    this.vnis.replace(watch.vnis.map(encodeVni), since)
    this.sources.replace(watch.sources.map(encodeSource), since)
    this.destinations.replace(watch.destinations.map(encodeDestination), since)
  }

  /** Starts to snoop on a device; does nothing if it already does. Throws BpfError. */
  attach(ifindex: number): AttachMode {
    return this.program.attach(ifindex)
  }

  /** Stops snooping on a device, which may be gone already. Throws BpfError if a filter cannot be removed. */
  detach(ifindex: number): void {
    this.program.detach(ifindex)
  }

  /** Reports claims as they come from now on. */
  start(onClaim: (claim: VxlanClaim) => void): void {
    this.program.start(() => {
      this.drain(onClaim)
    })
  }

  /** Reports what the kernel has collected, a bounded number at once; returns that number. */
  drain(onClaim: (claim: VxlanClaim) => void): number {
    const claims = this.program.drain(decodeVxlanRecord)
    for (const claim of claims) onClaim(claim)
    return claims.length
  }

  /** Returns how many packets had each outcome since the program was loaded. */
  counters(): Record<VxlanOutcomeName, number> {
    const all = Object.entries(this.program.counters(VXLAN_OUTCOMES)) as [(typeof VXLAN_OUTCOMES)[number], number][]
    return Object.fromEntries(all.filter(([name]) => isVxlanOutcome(name))) as Record<VxlanOutcomeName, number>
  }

  /** See BpfProgram.testRun. */
  testRun(packet: Buffer, repeat = 1): TestRun<(typeof VXLAN_OUTCOMES)[number]> {
    return this.program.testRun(VXLAN_OUTCOMES, packet, repeat)
  }

  /** Detaches from every device and unloads the program; also runs at exit, unless the process is killed. */
  close(): void {
    this.program.close()
  }
}

/** The keys of a map of the program; the value of each is the time since when it has been there. */
class KeySet {
  private readonly present = new Map<string, Buffer>()

  constructor(
    private readonly program: BpfProgram,
    private readonly map: string,
  ) {}

  replace(keys: readonly Buffer[], since: Buffer): void {
    const wanted = new Map(keys.map((key) => [key.toString('latin1'), key]))
    // the old ones go first, so that there is room
    for (const [name, key] of this.present) {
      if (wanted.has(name)) continue
      this.program.mapDelete(this.map, key)
      this.present.delete(name)
    }
    for (const [name, key] of wanted) {
      if (this.present.has(name)) continue
      this.program.mapSet(this.map, key, since)
      this.present.set(name, key)
    }
  }
}
