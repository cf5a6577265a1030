// PMSI_TUNNEL (RFC 6514 5): | flags u8 | tunnel type u8 | label 3 | tunnel identifier |.
import type { Reader } from '../../base/cursor.js'
import { ipBytes } from '../address.js'
import { type AttributeCodec, OPTIONAL_TRANSITIVE } from './codec.js'

const INGRESS_REPLICATION = 6

export type PmsiTunnel = {
  readonly flags: number
  /** 24 bits; with VXLAN the VNI (RFC 8365 5.1.3). */
  readonly label: number
  readonly tunnel:
    | { readonly kind: 'ingress-replication'; readonly endpoint: string }
    | { readonly kind: 'unknown'; readonly type: number; readonly identifier: Buffer }
}

export const PMSI_TUNNEL: AttributeCodec<PmsiTunnel> = {
  code: 22,
  name: 'PMSI_TUNNEL',
  flags: OPTIONAL_TRANSITIVE,
  malformed: 'treat-as-withdraw',
  read(value) {
    const flags = value.u8('flags')
    const type = value.u8('tunnel type')
    const label = value.u24('label')
    return { flags, label, tunnel: readTunnel(value, type) }
  },
  write(writer, { flags, label, tunnel }) {
    writer.u8(flags)
    writer.u8(tunnel.kind === 'unknown' ? tunnel.type : INGRESS_REPLICATION)
    writer.u24(label)
    writer.bytes(tunnel.kind === 'unknown' ? tunnel.identifier : ipBytes(tunnel.endpoint))
  },
}

function readTunnel(value: Reader, type: number): PmsiTunnel['tunnel'] {
  const { remaining } = value
  if (type !== INGRESS_REPLICATION) return { kind: 'unknown', type, identifier: value.bytes('identifier', remaining) }
  if (remaining !== 4 && remaining !== 16) {
    throw value.fault('tunnel identifier', 0, `${remaining} bytes, expected an address of 4 or 16`)
  }
  return { kind: 'ingress-replication', endpoint: value.ip('tunnel identifier', remaining) }
}
