// Whether a process may open descriptors.
import { readFileSync, readdirSync } from 'node:fs'
import { errnoName } from '../base/exit.js'

/** `open` of the numbers below `limit`, the soft limit, are taken. */
export type DescriptorUse = { readonly open: number; readonly limit: number }

/** Undefined if the process has no limit, has ended, or is another user's. */
export function descriptorUse(pid: number): DescriptorUse | undefined {
  try {
    return read(pid)
  } catch {
    return undefined
  }
}

/** How many more this process may open; undefined if it has no limit. */
export function descriptorsLeft(): number | undefined {
  try {
    const use = read('self')
    return use === undefined ? undefined : Math.max(0, use.limit - use.open)
  } catch (error) {
    // there is none to look with
    return errnoName(error) === 'EMFILE' ? 0 : undefined
  }
}

function read(pid: number | 'self'): DescriptorUse | undefined {
  const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8')) ?? []
  if (soft === undefined) return undefined
  const limit = Number(soft)
  const open = readdirSync(`/proc/${pid}/fd`).filter((fd) => Number(fd) < limit).length
  return { open, limit }
}
