// Writes netlink messages for tests; shares no code with the decoder. Little endian, as the hosts of the tests are.

export const u8 = (value: number): Buffer => Buffer.of(value)
export const u16 = (value: number): Buffer => Buffer.of(value & 0xff, value >> 8)
export const u32 = (value: number): Buffer => Buffer.from(new Uint32Array([value]).buffer)
export const text = (value: string): Buffer => Buffer.from(`${value}\0`)
export const hex = (value: string): Buffer => Buffer.from(value.replaceAll(/[^0-9a-f]/g, ''), 'hex')

const pad = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)])

/** rtattr: length, type, payload, padding. */
export function attr(type: number, ...payload: Buffer[]): Buffer {
  const body = Buffer.concat(payload)
  return pad(Buffer.concat([u16(body.length + 4), u16(type), body]))
}

/** nlmsghdr and what follows. */
export function message(type: number, body: Buffer[], { flags = 0, seq = 0, pid = 0 } = {}): Buffer {
  const bytes = Buffer.concat(body)
  return pad(Buffer.concat([u32(bytes.length + 16), u16(type), u16(flags), u32(seq), u32(pid), bytes]))
}

export const NEWLINK = 16
export const DELLINK = 17
export const NEWADDR = 20
export const DELADDR = 21
export const NEWVLAN = 112
export const DELVLAN = 113
const UP_WITH_CARRIER = 0x1 | 0x40 | 0x10000

/** struct ifinfomsg */
export function ifinfomsg(ifindex: number, { family = 0, flags = UP_WITH_CARRIER } = {}): Buffer {
  return Buffer.concat([u8(family), u8(0), u16(1), u32(ifindex), u32(flags), u32(0)])
}

type LinkOptions = {
  up?: boolean
  mac?: string
  master?: number
  /** IFLA_LINK; `elsewhere`: of another network namespace */
  lower?: number
  elsewhere?: boolean
  kind?: string
  data?: Buffer[]
  gone?: boolean
}

/** RTM_NEWLINK (`gone`: RTM_DELLINK) of the family AF_UNSPEC. */
export function link(ifindex: number, name: string, options: LinkOptions = {}): Buffer {
  const { up = true, mac = '02:00:00:00:00:01', master, lower, elsewhere = false, kind, data, gone = false } = options
  const info = kind === undefined ? [] : [attr(18, attr(1, text(kind)), ...(data ? [attr(2, ...data)] : []))]
  return message(gone ? DELLINK : NEWLINK, [
    ifinfomsg(ifindex, { flags: up ? UP_WITH_CARRIER : 0x1 }),
    attr(3, text(name)),
    attr(1, hex(mac)),
    ...(master === undefined ? [] : [attr(10, u32(master))]),
    ...(lower === undefined ? [] : [attr(5, u32(lower))]),
    ...(elsewhere ? [attr(37, u32(0))] : []),
    ...info,
  ])
}

/** `ageing` in 1/100 s, `protocol` of its tags in network byte order. */
export function bridge(
  ifindex: number,
  name: string,
  vlanFiltering = false,
  gone = false,
  ageing = 30_000,
  protocol = '8100',
): Buffer {
  return link(ifindex, name, {
    kind: 'bridge',
    data: [attr(4, u32(ageing)), attr(7, u8(vlanFiltering ? 1 : 0)), attr(8, hex(protocol))],
    gone,
  })
}

/** An 802.1Q link on top of `lower`; `protocol` in network byte order. */
export function vlanLink(
  ifindex: number,
  name: string,
  { lower, vlan, mac = '02:00:00:00:00:01', protocol = '8100', elsewhere = false }: VlanLinkOptions,
): Buffer {
  return link(ifindex, name, {
    kind: 'vlan',
    lower,
    mac,
    elsewhere,
    data: [attr(1, u16(vlan)), attr(5, hex(protocol))],
  })
}

type VlanLinkOptions = { lower: number; vlan: number; mac?: string; protocol?: string; elsewhere?: boolean }

/** `vni` undefined: `external` (collect_metadata). */
export function vxlan(ifindex: number, name: string, vni: number | undefined, master?: number, gone = false): Buffer {
  const data = [attr(1, u32(vni ?? 0)), attr(25, u8(vni === undefined ? 1 : 0))]
  return link(ifindex, name, { kind: 'vxlan', data, gone, ...(master === undefined ? {} : { master }) })
}

// linux/if_bridge.h BRIDGE_VLAN_INFO_*
export const PVID = 2
export const UNTAGGED = 4
export const RANGE_BEGIN = 8
export const RANGE_END = 16

/** IFLA_BRIDGE_VLAN_INFO */
export const vlanInfo = (vlan: number, flags = 0): Buffer => attr(2, u16(flags), u16(vlan))
/** IFLA_BRIDGE_VLAN_TUNNEL_INFO */
export const tunnelInfo = (vlan: number, vni: number, flags = 0): Buffer =>
  attr(0x8003, attr(1, u32(vni)), attr(2, u16(vlan)), attr(3, u16(flags)))

/** RTM_NEWLINK (`gone`: RTM_DELLINK) of the family AF_BRIDGE; no IFLA_AF_SPEC without VLANs, as the kernel does. */
export function portVlans(
  ifindex: number,
  infos: Buffer[],
  { gone = false, ...port }: { gone?: boolean; state?: number; learning?: boolean; locked?: boolean } = {},
): Buffer {
  const { state, learning = true, locked = false } = port
  const flags = [attr(8, u8(learning ? 1 : 0)), attr(39, u8(locked ? 1 : 0))]
  const info = state === undefined ? [] : [attr(0x800c, attr(1, u8(state)), ...flags)]
  const spec = infos.length === 0 ? [] : [attr(26, ...infos)]
  const body = [ifinfomsg(ifindex, { family: 7 }), attr(3, text('port')), attr(10, u32(1)), ...info, ...spec]
  return message(gone ? DELLINK : NEWLINK, body)
}

/** RTM_NEWVLAN (`gone`: RTM_DELVLAN) with one entry. */
export function vlanChange(
  ifindex: number,
  {
    first,
    last,
    flags = 0,
    vni,
    gone = false,
    state = 3,
  }: { first: number; last?: number; flags?: number; vni?: number; gone?: boolean; state?: number },
): Buffer {
  const entry = attr(
    0x8001,
    attr(1, u16(flags), u16(first)),
    ...(last === undefined ? [] : [attr(2, u16(last))]),
    attr(3, u8(state)),
    ...(vni === undefined ? [] : [attr(0x8004, attr(1, u32(vni)))]),
  )
  return message(gone ? DELVLAN : NEWVLAN, [u8(7), Buffer.alloc(3), u32(ifindex), entry])
}

/** RTM_NEWADDR (`gone`: RTM_DELADDR); `ip` as hex, `peer` likewise. */
export function address(
  ifindex: number,
  { ip, peer, prefixLength = 24, flags = 0, gone = false }: AddressOptions,
): Buffer {
  const local = hex(ip)
  const family = local.length === 4 ? 2 : 10
  const body = [u8(family), u8(prefixLength), u8(flags), u8(0), u32(ifindex)]
  const attributes = peer === undefined ? [attr(1, local)] : [attr(1, hex(peer)), attr(2, local)]
  return message(gone ? DELADDR : NEWADDR, [...body, ...attributes])
}

type AddressOptions = { ip: string; peer?: string; prefixLength?: number; flags?: number; gone?: boolean }
