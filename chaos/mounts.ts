// A mount namespace of this command's own: what it mounts is gone with it, however it ends.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'

/** Empty in the namespace; what it holds elsewhere is only covered. */
export const PRIVATE_DIR = '/mnt'

const INSIDE = 'MACIPD_CHAOS_INSIDE'

/**
 * Runs this command again in a mount namespace of its own and resolves to its exit code; undefined in the one that was
 * run so, which goes on.
 */
export async function inOwnMounts(): Promise<number | undefined> {
  if (process.env[INSIDE] !== undefined) {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'macipd-chaos', PRIVATE_DIR])
    return undefined
  }
  const argv = ['--mount', '--propagation', 'private', process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', 'unshare', ...argv], {
    stdio: 'inherit',
    env: { ...process.env, [INSIDE]: '1' },
  })
  // Ctrl-C reaches both: who does the work decides when it ends
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal))
  await once(child, 'close')
  return child.exitCode ?? 128 + constants.signals[child.signalCode ?? 'SIGKILL']
}
