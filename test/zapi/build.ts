// Builds ZAPI frames byte by byte, without the code under test.

/** Command numbers from lib/zclient.h: those of 8.4, and those of 10.2 and later. */
export const NUMBERS = {
  '8.4': {
    HELLO: 18,
    CAPABILITIES: 19,
    VNI_ADD: 67,
    VNI_DEL: 68,
    MACIP_ADD: 73,
    MACIP_DEL: 74,
    REMOTE_MACIP_ADD: 77,
    REMOTE_MACIP_DEL: 78,
    ROUTE_ADD: 8,
  },
  '10.3': {
    HELLO: 19,
    CAPABILITIES: 20,
    VNI_ADD: 66,
    VNI_DEL: 67,
    MACIP_ADD: 72,
    MACIP_DEL: 73,
    REMOTE_MACIP_ADD: 76,
    REMOTE_MACIP_DEL: 77,
    ROUTE_ADD: 9,
  },
} as const
export type Numbers = (typeof NUMBERS)[keyof typeof NUMBERS]

export const hex = (...parts: string[]): Buffer => Buffer.from(parts.join('').replaceAll(/[\s:.]/g, ''), 'hex')

/** A frame with header vrf 0 and any payload. */
export function frame(command: number, payload: Buffer): Buffer {
  const header = Buffer.from([0, 0, 0xfe, 6, 0, 0, 0, 0, 0, command])
  header.writeUInt16BE(10 + payload.length)
  return Buffer.concat([header, payload])
}

export const u16 = (value: number): string => value.toString(16).padStart(4, '0')
export const u32 = (value: number): string => value.toString(16).padStart(8, '0')
const NO_ESI = '00'.repeat(10)

/** An IP in hex without separators, or '' for a MAC alone. */
export function macIpAdd(n: Numbers, mac: string, ip: string, seq = 0, flags = 0, vni = 100): Buffer {
  const flagsHex = flags.toString(16).padStart(2, '0')
  return frame(n.MACIP_ADD, hex(u32(vni), mac, u32(ip.length / 2), ip, flagsHex, u32(seq), NO_ESI))
}

export function macIpDel(n: Numbers, mac: string, ip: string, state = 1, vni = 100): Buffer {
  return frame(n.MACIP_DEL, hex(u32(vni), mac, u32(ip.length / 2), ip, u32(state)))
}

export function remoteMacIpAdd(n: Numbers, mac: string, ip: string, seq = 0, vtep = 'c0000202', vni = 100): Buffer {
  return frame(n.REMOTE_MACIP_ADD, hex(u32(vni), mac, u16(ip.length / 2), ip, vtep, '00', u32(seq), NO_ESI))
}

/** The same of another node of an Ethernet segment (ZEBRA_MACIP_TYPE_SYNC_PATH). */
export const syncedMacIpAdd = (n: Numbers, mac: string, ip: string): Buffer =>
  frame(n.REMOTE_MACIP_ADD, hex(u32(100), mac, u16(ip.length / 2), ip, 'c0000202', '40', u32(0), NO_ESI))

export function remoteMacIpDel(n: Numbers, mac: string, ip: string, vtep = 'c0000202', vni = 100): Buffer {
  return frame(n.REMOTE_MACIP_DEL, hex(u32(vni), mac, u16(ip.length / 2), ip, vtep))
}

/** Local VTEP 192.0.2.1, tenant vrf 0, SVI ifindex 5. */
export const vniAdd = (n: Numbers, vni = 100): Buffer =>
  frame(n.VNI_ADD, hex(u32(vni), 'c0000201', '00000000', '00000000', '05000000'))
export const vniDel = (n: Numbers, vni = 100): Buffer => frame(n.VNI_DEL, hex(u32(vni)))

/** The first messages of bgpd's main session and of zebra. */
export const OPENINGS = {
  '8.4': { hello: frame(18, hex('09', '0000', '00000000', '00', '00')), capabilities: frame(19, Buffer.alloc(10)) },
  '10.3': { hello: frame(19, hex('0a', '0000', '00000000', '00')), capabilities: frame(20, Buffer.alloc(12)) },
} as const
