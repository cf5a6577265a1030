// Two processes must never move the bytes of one connection: a worker that has outlived its keeper ends before the next one
// begins. The connection's own socket knows which process it is.
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { errnoName, reason } from '../base/exit.js'
import type { Logger } from '../base/log.js'
import { userOf } from '../os/descriptors.js'

const POLL_MS = 10
/** How long it may take to finish what it injects, and to end. */
const END_MS = 2000
/** SIGKILL takes longer than this only inside a system call that cannot be interrupted. */
const KILL_MS = 1000

/** Resolves when no other process moves bytes of these sockets. Never rejects. */
export async function endUsersOf(sockets: readonly number[], log: Logger): Promise<void> {
  const users = (): Set<number> => {
    const pids = sockets.map(userOf).filter((pid) => pid !== undefined && pid !== process.pid && isRunning(pid))
    return new Set(pids as number[])
  }
  for (const [signal, waitMs] of [
    ['SIGTERM', END_MS],
    ['SIGKILL', KILL_MS],
  ] as const) {
    const pids = users()
    if (pids.size === 0) return
    log.warn({ pids: [...pids], signal }, 'a worker without keeper still forwards; it is ended')
    for (const pid of pids) send(pid, signal, log)
    for (let waited = 0; waited < waitMs && users().size > 0; waited += POLL_MS) await sleep(POLL_MS)
  }
  const pids = [...users()]
  if (pids.length > 0) log.error({ pids }, 'another process still moves bytes of these connections')
}

function send(pid: number, signal: NodeJS.Signals, log: Logger): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (errnoName(error) !== 'ESRCH') log.error({ pid, error: reason(error) }, 'the worker cannot be ended')
  }
}

/** A process that has gone already is as good as killed. */
export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // it has gone meanwhile
  }
}

/** A process that waits to be reaped moves nothing any more. */
function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))
  } catch (error) {
    return errnoName(error) !== 'ENOENT'
  }
}
