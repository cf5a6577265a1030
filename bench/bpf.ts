// What the eBPF program costs each frame, by BPF_PROG_TEST_RUN.
import { fileURLToPath } from 'node:url'
import { type SnoopConfig, PORT_BYTES, encodeConfig, encodeIfindex } from '../src/snoop/bpf/layout.js'
import { type BpfAddon, type BpfObject, loadAddon } from '../src/snoop/bpf/native.js'
import { withProgram } from '../test/snoop/bpf/clang.js'
import type { Measurement, Target } from './measurement.js'
import { ETH_P_IP, VM_LINK_LOCAL, arp, dad, ethernet, icmpv6, na, ns, ra } from '../test/snoop/bpf/frames.js'

const REPEAT = 1_000_000
const ATTEMPTS = 10
const UNIT = 'ns/frame'
const IPPROTO_TCP = 6

const OBJECT = fileURLToPath(new URL('../bpf/snoop.bpf.o', import.meta.url))
/** Of which BPF_PROG_TEST_RUN pretends to receive. */
const LOOPBACK = 1

const FRAMES: { name: string; frame: Buffer; target?: Target; config?: Partial<SnoopConfig> }[] = [
  { name: 'IPv4', frame: ethernet(ETH_P_IP, Buffer.alloc(46)), target: '<= 30' },
  { name: 'TCP over IPv6', frame: icmpv6(Buffer.alloc(20), { nextHeader: IPPROTO_TCP }), target: '<= 30' },
  { name: 'repeated ARP', frame: arp(), target: '<= 150' },
  { name: 'repeated ARP, 802.1Q tag in the frame', frame: arp({ tags: [{ vlan: 100 }] }), target: '<= 150' },
  { name: 'repeated NA', frame: na() },
  { name: 'repeated RA', frame: ra() },
  { name: 'NS, not learned', frame: ns() },
  { name: 'repeated NS', frame: ns(), config: { learnNs: true } },
  { name: 'duplicate address detection, mostly repeated', frame: dad() },
  { name: 'ARP over the rate of its port', frame: arp(), config: { rate: { perSecond: 1e-3, burst: 1 } } },
]

/**
 * The cost of each kind of frame, net of what the kernel's test loop costs with a program that does nothing
 * (its first row: 10 to 40 ns, more than most frames cost the program). Best of several attempts of a million runs.
 */
export function benchBpf(): Promise<Measurement[]> {
  const loop = measureProgram('return -1;')
  const rows = FRAMES.map(({ name, frame, config, ...target }) => {
    const best = measureSnooper(frame, { repeatIntervalMs: 3_600_000, ...config })
    return {
      name: `eBPF program, net of the test loop: ${name}`,
      value: Math.max(0, best - loop),
      unit: UNIT,
      ...target,
    }
  })
  return Promise.resolve([{ name: 'eBPF test loop with an empty program', value: loop, unit: UNIT }, ...rows])
}

function measureProgram(body: string): number {
  return withProgram(body, (path) => measure(path, arp(), () => undefined))
}

function measureSnooper(frame: Buffer, config: SnoopConfig): number {
  return measure(OBJECT, frame, (addon, object) => {
    addon.mapSet(object, '.bss', Buffer.alloc(4), encodeConfig(config))
    addon.mapSet(object, 'ports', encodeIfindex(LOOPBACK), Buffer.alloc(PORT_BYTES))
    // Another claim uses up the burst, if there is a rate.
    addon.testRun(object, na({ target: VM_LINK_LOCAL }), 1, undefined)
  })
}

function measure(path: string, frame: Buffer, prepare: (addon: BpfAddon, object: BpfObject) => void): number {
  const addon = loadAddon()
  const object = addon.open(path, () => undefined, false)
  try {
    prepare(addon, object)
    return bestOf(() => addon.testRun(object, frame, REPEAT, undefined).durationNs)
  } finally {
    addon.close(object)
  }
}

function bestOf(measure: () => number): number {
  return Math.min(...Array.from({ length: ATTEMPTS }, measure))
}
