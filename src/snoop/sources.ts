// The parts of the eBPF program, rtnetlink, the network and zebra that the snooper uses; tests replace all of them.
import type { EventEmitter } from 'node:events'
import type { BpfSnooper } from './bpf/snooper.js'
import type { VxlanSnooper } from './bpf/vxlan-snooper.js'
import type { FpmSource } from './fpm-source.js'
import type { PortEvents, Ports } from './ports/ports.js'
import type { ProbeSender } from './probe/sender.js'

export type EvidenceSource = Pick<
  BpfSnooper,
  'attach' | 'detach' | 'chain' | 'start' | 'forget' | 'forgetAll' | 'limited' | 'close'
> & {
  counters(): Readonly<Record<string, number>>
}

export type VxlanSource = Pick<VxlanSnooper, 'configure' | 'attach' | 'detach' | 'start' | 'close'> & {
  counters(): Readonly<Record<string, number>>
}

export type PortMap = EventEmitter<PortEvents> &
  Pick<
    Ports,
    | 'ports'
    | 'links'
    | 'fdbPort'
    | 'placeOfMac'
    | 'isFdbKnown'
    | 'macsOn'
    | 'bridgePortOf'
    | 'bridgeRefusal'
    | 'placeToAsk'
    | 'placeOf'
    | 'vniOf'
    | 'vniOfVxlan'
    | 'tunnelOf'
    | 'vrfOfTable'
    | 'vlanProtocol'
    | 'probeSource'
    | 'selfMatch'
    | 'ownIp'
    | 'close'
  >

export type ProbeOutlet = Pick<ProbeSender, 'send' | 'counters' | 'close'>

export type FpmConnection = Pick<FpmSource, 'off' | 'error' | 'view' | 'recent' | 'ensured' | 'status' | 'close'>
