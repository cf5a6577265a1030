// What the snooper needs of the eBPF program and of rtnetlink; tests stand in for both.
import type { BpfSnooper } from './bpf.js'
import type { Ports } from './ports.js'

export type EvidenceSource = Pick<BpfSnooper, 'attach' | 'detach' | 'start' | 'forget' | 'forgetPort' | 'close'> & {
  counters(): Readonly<Record<string, number>>
}

export type PortMap = Pick<Ports, 'ports' | 'vniOf' | 'ownMac' | 'ownIp' | 'close' | 'on'>
