// What files of the kernel and of the file systems say of this machine.
import { accessSync, constants, existsSync, readFileSync, statfsSync } from 'node:fs'
import { release } from 'node:os'
import { gunzipSync } from 'node:zlib'
import { loadAddon } from '../../../snoop/bpf/native.js'
import { reason } from '../../../base/exit.js'
import type { NeighbourLimit, Observation, Room } from '../observation.js'
import type { Seen } from '../seen.js'
import { attempt } from './attempt.js'

export const observeKernel = (): Observation['kernel'] => ({
  release: release(),
  hasBtf: existsSync('/sys/kernel/btf/vmlinux'),
  config: kernelConfig(),
})

function kernelConfig(): Observation['kernel']['config'] {
  const compressed = '/proc/config.gz'
  const path = existsSync(compressed) ? compressed : `/boot/config-${release()}`
  return attempt(path, () => {
    const bytes = readFileSync(path)
    return parseKernelConfig((path === compressed ? gunzipSync(bytes) : bytes).toString())
  })
}

export const parseKernelConfig = (text: string): ReadonlyMap<string, string> =>
  new Map([...text.matchAll(/^(CONFIG_\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]))

/** Returns why the addon cannot be loaded; undefined if it can. */
export function addonError(): string | undefined {
  try {
    loadAddon()
    return undefined
  } catch (error) {
    return reason(error)
  }
}

const FAMILIES = [
  ['IPv4', 'ipv4'],
  ['IPv6', 'ipv6'],
] as const

const limitPath = (directory: string): string => `/proc/sys/net/${directory}/neigh/default/gc_thresh3`

/** The limits are shown in the machine's own network namespace only. */
export function observeNeighbourLimits(): Seen<NeighbourLimit[]> {
  if (!existsSync(limitPath('ipv4')))
    return { unknown: 'the limits of neighbours are those of the machine, and this is another network namespace' }
  return attempt('gc_thresh3', () =>
    FAMILIES.flatMap(([family, directory]) => {
      // IPv6 may be left out of the kernel
      if (!existsSync(limitPath(directory))) return []
      return [{ family, limit: Number(readFileSync(limitPath(directory), 'utf8')) }]
    }),
  )
}

/** Returns those of the bridges whose IPv6 is off. */
export const withoutIpv6 = (bridges: readonly string[]): Seen<string[]> =>
  attempt('/proc/sys/net/ipv6', () => {
    if (!existsSync('/proc/sys/net/ipv6')) return [...bridges]
    return bridges.filter((name) => readFileSync(`/proc/sys/net/ipv6/conf/${name}/disable_ipv6`, 'utf8').trim() !== '0')
  })

/** Room for files, where the directory is there and can be looked at. */
export const roomOf = (path: string, what: string): Room[] => {
  const room = attempt(path, () => {
    accessSync(path, constants.F_OK)
    const { bavail, bsize, files, ffree } = statfsSync(path)
    // some file systems do not count files
    return { path, what, freeBytes: bavail * bsize, isOutOfFiles: files > 0 && ffree === 0 }
  })
  return 'unknown' in room ? [] : [room.value]
}
