// A network namespace for each test: node:test runs each file in a process of its own, whose main thread moves on to
// the next; a namespace without processes and sockets ends by itself.
import { execFileSync } from 'node:child_process'
import { getSystemErrorName } from 'node:util'
import koffi from 'koffi'

const CLONE_NEWNET = 0x40000000

/** Moves this thread, and the commands it starts from now on, into a new network namespace. */
export function enterNewNetworkNamespace(): void {
  const unshare = koffi.load('libc.so.6').func('int unshare(int flags)') as unknown as (flags: number) => number
  if (unshare(CLONE_NEWNET) === 0) return
  const errno = getSystemErrorName(-koffi.errno())
  throw new Error(`unshare(CLONE_NEWNET): ${errno}: these tests make a network namespace, run them as root`)
}

/** Runs `ip` commands, one for each line, while the event loop stands still. */
export function ip(...commands: string[]): void {
  execFileSync('ip', ['-batch', '-'], { input: commands.join('\n'), stdio: ['pipe', 'ignore', 'inherit'] })
}
