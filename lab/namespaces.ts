// Entering namespaces from this process: whatever is made in between (a child process, a socket) stays in them.
import { closeSync, openSync } from 'node:fs'
import koffi from 'koffi'

const CLONE_NEWNET = 0x40000000
const CLONE_NEWPID = 0x20000000

const setns = koffi.load('libc.so.6').func('int setns(int fd, int nstype)') as (fd: number, nstype: number) => number

export interface Namespaces {
  /** Path of a network namespace (`/proc/…/ns/net` or a bind mount of one). */
  readonly net: string
  /** Path of a PID namespace; only children started inside are affected. */
  readonly pid: string
}

function enter(fd: number, nstype: number, what: string): void {
  if (setns(fd, nstype) !== 0) throw new Error(`setns(${what}) failed with errno ${koffi.errno()}: this needs root`)
}

/** Runs `work` synchronously with the calling thread in `target`. Main thread only; `work` must not await. */
export function inNamespaces<T>(target: Namespaces, work: () => T): T {
  const fds: number[] = []
  const open = (path: string) => {
    const fd = openSync(path, 'r')
    fds.push(fd)
    return fd
  }
  try {
    const home = { net: open('/proc/thread-self/ns/net'), pid: open('/proc/thread-self/ns/pid') }
    const there = { net: open(target.net), pid: open(target.pid) }
    enter(there.pid, CLONE_NEWPID, target.pid)
    try {
      enter(there.net, CLONE_NEWNET, target.net)
      try {
        return work()
      } finally {
        enter(home.net, CLONE_NEWNET, 'own network namespace')
      }
    } finally {
      enter(home.pid, CLONE_NEWPID, 'own PID namespace')
    }
  } finally {
    fds.forEach(closeSync)
  }
}
