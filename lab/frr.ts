// The FRR releases a lab can run and the configuration of its daemons.
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ExitCode, FatalError } from '../src/base/exit.js'

export const RELEASES = ['8.4', '10.3', '10.7'] as const
export type Release = (typeof RELEASES)[number]

/** zebra's `-M`. Debian's FRR has no protobuf. */
export const FPM_MODULES = ['dplane_fpm_nl', 'fpm', 'fpm:protobuf'] as const
export type FpmModule = (typeof FPM_MODULES)[number]

/** For what takes its time: an emulated machine. */
export const OLDEST_AND_NEWEST = ['8.4', '10.7'] as const satisfies readonly Release[]

/** The clone this code was compiled in. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

export const ASN = 65000
export const VNI = 100

/** Installs what a lab of this release needs, with its progress on standard error. */
export function makeReady(release: Release): void {
  const ready = join(ROOT, 'tools/ready.mjs')
  const { status } = spawnSync(process.execPath, [ready, 'lab', '--frr', release], { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? ExitCode.internal)
}

/** The extracted Debian packages of a release. */
export interface Tree {
  readonly path: string
  /** FRR's numeric user and group in the tree. */
  readonly frrId: number
}

/** Where `node tools/ready.mjs` puts what it extracts from Debian packages. */
export const labCache = (): string => process.env['MACIPD_LAB_CACHE'] ?? '/var/cache/macipd-lab'

export function findTree(release: Release): Tree {
  const path = join(labCache(), release)
  const owned = join(path, 'etc/frr')
  if (!existsSync(owned))
    throw new FatalError(
      ExitCode.internal,
      `FRR ${release} is not in ${path}: run node tools/ready.mjs lab --frr ${release}`,
    )
  return { path, frrId: statSync(owned).uid }
}

/** A tenant whose subnets are routed (symmetric IRB, RFC 9135): its VRF with its own VNI. */
export const TENANT = { vrf: 'red', table: 1001, vni: 4001 } as const

export function zebraConfig(hostname: string, tenant: boolean): string {
  const vrf = `vrf ${TENANT.vrf}
 vni ${TENANT.vni}
exit-vrf
`
  return `hostname ${hostname}
log stdout debugging
log timestamp precision 3
${tenant ? vrf : ''}`
}

/**
 * iBGP with one neighbour. Timers that something is waited for are as short as FRR allows; the hold time is not, as a busy
 * machine lets bgpd wait for seconds, and a session that ends for that takes every route with it.
 */
export function bgpdConfig(hostname: string, own: string, neighbor: string, tenant: boolean): string {
  const vrf = `router bgp ${ASN} vrf ${TENANT.vrf}
 bgp router-id ${own}
 no bgp default ipv4-unicast
`
  return `hostname ${hostname}
log stdout debugging
log timestamp precision 3
router bgp ${ASN}
 bgp router-id ${own}
 no bgp default ipv4-unicast
 timers bgp 3 60
 coalesce-time 0
 neighbor ${neighbor} remote-as ${ASN}
 neighbor ${neighbor} timers connect 1
 neighbor ${neighbor} advertisement-interval 0
 address-family l2vpn evpn
  neighbor ${neighbor} activate
  advertise-all-vni
 exit-address-family
 address-family ipv4 unicast
  neighbor ${neighbor} activate
  redistribute kernel
 exit-address-family
${tenant ? vrf : ''}`
}
