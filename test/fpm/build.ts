// FPM frames and messages for tests.
import { decodeFrame } from '../../src/fpm/decode.js'
import type { FpmMessage } from '../../src/fpm/message.js'
import * as forwarding from '../rtnetlink/forwarding-writer.js'
import { attr, u16, u32, u8 } from '../rtnetlink/writer.js'

/** Header and payload; `type` 1 is netlink, 2 protobuf. */
export function frame(type: number, ...payload: Uint8Array[]): Buffer {
  const body = Buffer.concat(payload)
  return Buffer.concat([u8(1), u8(type), u16(body.length + 4).reverse(), body])
}

export const decodeAll = (bytes: Buffer): FpmMessage[] => [...decodeFrame(bytes)]

/** The only message of a netlink frame. */
export function decoded(netlink: Buffer): FpmMessage {
  const [message, ...more] = decodeAll(frame(1, netlink))
  if (message === undefined || more.length > 0) throw new Error(`${more.length + 1} messages`)
  return message
}

type MacOptions = { ifindex?: number; vtep?: string; vni?: number; vlan?: number; gone?: boolean; flags?: number }

/** A remote MAC as dplane_fpm_nl sends it while it is connected. */
export function mac(hex: string, options: MacOptions = {}): Buffer {
  const { ifindex = 4, vtep = '192.0.2.2', vni, vlan, ...rest } = options
  return forwarding.fdb(
    ifindex,
    hex,
    [
      attr(12, u8(11)),
      attr(1, forwarding.ip(vtep)),
      ...(vlan === undefined ? [] : [attr(5, u16(vlan))]),
      ...(vni === undefined ? [] : [attr(11, u32(vni))]),
      attr(9, u32(3)),
    ],
    rest,
  )
}

/** A router MAC as dplane_fpm_nl tells it again: like a local MAC, but behind a VTEP. */
export function replayedRouterMac(hex: string, vtep: string, ifindex = 9): Buffer {
  const extended = attr(0x800e, attr(1, u8(0)))
  const attributes = [attr(12, u8(11)), extended, attr(1, forwarding.ip(vtep)), attr(9, u32(8))]
  return forwarding.fdb(ifindex, hex, attributes, { flags: forwarding.MASTER })
}

/** A host route, its paths without and with VNI. */
export function hostRoute(
  ip: string,
  vteps: readonly string[],
  { vni, table = 254, gone = false }: { vni?: number; table?: number; gone?: boolean } = {},
): Buffer {
  const paths = vteps.map((vtep) =>
    forwarding.rtnexthop(
      7,
      1,
      forwarding.ONLINK,
      ...(vni === undefined ? [] : [forwarding.vxlanEncap(vni)]),
      forwarding.gateway(vtep),
    ),
  )
  const length = ip.includes(':') ? 128 : 32
  return forwarding.route(ip, length, gone ? [] : [attr(9, ...paths)], { table, gone })
}

/** A host route that names a nexthop object. */
export const hostRouteBy = (ip: string, nexthopId: number): Buffer =>
  forwarding.route(ip, 32, [attr(30, u32(nexthopId))])
