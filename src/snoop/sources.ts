// What the snooper needs of the eBPF program and of rtnetlink; tests stand in for both.
import type { EventEmitter } from 'node:events'
import type { BpfSnooper } from './bpf.js'
import type { PortEvents, Ports } from './ports.js'

export type EvidenceSource = Pick<BpfSnooper, 'attach' | 'detach' | 'start' | 'forget' | 'forgetPort' | 'close'> & {
  counters(): Readonly<Record<string, number>>
}

export type PortMap = EventEmitter<PortEvents> & Pick<Ports, 'ports' | 'vniOf' | 'ownMac' | 'ownIp' | 'close'>
