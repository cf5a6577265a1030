// Stand-ins for rtnetlink, the eBPF program and the way out to the hosts: a test says what they see, and reads what they were asked to do.
import { EventEmitter } from 'node:events'
import type { BridgeRefusal, SelfMatch } from '../../src/bindings/model.js'
import type { Evidence, RefusedFrame } from '../../src/snoop/bpf/evidence.js'
import { monotonicMs } from '../../src/base/clock.js'
import { type BridgePort, ORDINARY_PORT } from '../../src/rtnetlink/bridge-port.js'
import type { Link } from '../../src/rtnetlink/link.js'
import type { Port, PortEvents } from '../../src/snoop/ports/ports.js'
import type { Probe } from '../../src/snoop/probe/sender.js'
import type { ProbeSource } from '../../src/arp-nd/source.js'
import type { EvidenceSource, PortMap, ProbeOutlet } from '../../src/snoop/sources.js'

export class FakePorts extends EventEmitter<PortEvents> implements PortMap {
  readonly ports = new Map<number, Port>()
  readonly links = new Map<number, Link>()
  /** By `ifindex.vlan`. */
  readonly vnis = new Map<string, number>()
  /** The port of a MAC, by `ifindex.vlan MAC` of where it is asked for. */
  readonly fdb = new Map<string, number>()
  isFdbKnown = true
  /** By ifindex. */
  readonly refusals = new Map<number, BridgeRefusal>()
  readonly ownAddresses = new Set<string>()
  /** By routing table. */
  readonly vrfs = new Map<number, number>()
  /** Of VXLAN devices, by `ifindex.vlan`. */
  readonly vxlanVnis = new Map<string, number>()
  closed = false

  vniOf(ifindex: number, vlan: number): number | undefined {
    return this.vnis.get(`${ifindex}.${vlan}`)
  }

  fdbPort(ifindex: number, vlan: number, mac: string): number | undefined {
    return this.fdb.get(`${ifindex}.${vlan} ${mac}`)
  }

  placeOfMac(): undefined {
    return undefined
  }

  /** As on a bridge without addresses. */
  probeSource(ifindex: number, _vlan: number, ip: string): ProbeSource {
    return { mac: fakeMac(ifindex), ip: ip.includes(':') ? `fe80::ff:fe00:aa${fakeByte(ifindex)}` : '0.0.0.0' }
  }

  vniOfVxlan(ifindex: number, vlan: number): number | undefined {
    return this.vxlanVnis.get(`${ifindex}.${vlan}`)
  }

  tunnelOf(): undefined {
    return undefined
  }

  vrfOfTable(table: number): number | undefined {
    return table === 254 ? 0 : this.vrfs.get(table)
  }

  selfMatch(_ifindex: number, _vlan: number, mac: string, ip: string): SelfMatch | undefined {
    if (this.ownAddresses.has(mac)) return 'mac'
    return this.ownAddresses.has(ip) ? 'ip' : undefined
  }

  macsOn(): number {
    return 0
  }

  vlanProtocol(): number {
    return 0x8100
  }

  bridgePortOf(ifindex: number): BridgePort {
    return { ...ORDINARY_PORT, state: this.refusals.get(ifindex) === 'port-blocked' ? 'blocking' : 'forwarding' }
  }

  placeOf(ifindex: number, vlan: number, mac: string): { ifindex: number; vlan: number } | undefined {
    const found = this.fdbPort(ifindex, vlan, mac)
    return found === undefined ? undefined : { ifindex: found, vlan }
  }

  placeToAsk(ifindex: number, vlan: number): { ifindex: number; vlan: number } | undefined {
    return this.refusals.get(ifindex) === 'port-blocked' ? undefined : { ifindex, vlan }
  }

  bridgeRefusal(ifindex: number): BridgeRefusal | undefined {
    return this.refusals.get(ifindex)
  }

  ownIp(ip: string): boolean {
    return this.ownAddresses.has(ip)
  }

  close(): void {
    this.closed = true
  }

  /** A port that is up and leads to `vni` with untagged frames. */
  plug(ifindex: number, name: string, vni: number | undefined): Port {
    const mac = fakeMac(ifindex)
    const port = { ifindex, name, bridge: 'br0', bridgeIfindex: 1, up: true, mac, ageingMs: 300_000 }
    this.ports.set(ifindex, port)
    if (vni !== undefined) this.vnis.set(`${ifindex}.0`, vni)
    this.emit('add', port)
    return port
  }

  unplug(port: Port): void {
    this.ports.delete(port.ifindex)
    this.emit('remove', port, 'deleted')
  }

  rename(port: Port, name: string): void {
    const from = port.name
    port.name = name
    this.emit('rename', port, from)
  }

  setUp(port: Port): void {
    port.up = true
    this.emit('up', port)
  }

  setDown(port: Port): void {
    port.up = false
    this.emit('down', port)
  }
}

const fakeByte = (ifindex: number): string => (ifindex & 0xff).toString(16).padStart(2, '0')
/** Of the port's device. */
const fakeMac = (ifindex: number): string => `02:00:00:00:aa:${fakeByte(ifindex)}`

export class FakeProbeOutlet implements ProbeOutlet {
  /** In the order they were sent. */
  readonly probes: Probe[] = []
  readonly counters: Record<string, number> = { sent: 0 }
  closed = false
  /** Called after each. */
  onProbe: () => void = () => undefined

  send(probe: Probe): void {
    this.probes.push(probe)
    this.counters['sent'] = this.probes.length
    this.onProbe()
  }

  close(): void {
    this.closed = true
  }
}

/** For a snooper that no proxy asks to watch the underlay. */
export const noVxlan = (): never => {
  throw new Error('no proxy watches VXLAN in this test')
}

export class FakeEvidenceSource implements EvidenceSource {
  /** What it was asked: `attach 11`, `detach 11`, `forget 11 0 MAC IP`, `forget-all`. */
  readonly asked: string[] = []
  closed = false
  broken: string | undefined
  private onEvidence: ((evidence: Evidence) => void) | undefined
  private onRefused: ((refused: RefusedFrame) => void) | undefined

  attach(ifindex: number): 'tcx' {
    if (this.broken !== undefined) throw new Error(this.broken)
    this.asked.push(`attach ${ifindex}`)
    return 'tcx'
  }

  detach(ifindex: number): void {
    this.asked.push(`detach ${ifindex}`)
  }

  chain(): [] {
    return []
  }

  start(onEvidence: (evidence: Evidence) => void, onRefused: (refused: RefusedFrame) => void): void {
    this.onEvidence = onEvidence
    this.onRefused = onRefused
  }

  forget(ifindex: number, vlan: number, mac: string, ip: string): void {
    this.asked.push(`forget ${ifindex} ${vlan} ${mac} ${ip}`)
  }

  forgetAll(): void {
    this.asked.push('forget-all')
  }

  counters(): Record<string, number> {
    return { passed: 3, repeated: 0 }
  }

  limited(): number {
    return 0
  }

  close(): void {
    this.closed = true
  }

  /** The program refuses a frame. */
  refuse(refused: RefusedFrame): void {
    this.onRefused?.(refused)
  }

  /** A host announces itself. */
  see(ifindex: number, mac: string, ip: string, changes: Partial<Evidence> = {}): void {
    const frame = {
      kind: 'arp-request' as const,
      vlan: 0,
      vlanProtocol: 0,
      router: false,
      solicited: false,
      override: false,
    }
    this.onEvidence?.({ ...frame, ifindex, mac, etherSource: mac, ip, at: monotonicMs(), ...changes })
  }
}
