// Payloads of every message with a layout, written down byte by byte for each release, without the code under test.
import { endianness } from 'node:os'
import type { Json } from '../../src/zapi/fields.js'
import type { CommandName } from '../../src/zapi/commands.js'
import { FRR_RELEASES, type FrrRelease } from '../../src/zapi/releases.js'
import type { Direction } from '../../src/zapi/messages/index.js'
import { u16, u32 } from './build.js'

/** An int in the order of this machine. */
const host32 = (value: number): string =>
  endianness() === 'BE' ? u32(value) : (u32(value).match(/../g)?.reverse().join('') ?? '')
const host16 = (value: number): string =>
  endianness() === 'BE' ? u16(value) : u16(((value & 255) << 8) | (value >> 8))
const text = (value: string, size: number): string =>
  Buffer.from(value)
    .toString('hex')
    .padEnd(size * 2, '0')

const index = (release: FrrRelease): number => FRR_RELEASES.indexOf(release)
/** Whether a release is this one or a later one. */
export const from = (release: FrrRelease, name: string): boolean =>
  index(release) >= FRR_RELEASES.findIndex((known) => known.name === name)
/** `part` in this release and later ones. */
const since = (release: FrrRelease, name: string, part: string): string => (from(release, name) ? part : '')

export type Vector = {
  command: CommandName
  direction: Direction
  /** Hex of the payload; pieces may have blanks and colons. */
  payload: (release: FrrRelease) => string[]
  /** Some of the fields. */
  fields: (release: FrrRelease) => { [name: string]: Json }
  /** First release that has the command. */
  first?: string
  /** The first release that no longer has it. */
  gone?: string
}
const up = (command: CommandName, payload: Vector['payload'], fields: Vector['fields'] = () => ({})): Vector => ({
  command,
  direction: 'to-zebra',
  payload,
  fields,
})
const down = (command: CommandName, payload: Vector['payload'], fields: Vector['fields'] = () => ({})): Vector => ({
  command,
  direction: 'to-bgpd',
  payload,
  fields,
})

const MAC = '02:aa:bb:cc:dd:ee'
const ESI = '03:44:38:39:ff:ff:01:00:00:01'
const VTEP = (release: FrrRelease) => [since(release, '10.6', '0002'), 'c0000202']
const V6 = '20010db8 00000000 00000000 00000002'
const bgp = (release: FrrRelease): string => (from(release, '10.0') ? '0a' : '09')
const CLIENT = (release: FrrRelease) => [bgp(release), '0001', '00000002']
const client = { proto: 'bgp', instance: 1, sessionId: 2 }

const LINK_PARAMS = (release: FrrRelease) => [
  since(release, '8.5', '01'),
  ...[u32(3), u32(10), '3f800000', '40000000', u32(2), '3f800000', '7fc00000', u32(5)],
  since(release, '9.0', `02${u32(6)}${u32(7)}`),
  ...[u32(65000), 'c0000201', u32(11), u32(12), u32(13), u32(14), '3f000000', '3f000000', '3f000000', '7f800000'],
  since(release, 'master', `01${u32(77)}`),
]
const INTERFACE = (release: FrrRelease) => [
  ...[text('br0', 16), u32(3), '01', '0000000000011043', '00', '02', u32(0), u32(10000)],
  since(release, '9.1', u32(1000)),
  ...[u32(1500), u32(1400), u32(9), u32(0)],
  since(release, '10.6', u32(3)),
  ...[u32(1), u32(6), MAC, '01'],
  ...LINK_PARAMS(release),
]
/** ifindex 4, labels 16 and 17, weight 300, two backups. */
const NEXTHOP = (release: FrrRelease) => [
  ...[u32(7), '01', '0e', u32(4), '02', since(release, '9.0', '03'), host32(16), host32(17)],
  ...[since(release, '10.1', u32(0)), u32(300), '02', '00', '01'],
]
const nexthop = { type: 'IFINDEX', flags: ['LABEL', 'WEIGHT', 'HAS_BACKUP'], ifindex: 4, labels: [16, 17], weight: 300 }
const NEIGH = (release: FrrRelease) => [
  '02',
  '0a020105',
  '02',
  'bc241100',
  since(release, '10.0', u32(6)),
  u32(3),
  u32(2),
]
const neigh = { ip: '10.2.1.5', link: '188.36.17.0', ifindex: 3, state: ['REACHABLE'] }

export const VECTORS: Vector[] = [
  // session
  up(
    'ZEBRA_HELLO',
    (release) => [...CLIENT(release), from(release, '10.0') ? '' : '01', '00'],
    (release) => ({ ...client, synchronous: false, ...(from(release, '10.0') ? {} : { receiveNotify: true }) }),
  ),
  down(
    'ZEBRA_CAPABILITIES',
    (release) => [
      ...[from(release, '10.6') ? '01' : u32(1), '01', u32(256), '00'],
      ...[since(release, '9.1', '01'), since(release, '10.2', '01')],
    ],
    (release) => ({ vrfBackend: 'netns', multipath: 256, ...(from(release, '10.2') ? { gracefulRestart: true } : {}) }),
  ),
  down(
    'ZEBRA_ERROR',
    () => [host32(2)],
    () => ({ error: 'INVALID_MSG_TYPE' }),
  ),
  up(
    'ZEBRA_CLIENT_CAPABILITIES',
    () => [u32(1), u32(120), u32(5)],
    () => ({ capability: 'GR_CAPABILITIES', staleRemovalTime: 120, vrfId: 5 }),
  ),
  up(
    'ZEBRA_CLIENT_CAPABILITIES',
    () => [u32(3), u32(2), u32(1), u32(5)],
    () => ({ capability: 'ROUTE_UPDATE_PENDING', afi: 'ip6', safi: 'unicast', vrfId: 5 }),
  ),
  up(
    'ZEBRA_CLIENT_CAPABILITIES',
    () => [u32(4), u32(5)],
    () => ({ capability: 'GR_DISABLE', vrfId: 5 }),
  ),
  down('ZEBRA_CLIENT_CLOSE_NOTIFY', CLIENT, () => client),
  // router id, VRFs, interfaces
  up(
    'ZEBRA_ROUTER_ID_ADD',
    () => [u16(1)],
    () => ({ afi: 'ip' }),
  ),
  down(
    'ZEBRA_ROUTER_ID_UPDATE',
    () => ['0a', V6, '80'],
    () => ({ prefix: '2001:db8::2/128' }),
  ),
  down(
    'ZEBRA_VRF_ADD',
    () => [host32(1001), text('', 36), text('tenant\x1b', 36)],
    () => ({ table: 1001, netns: '', name: 'tenant\\x1b' }),
  ),
  up(
    'ZEBRA_VRF_LABEL',
    () => ['ffffffff', '01', '03'],
    () => ({ label: 'none', afi: 'ip', labelType: 'bgp' }),
  ),
  { ...up('ZEBRA_VRF_UNREGISTER', () => []), gone: '10.2' },
  up('ZEBRA_INTERFACE_ADD', () => []),
  down('ZEBRA_INTERFACE_UP', INTERFACE, (release) => ({
    name: 'br0',
    status: ['ACTIVE'],
    flags: ['UP', 'BROADCAST', 'RUNNING', 'MULTICAST', 'LOWER_UP'],
    mtu: 1500,
    hwAddress: MAC,
    ...(from(release, '10.6') ? { zifType: 'bridge' } : {}),
  })),
  down(
    'ZEBRA_INTERFACE_LINK_PARAMS',
    (release) => [u32(3), ...LINK_PARAMS(release)],
    (release) => ({
      ifindex: 3,
      maxBw: 1,
      maxRsvBw: 2,
      unrsvBw: [1, 'NaN'],
      remoteIp: '192.0.2.1',
      usedBw: 'Infinity',
      ...(from(release, '9.0') ? { extendedAdminGroup: [6, 7] } : {}),
      ...(release.name === 'master' ? { srlgs: [77] } : {}),
    }),
  ),
  down(
    'ZEBRA_INTERFACE_ADDRESS_ADD',
    () => [u32(3), '03', '0a', V6, '40', V6],
    () => ({ ifindex: 3, flags: ['SECONDARY', 'PEER'], prefix: '2001:db8::2/64', destination: '2001:db8::2' }),
  ),
  down(
    'ZEBRA_INTERFACE_NBR_ADDRESS_ADD',
    () => [u32(3), '02', 'c0000202', '20'],
    () => ({ prefix: '192.0.2.2/32' }),
  ),
  up(
    'ZEBRA_INTERFACE_ENABLE_RADV',
    () => [u32(3), u32(10)],
    () => ({ ifindex: 3, interval: 10 }),
  ),
  // EVPN control
  up(
    'ZEBRA_ADVERTISE_ALL_VNI',
    () => ['01', '01'],
    () => ({ advertise: true, floodControl: 'disabled' }),
  ),
  up(
    'ZEBRA_ADVERTISE_DEFAULT_GW',
    () => ['01', u32(100)],
    () => ({ advertise: true, vni: 100 }),
  ),
  up(
    'ZEBRA_ADVERTISE_SVI_MACIP',
    () => ['00', u32(100)],
    () => ({ advertise: false, vni: 100 }),
  ),
  up(
    'ZEBRA_ADVERTISE_SUBNET',
    () => ['01', '010203'],
    () => ({ advertise: true, vni: 0x010203 }),
  ),
  up(
    'ZEBRA_DUPLICATE_ADDR_DETECTION',
    () => [u32(1), u32(180), u32(5), u32(0), u32(0)],
    () => ({ time: 180, maxMoves: 5 }),
  ),
  up(
    'ZEBRA_VXLAN_FLOOD_CONTROL',
    (release) => ['02', since(release, '10.5', u32(100))],
    (release) => ({
      floodControl: 'pim-sm',
      ...(from(release, '10.5') ? { vni: 100 } : {}),
    }),
  ),
  // VNIs
  down(
    'ZEBRA_VNI_ADD',
    (release) => [u32(100), ...VTEP(release), host32(5), 'ef000001', host32(9)],
    () => ({ vni: 100, vtep: '192.0.2.2', tenantVrf: 5, multicastGroup: '239.0.0.1', sviIfindex: 9 }),
  ),
  down(
    'ZEBRA_VNI_DEL',
    () => [u32(100)],
    () => ({ vni: 100 }),
  ),
  down(
    'ZEBRA_L3VNI_ADD',
    (release) => [u32(4000), MAC, ...VTEP(release), host32(1), u32(9), MAC, u32(1)],
    () => ({
      vni: 4000,
      sviRmac: MAC,
      vtep: '192.0.2.2',
      filter: ['PREFIX_ROUTES_ONLY'],
      sviIfindex: 9,
      isAnycastMac: 1,
    }),
  ),
  down(
    'ZEBRA_L3VNI_DEL',
    () => [u32(4000)],
    () => ({ vni: 4000 }),
  ),
  down(
    'ZEBRA_IP_PREFIX_ROUTE_ADD',
    () => ['02', 'aa', host16(24), 'bbbbbbbb', '0a010200', 'cc'.repeat(44)],
    () => ({ prefix: '10.1.2.0/24' }),
  ),
  down(
    'ZEBRA_IP_PREFIX_ROUTE_DEL',
    () => ['0a', '00', host16(64), '00000000', V6, '00'.repeat(32)],
    () => ({ prefix: '2001:db8::2/64' }),
  ),
  // MAC-IPs
  down(
    'ZEBRA_MACIP_ADD',
    () => [u32(100), MAC, u32(16), V6, '45', u32(7), ESI],
    () => ({ vni: 100, mac: MAC, ip: '2001:db8::2', flags: ['STICKY', 'ROUTER', 'SYNC_PATH'], seq: 7, esi: ESI }),
  ),
  down(
    'ZEBRA_MACIP_DEL',
    () => [u32(100), MAC, u32(0), u32(0)],
    () => ({ vni: 100, mac: MAC, state: 'INACTIVE' }),
  ),
  up(
    'ZEBRA_REMOTE_MACIP_ADD',
    (release) => [u32(100), MAC, u16(4), '0a020105', ...VTEP(release), '80', u32(1), '00'.repeat(10)],
    () => ({ vni: 100, mac: MAC, ip: '10.2.1.5', vtep: '192.0.2.2', flags: ['0x80'], seq: 1 }),
  ),
  up(
    'ZEBRA_REMOTE_MACIP_DEL',
    (release) => [u32(100), MAC, u16(0), ...VTEP(release)],
    () => ({ vtep: '192.0.2.2' }),
  ),
  // VTEPs
  up(
    'ZEBRA_REMOTE_VTEP_ADD',
    (release) => [u32(100), ...VTEP(release), u32(1), u32(200), ...VTEP(release), u32(0)],
    () => ({ vni: 100, more: [{ vni: 200, vtep: '192.0.2.2', floodControl: 'head-end-repl' }] }),
  ),
  // multihoming
  down(
    'ZEBRA_LOCAL_ES_ADD',
    (release) => [ESI, ...VTEP(release), '01', u16(50000), '00'],
    () => ({ esi: ESI, originator: '192.0.2.2', operUp: true, dfPreference: 50000, bypass: false }),
  ),
  down(
    'ZEBRA_LOCAL_ES_DEL',
    () => [ESI],
    () => ({ esi: ESI }),
  ),
  down(
    'ZEBRA_LOCAL_ES_EVI_ADD',
    () => [ESI, u32(100)],
    () => ({ esi: ESI, vni: 100 }),
  ),
  up(
    'ZEBRA_REMOTE_ES_VTEP_ADD',
    (release) => [ESI, ...VTEP(release), u32(1), '02', u16(9)],
    () => ({ vtep: '192.0.2.2', flags: ['ESR_RECEIVED'], dfAlgorithm: 2, dfPreference: 9 }),
  ),
  up(
    'ZEBRA_REMOTE_ES_VTEP_DEL',
    (release) => [ESI, ...VTEP(release)],
    () => ({ esi: ESI, vtep: '192.0.2.2' }),
  ),
  up(
    'ZEBRA_EVPN_REMOTE_NH_ADD',
    () => [u32(5), host32(2), 'c0000202', 'ee'.repeat(12), MAC],
    () => ({ vrfId: 5, ip: '192.0.2.2', rmac: MAC }),
  ),
  up(
    'ZEBRA_EVPN_REMOTE_NH_DEL',
    () => [u32(5), host32(10), V6],
    () => ({ vrfId: 5, ip: '2001:db8::2' }),
  ),
  // routes and nexthops
  up(
    'ZEBRA_ROUTE_ADD',
    (release) =>
      [bgp(release), '0000', u32(0x14), u32(0x7ff), '01', '0a', '21', '20010db880', '08', 'fc', u32(42)].concat(
        u16(1),
        u32(0),
        '06',
        '00',
        '01',
        u32(9),
        u16(1),
        u32(0),
        '06',
        '00',
        '03',
        u32(9),
        '14',
        u32(1),
        u32(2),
        u32(3),
        u32(4),
        u16(3),
        'abcdef',
      ),
    () => ({
      prefix: '2001:db8:8000::/33',
      sourcePrefix: 'fc00::/8',
      nhg: 42,
      nexthops: [{ vrfId: 0, type: 'BLACKHOLE', flags: [], blackhole: 'null', color: 9 }],
      backupNexthops: [{ vrfId: 0, type: 'BLACKHOLE', flags: [], blackhole: 'adminprohib', color: 9 }],
      distance: 20,
      table: 4,
      opaque: 'abcdef',
    }),
  ),
  down(
    'ZEBRA_REDISTRIBUTE_ROUTE_DEL',
    () => ['02', '0000', u32(0), u32(0), '01', '02', '00'],
    () => ({ type: 'connect', prefix: '0.0.0.0/0' }),
  ),
  down(
    'ZEBRA_ROUTE_NOTIFY_OWNER',
    (release) => [host32(3), '02', '18', '0a010200', since(release, '10.3', '00 00000000'), u32(254), '01', '01'],
    () => ({ note: 'REMOVED', prefix: '10.1.2.0/24', table: 254, afi: 'ip', safi: 'unicast' }),
  ),
  up(
    'ZEBRA_ROUTE_NOTIFY_REQUEST',
    () => ['01'],
    () => ({ set: true }),
  ),
  up(
    'ZEBRA_REDISTRIBUTE_ADD',
    (release) => ['02', from(release, '10.0') ? '04' : '03', u16(2)],
    () => ({ afi: 'ip6', type: 'static', instance: 2 }),
  ),
  up(
    'ZEBRA_REDISTRIBUTE_DEFAULT_ADD',
    () => ['01'],
    () => ({ afi: 'ip' }),
  ),
  up(
    'ZEBRA_NEXTHOP_REGISTER',
    () => ['01', '00', u16(1), u16(2), '20', 'c0000202', '00', '01', u16(1), u16(10), '80', V6],
    () => ({
      prefix: '192.0.2.2/32',
      more: [{ connected: false, resolveViaDefault: true, safi: 'unicast', prefix: '2001:db8::2/128' }],
    }),
  ),
  down(
    'ZEBRA_NEXTHOP_UPDATE',
    (release) => [
      ...[u32(0), u16(1), u16(2), '20', 'c0000202', u16(2), '18', 'c0000200', '02', u16(0), '05', u32(6)],
      ...[from(release, '10.3') ? u16(1) : '01', ...NEXTHOP(release)],
    ],
    (release) => ({
      prefix: '192.0.2.2/32',
      resolved: '192.0.2.0/24',
      type: 'connect',
      metric: 6,
      nexthops: [{ vrfId: 7, ...nexthop, ...(from(release, '9.0') ? { labelType: 'bgp' } : {}), backups: [0, 1] }],
    }),
  ),
  // nexthop groups
  up(
    'ZEBRA_NHG_ADD',
    (release) => [
      ...[u16(parseInt(bgp(release), 16)), u32(77), since(release, '8.5', `${u16(8)}${u32(9)}${u32(10)}`)],
      ...[u16(1), ...NEXTHOP(release), u16(0)],
    ],
    (release) => ({
      proto: 'bgp',
      id: 77,
      ...(from(release, '8.5') ? { resilience: { buckets: 8, idleTimer: 9, unbalancedTimer: 10 } } : {}),
    }),
  ),
  up(
    'ZEBRA_NHG_DEL',
    (release) => [u16(parseInt(bgp(release), 16)), u32(77), since(release, '8.5', '00'.repeat(10))],
    () => ({ id: 77 }),
  ),
  down(
    'ZEBRA_NHG_NOTIFY_OWNER',
    () => [host32(1), u32(77)],
    () => ({ note: 'INSTALLED', id: 77 }),
  ),
  // opaque
  up(
    'ZEBRA_OPAQUE_MESSAGE',
    (release) => [u32(4), u16(1), from(release, '9.1') ? CLIENT(release).join('') : '', ...CLIENT(release), 'cafe'],
    (release) => ({
      type: 4,
      flags: ['UNICAST'],
      destination: client,
      data: 'cafe',
      ...(from(release, '9.1') ? { source: client } : {}),
    }),
  ),
  up(
    'ZEBRA_OPAQUE_REGISTER',
    (release) => [u32(4), ...CLIENT(release)],
    () => ({ type: 4, ...client }),
  ),
  {
    ...down(
      'ZEBRA_OPAQUE_NOTIFY',
      (release) => ['00', '01', u32(4), ...CLIENT(release)],
      () => ({ register: true }),
    ),
    first: '9.1',
  },
  // neighbours
  up(
    'ZEBRA_NEIGH_DISCOVER',
    () => [u32(3), '02', '20', '0a020105'],
    () => ({ ifindex: 3, prefix: '10.2.1.5/32' }),
  ),
  { ...down('ZEBRA_NHRP_NEIGH_ADDED', NEIGH, () => neigh), gone: '10.0' },
  { ...down('ZEBRA_NEIGH_ADDED', NEIGH, () => neigh), first: '10.0' },
  {
    ...up(
      'ZEBRA_NEIGH_REGISTER',
      () => [u16(1)],
      () => ({ afi: 'ip' }),
    ),
    first: '10.0',
  },
  {
    ...up(
      'ZEBRA_NEIGH_GET',
      () => [u32(3), u16(2)],
      () => ({ ifindex: 3, afi: 'ip6' }),
    ),
    first: '10.0',
  },
  up(
    'ZEBRA_NEIGH_IP_ADD',
    (release) => ['0a', V6, '00', since(release, '10.0', u32(0)), u32(3), u32(128)],
    () => ({
      ip: '2001:db8::2',
      state: ['PERMANENT'],
    }),
  ),
  // label and table manager
  up(
    'ZEBRA_LABEL_MANAGER_CONNECT',
    (release) => [bgp(release), '0000'],
    () => ({ proto: 'bgp', instance: 0 }),
  ),
  down(
    'ZEBRA_LABEL_MANAGER_CONNECT',
    (release) => [bgp(release), '0000', '00'],
    () => ({ result: 0 }),
  ),
  up(
    'ZEBRA_GET_LABEL_CHUNK',
    (release) => [bgp(release), '0000', '01', u32(64), u32(80)],
    () => ({ keep: true, size: 64, base: 80 }),
  ),
  down(
    'ZEBRA_GET_LABEL_CHUNK',
    (release) => [bgp(release), '0000'],
    () => ({ proto: 'bgp' }),
  ),
  down(
    'ZEBRA_GET_LABEL_CHUNK',
    (release) => [bgp(release), '0000', '01', u32(80), u32(143)],
    () => ({
      chunk: { keep: true, start: 80, end: 143 },
    }),
  ),
  up(
    'ZEBRA_RELEASE_LABEL_CHUNK',
    (release) => [bgp(release), '0000', u32(80), u32(143)],
    () => ({ start: 80, end: 143 }),
  ),
  up(
    'ZEBRA_TABLE_MANAGER_CONNECT',
    (release) => [bgp(release), '0000'],
    () => ({ proto: 'bgp' }),
  ),
  down(
    'ZEBRA_TABLE_MANAGER_CONNECT',
    () => ['00'],
    () => ({ result: 0 }),
  ),
  up(
    'ZEBRA_GET_TABLE_CHUNK',
    () => [u32(5)],
    () => ({ size: 5 }),
  ),
  down(
    'ZEBRA_GET_TABLE_CHUNK',
    () => [u32(10000), u32(10004)],
    () => ({ start: 10000, end: 10004 }),
  ),
  up(
    'ZEBRA_BFD_CLIENT_REGISTER',
    () => [u32(53)],
    () => ({ pid: 53 }),
  ),
]
