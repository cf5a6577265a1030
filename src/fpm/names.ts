// The numbers of linux/rtnetlink.h, and those that FRR adds, by the names that iproute2 shows.

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
  // staticd's routes, shown like RTPROT_STATIC
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

/** Name of an RTPROT_*; the number itself if it has none. */
export const protocolName = (protocol: number): string => PROTOCOLS[protocol] ?? String(protocol)

/** Name of an RTN_*; the number itself if it has none. */
export const routeTypeName = (type: number): string => TYPES[type] ?? String(type)
