// Numbers of linux/rtnetlink.h, and those FRR adds, by the names iproute2 shows.

const PROTOCOLS: Readonly<Record<number, string>> = {
  0: 'unspec',
  1: 'redirect',
  2: 'kernel',
  3: 'boot',
  4: 'static',
  9: 'ra',
  11: 'zebra',
  16: 'dhcp',
  42: 'babel',
  99: 'openr',
  186: 'bgp',
  187: 'isis',
  188: 'ospf',
  189: 'rip',
  190: 'ripng',
  191: 'nhrp',
  192: 'eigrp',
  193: 'ldp',
  194: 'sharp',
  195: 'pbr',
  // as RTPROT_STATIC, from staticd
  196: 'static',
  197: 'openfabric',
  198: 'srte',
}

const TYPES = [
  'unspec',
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
  'nat',
  'xresolve',
] as const

/** RTPROT_*; the number itself where it has no name. */
export const protocolName = (protocol: number): string => PROTOCOLS[protocol] ?? String(protocol)

/** RTN_*; the number itself where it has no name. */
export const routeTypeName = (type: number): string => TYPES[type] ?? String(type)
