// What the eBPF programs cost each frame, by BPF_PROG_TEST_RUN.
import { fileURLToPath } from 'node:url'
import { type SnoopConfig, PORT_BYTES, encodeConfig, encodeIfindex } from '../src/snoop/bpf/layout.js'
import { type BpfAddon, type BpfObject, loadAddon } from '../src/snoop/bpf/native.js'
import { withProgram } from '../test/snoop/bpf/clang.js'
import type { Measurement, Target } from './measurement.js'
import {
  encodeDestination,
  encodeSince,
  encodeSource,
  encodeVni,
  encodeVxlanConfig,
} from '../src/snoop/bpf/vxlan-layout.js'
import { OUR_VTEP, OUR_VTEP6, VNI, VTEP6, vxlan, VXLAN_PORT } from '../test/snoop/bpf/vxlan-packets.js'
import { ETH_P_IP, VM_LINK_LOCAL, arp, dad, ethernet, icmpv6, na, ns, ra } from '../test/snoop/bpf/frames.js'

const REPEAT = 1_000_000
const ATTEMPTS = 10
const UNIT = 'ns/frame'
const IPPROTO_TCP = 6

const OBJECT = fileURLToPath(new URL('../bpf/snoop.bpf.o', import.meta.url))
const VXLAN_OBJECT = fileURLToPath(new URL('../bpf/vxlan.bpf.o', import.meta.url))
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

const DATA = ethernet(ETH_P_IP, Buffer.alloc(64))
const OVER_IPV6 = { source: VTEP6, destination: OUR_VTEP6 }
const PACKETS: { name: string; packet: Buffer; target?: Target }[] = [
  { name: 'IPv4 that is no VXLAN', packet: ethernet(ETH_P_IP, Buffer.alloc(46)), target: '<= 30' },
  { name: 'data in VXLAN over IPv4', packet: vxlan(DATA), target: '<= 40' },
  { name: 'data in VXLAN over IPv6', packet: vxlan(DATA, OVER_IPV6), target: '<= 40' },
  { name: 'repeated ARP in VXLAN over IPv4', packet: vxlan(arp()) },
  { name: 'repeated ARP in VXLAN over IPv6', packet: vxlan(arp(), OVER_IPV6) },
  { name: 'repeated NA in VXLAN over IPv4', packet: vxlan(na()) },
  { name: 'ARP in another VNI', packet: vxlan(arp(), { vni: VNI + 1 }) },
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
  const tunnelled = PACKETS.map(({ name, packet, ...target }) => ({
    name: `eBPF program of the underlay, net of the test loop: ${name}`,
    value: Math.max(0, measureVxlan(packet) - loop),
    unit: UNIT,
    ...target,
  }))
  return Promise.resolve([
    { name: 'eBPF test loop with an empty program', value: loop, unit: UNIT },
    ...rows,
    ...tunnelled,
  ])
}

function measureVxlan(packet: Buffer): number {
  const unlimited = { perSecond: 0, burst: 0 }
  const filters = { interfaces: [], vnis: [], sources: [], destinations: [] }
  const config = { repeatIntervalMs: 3_600_000, rate: unlimited, totalRate: unlimited, asker: undefined }
  return measure(VXLAN_OBJECT, packet, (addon, object) => {
    addon.mapSet(object, '.bss', Buffer.alloc(4), encodeConfig({ ...config, learnNs: true }))
    const settings = encodeVxlanConfig({ ...filters, ...config, udpPorts: [VXLAN_PORT] })
    addon.mapSet(object, '.data.vxlan', Buffer.alloc(4), settings)
    addon.mapSet(object, 'vnis', encodeVni(VNI), encodeSince(0n))
    for (const ip of [OUR_VTEP, OUR_VTEP6]) addon.mapSet(object, 'destinations', encodeDestination(ip), encodeSince(0n))
    for (const ip of ['0.0.0.0', '::'])
      addon.mapSet(object, 'sources', encodeSource({ ip, length: 0 }), encodeSince(0n))
  })
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
