// RTM_NEWTFILTER: tc filters at the ingress of a device, and RTM_NEWQDISC: which devices have any (linux/pkt_sched.h).
//
// struct tcmsg
//   0  tcm_family   u8
//   4  tcm_ifindex  i32
//   8  tcm_handle   u32
//  12  tcm_parent   u32
//  16  tcm_info     u32  priority << 16 | ethertype in network byte order
import { Attributes } from '../netlink/attributes.js'
import { afterFamilyHeader, type NetlinkMessage } from '../netlink/message.js'
import type { Request } from './message.js'

export const RTM_NEWQDISC = 36
const RTM_GETQDISC = 38
export const RTM_NEWTFILTER = 44
const RTM_GETTFILTER = 46

const TCA_KIND = 1
const TCA_OPTIONS = 2
const TCA_BPF_NAME = 7

/** TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS) */
const CLSACT_INGRESS = 0xfffffff2
const SIZEOF_TCMSG = 20

export type TcFilter = {
  handle: number
  priority: number
  /** Ethertype of the frames that it looks at. */
  protocol: number
  /** `bpf`, `flower`, `u32`, … */
  kind: string
  /** Of a `bpf` filter; empty for others. */
  name: string
}

export const GET_QDISCS: Request = { type: RTM_GETQDISC, body: Buffer.alloc(SIZEOF_TCMSG) }

/** The filters come in the order in which they see a frame. */
export function getIngressFilters(ifindex: number): Request {
  const body = Buffer.alloc(SIZEOF_TCMSG)
  body.writeInt32LE(ifindex, 4)
  body.writeUInt32LE(CLSACT_INGRESS, 12)
  return { type: RTM_GETTFILTER, body }
}

/** Returns the device of a qdisc that holds ingress filters; undefined for other messages. Throws NetlinkDecodeError. */
export function decodeIngressQdisc(message: NetlinkMessage): number | undefined {
  if (message.type !== RTM_NEWQDISC) return undefined
  const attributes = new Attributes(message.bytes, afterFamilyHeader(message, 'tcmsg', SIZEOF_TCMSG), message.end)
  const kind = attributes.string(TCA_KIND)
  return kind === 'clsact' || kind === 'ingress' ? message.bytes.readInt32LE(message.start + 4) : undefined
}

/** Returns a filter; undefined for other messages, and for what only stands for all of a priority. */
export function decodeTcFilter(message: NetlinkMessage): TcFilter | undefined {
  if (message.type !== RTM_NEWTFILTER) return undefined
  const { bytes, start, end } = message
  const attributes = new Attributes(bytes, afterFamilyHeader(message, 'tcmsg', SIZEOF_TCMSG), end)
  const handle = bytes.readUInt32LE(start + 8)
  if (handle === 0) return undefined
  const kind = attributes.string(TCA_KIND) ?? ''
  return {
    handle,
    priority: bytes.readUInt16LE(start + 18),
    protocol: bytes.readUInt16BE(start + 16),
    kind,
    name: (kind === 'bpf' ? attributes.nested(TCA_OPTIONS)?.string(TCA_BPF_NAME) : undefined) ?? '',
  }
}
