// Which Unix sockets accept connections, also those whose name in the file system is gone.
import { readFileSync } from 'node:fs'

/** proc_pid_net(5), "Flags": __SO_ACCEPTCON. */
const ACCEPTS_CONNECTIONS = '00010000'
/** Num RefCount Protocol Flags Type St Inode Path */
const LINE = /^\S+ \S+ \S+ (\S+) \S+ \S+ +\S+ (\/.*)$/

/**
 * Paths of the sockets that accept connections in the network namespace of a process. macipd binds to PATH.PID and renames
 * that, and the kernel tells the first name alone: of such a path, PATH is there, too. Throws if it cannot be read.
 */
export function listeningPaths(pid: number | 'self'): Set<string> {
  const paths = new Set<string>()
  for (const line of readFileSync(`/proc/${pid}/net/unix`, 'utf8').split('\n')) {
    const [, flags, path] = LINE.exec(line) ?? []
    if (flags === ACCEPTS_CONNECTIONS && path !== undefined) paths.add(path).add(path.replace(/\.\d+$/, ''))
  }
  return paths
}
