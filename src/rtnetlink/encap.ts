// The encapsulation of a nexthop: an ENCAP_TYPE and its ENCAP (linux/lwtunnel.h). FRR's FPM modules add a type of their
// own, 100, for VXLAN.
import { MAX_VNI } from '../base/vni.js'
import { type Attribute, Attributes } from '../netlink/attributes.js'
import { NetlinkDecodeError } from '../netlink/error.js'

const LWTUNNEL_ENCAP_MPLS = 1
const MPLS_IPTUNNEL_DST = 1
/** FRR's own type: its nested attribute 0 is the VNI as u32. */
const ENCAP_VXLAN = 100
const VXLAN_VNI = 0
const LABEL_BYTES = 4

export type Encap =
  | { kind: 'vxlan'; vni: number }
  | { kind: 'mpls'; labels: readonly number[] }
  | { kind: 'other'; type: number; bytes: Buffer }

/** Decodes an ENCAP attribute of the given ENCAP_TYPE. Throws NetlinkDecodeError. */
export function decodeEncap(bytes: Buffer, type: number, attribute: Attribute): Encap {
  const { start, end } = attribute
  switch (type) {
    case ENCAP_VXLAN:
      return { kind: 'vxlan', vni: vxlanVni(bytes, attribute) }
    case LWTUNNEL_ENCAP_MPLS: {
      const stack = new Attributes(bytes, start, end).all.findLast(({ type }) => type === MPLS_IPTUNNEL_DST)
      if (stack === undefined) throw new NetlinkDecodeError(start, 'an MPLS encapsulation without MPLS_IPTUNNEL_DST')
      return { kind: 'mpls', labels: decodeLabels(bytes, stack) }
    }
    default:
      return { kind: 'other', type, bytes: bytes.subarray(start, end) }
  }
}

function vxlanVni(bytes: Buffer, { start, end }: Attribute): number {
  const vni = new Attributes(bytes, start, end).u32(VXLAN_VNI)
  if (vni === undefined) throw new NetlinkDecodeError(start, 'a VXLAN encapsulation without VNI')
  if (vni > MAX_VNI) throw new NetlinkDecodeError(start, `VNI ${vni}, expected at most ${MAX_VNI}`)
  return vni
}

/** Decodes label stack entries (RFC 3032 2.1), outermost first: the label is the upper 20 bits, big endian. */
export function decodeLabels(bytes: Buffer, { type, start, end }: Attribute): number[] {
  if ((end - start) % LABEL_BYTES !== 0 || end === start)
    throw new NetlinkDecodeError(start, `attribute ${type} of ${end - start} bytes, expected labels of ${LABEL_BYTES}`)
  const labels: number[] = []
  for (let at = start; at < end; at += LABEL_BYTES) labels.push(bytes.readUInt32BE(at) >>> 12)
  return labels
}
