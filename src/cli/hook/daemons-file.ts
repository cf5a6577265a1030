// /etc/frr/daemons: a shell script that FRR's scripts source, and that belongs to FRR's package and to the operator.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { errnoName, ExitCode, FatalError, reason } from '../../base/exit.js'

export const daemonsPath = (pathspace: string | undefined): string => join('/etc/frr', pathspace ?? '', 'daemons')

/** Throws FatalError: notFound, or privilege. */
export function readDaemons(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw failure(path, error)
  }
}

/**
 * Replaces the file at once: it has the old text or the new one at any time. Owner and mode stay, and a link to it. Throws
 * FatalError, and changes nothing, if bash does not understand the new text.
 */
export function writeDaemons(path: string, text: string): void {
  const target = realpathSync(path)
  const temporary = `${target}.macipd-${process.pid}`
  try {
    const { uid, gid, mode } = statSync(target)
    const fd = openSync(temporary, 'wx', 0o600)
    try {
      writeSync(fd, text)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    checkSyntax(temporary, path)
    chownSync(temporary, uid, gid)
    chmodSync(temporary, mode & 0o7777)
    renameSync(temporary, target)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error instanceof FatalError ? error : failure(path, error)
  }
}

function checkSyntax(file: string, path: string): void {
  try {
    execFileSync('bash', ['-n', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  } catch (error) {
    if (errnoName(error) === 'ENOENT') throw new FatalError(ExitCode.internal, 'bash is needed, as for FRR itself')
    const [first = reason(error)] = stderrOf(error).split('\n')
    throw new FatalError(
      ExitCode.usage,
      `${path} is not changed, because bash does not understand it: ${first.replaceAll(file, path)}`,
    )
  }
}

const stderrOf = (error: unknown): string =>
  error instanceof Error && 'stderr' in error && Buffer.isBuffer(error.stderr) ? error.stderr.toString() : ''

function failure(path: string, error: unknown): FatalError {
  const code = errnoName(error)
  if (code === 'ENOENT')
    return new FatalError(ExitCode.notFound, `${path} does not exist: is FRR installed? (--daemons names another file)`)
  if (code === 'EACCES' || code === 'EPERM')
    return new FatalError(ExitCode.privilege, `${path}: no permission; run as root`)
  return new FatalError(ExitCode.internal, `${path}: ${reason(error)}`, { cause: error })
}
