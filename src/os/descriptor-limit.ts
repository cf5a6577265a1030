// Whether another process may open descriptors.
import { readFileSync, readdirSync } from 'node:fs'

/** `open` of the numbers below `limit`, the soft limit, are taken. */
export type DescriptorUse = { readonly open: number; readonly limit: number }

/** Undefined if the process has no limit, has ended, or is another user's. */
export function descriptorUse(pid: number): DescriptorUse | undefined {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8')) ?? []
    if (soft === undefined) return undefined
    const limit = Number(soft)
    const open = readdirSync(`/proc/${pid}/fd`).filter((fd) => Number(fd) < limit).length
    return { open, limit }
  } catch {
    return undefined
  }
}

/** How many more a process may open; undefined if it has no limit, has ended, or is another user's. */
export function descriptorsLeft(pid: number): number | undefined {
  const use = descriptorUse(pid)
  return use === undefined ? undefined : Math.max(0, use.limit - use.open)
}
