// FRR's daemons, as the kernel shows them.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export type Daemon = {
  pid: number
  /** Its command line, word by word. */
  words: readonly string[]
}

/** Returns a daemon that runs, from its pid file in FRR's run directory; undefined if it does not. */
export function daemonIn(frrRunDir: string, name: 'bgpd' | 'zebra' | 'watchfrr'): Daemon | undefined {
  const pid = Number(read(join(frrRunDir, `${name}.pid`))?.trim())
  if (!Number.isInteger(pid) || pid <= 0) return undefined
  // the file may be left over, and its number belong to another process by now
  if (read(`/proc/${pid}/comm`)?.trim() !== name) return undefined
  const words = read(`/proc/${pid}/cmdline`)?.split('\0') ?? []
  return { pid, words: words.slice(0, -1) }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** Returns what a daemon was given as zebra's socket (`-z`, `--socket`); undefined if nothing. */
export function zservOption(words: readonly string[]): string | undefined {
  for (const [index, word] of words.entries()) {
    if (word === '-z' || word === '--socket') return words[index + 1]
    if (word.startsWith('--socket=')) return word.slice('--socket='.length)
    if (word.startsWith('-z')) return word.slice('-z'.length)
  }
  return undefined
}

export const hasFpmModule = (words: readonly string[]): boolean => words.some((word) => word.includes('dplane_fpm_nl'))
