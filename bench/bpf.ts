// What the eBPF program costs each frame, by BPF_PROG_TEST_RUN.
import { pino } from 'pino'
import { loadAddon } from '../src/snoop/bpf-native.js'
import { BpfSnooper } from '../src/snoop/bpf.js'
import { withProgram } from '../test/snoop/clang.js'
import type { Measurement, Target } from './measurement.js'
import { ETH_P_IP, arp, ethernet, icmpv6, na } from '../test/snoop/frames.js'

const REPEAT = 1_000_000
const ATTEMPTS = 10
const UNIT = 'ns/frame'
const IPPROTO_TCP = 6

const FRAMES: { name: string; frame: Buffer; target?: Target }[] = [
  { name: 'IPv4', frame: ethernet(ETH_P_IP, Buffer.alloc(46)), target: '<= 30' },
  { name: 'TCP over IPv6', frame: icmpv6(Buffer.alloc(20), { nextHeader: IPPROTO_TCP }), target: '<= 30' },
  { name: 'repeated ARP', frame: arp(), target: '<= 150' },
  { name: 'repeated ARP, 802.1Q tag in the frame', frame: arp({ tags: [{ vlan: 100 }] }), target: '<= 150' },
  { name: 'repeated NA', frame: na() },
]

/**
 * The cost of each kind of frame, net of what the kernel's test loop costs with a program that does nothing
 * (its first row: 10 to 40 ns, more than most frames cost the program). Best of several attempts of a million runs.
 */
export function benchBpf(): Promise<Measurement[]> {
  const loop = measureEmptyProgram()
  const snooper = BpfSnooper.open({ repeatIntervalMs: 3_600_000, log: pino({ level: 'silent' }) })
  try {
    const rows = FRAMES.map(({ name, frame, ...target }) => {
      const best = bestOf(() => snooper.testRun(frame, REPEAT).durationNs)
      return {
        name: `eBPF program, net of the test loop: ${name}`,
        value: Math.max(0, best - loop),
        unit: UNIT,
        ...target,
      }
    })
    return Promise.resolve([{ name: 'eBPF test loop with an empty program', value: loop, unit: UNIT }, ...rows])
  } finally {
    snooper.close()
  }
}

function measureEmptyProgram(): number {
  const addon = loadAddon()
  return withProgram('return -1;', (path) => {
    const object = addon.open(path, () => undefined)
    try {
      return bestOf(() => addon.testRun(object, arp(), REPEAT, undefined).durationNs)
    } finally {
      addon.close(object)
    }
  })
}

function bestOf(measure: () => number): number {
  return Math.min(...Array.from({ length: ATTEMPTS }, measure))
}
