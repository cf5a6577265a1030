// Route types (the index), which are also the numbers of protocols: the order of lib/route_types.txt.
import { applyChanges } from './enum-changes.js'

/** FRR 8.4, 8.5, 9.0, 9.1. */
export const ROUTE_TYPES_UNTIL_9_1: readonly string[] = [
  'system',
  'kernel',
  'connect',
  'static',
  'rip',
  'ripng',
  'ospf',
  'ospf6',
  'isis',
  'bgp',
  'pim',
  'eigrp',
  'nhrp',
  'hsls',
  'olsr',
  'table',
  'ldp',
  'vnc',
  'vnc-direct',
  'vnc-direct-rh',
  'bgp-direct',
  'bgp-direct-ext',
  'babel',
  'sharp',
  'pbr',
  'bfd',
  'openfabric',
  'vrrp',
  'nhg',
  'srte',
  'all',
]

/** FRR 10.0 and later (lib/route_types.txt of frr-10.0). */
export const ROUTE_TYPES_FROM_10_0 = applyChanges(ROUTE_TYPES_UNTIL_9_1, [
  { change: 'insert', after: 'connect', names: ['local'] },
  { change: 'insert', after: 'srte', names: ['table-direct'] },
])
