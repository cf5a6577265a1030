// Paths of Unix sockets: checks that they are usable, and replaces those left over by a process that died.
import { chownSync, lstatSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { connect, type Server } from 'node:net'
import { dirname } from 'node:path'
import { errnoName, ExitCode, FatalError, reason } from '../base/exit.js'

/** sizeof(sockaddr_un.sun_path) minus the terminating NUL (unix(7)) and the suffix of the temporary name at binding. */
const MAX_PATH_BYTES = 107 - '.1234567'.length

/** Returns the path, or throws a FatalError that says what is wrong with it. `what` names the option or key. */
export function checkSocketPath(path: string, what: string): string {
  const bytes = Buffer.byteLength(path)
  if (!path.startsWith('/')) throw new FatalError(ExitCode.usage, `${what}: ${path || '""'} is not an absolute path`)
  if (path.includes('\0')) throw new FatalError(ExitCode.usage, `${what}: a path cannot contain a NUL byte`)
  if (bytes > MAX_PATH_BYTES) {
    throw new FatalError(
      ExitCode.usage,
      `${what}: a socket path has at most ${MAX_PATH_BYTES} bytes, this one has ${bytes}: ${path}`,
    )
  }
  return path
}

/** Numeric ids of a file's owner. */
export type Owner = { uid: number; gid: number }

/**
 * Makes `server` listen at `path` with exactly `mode`. Creates the directory if necessary, and replaces a socket that
 * no process listens on any more. The path appears only when a connection to it succeeds, and disappears with the
 * server. Throws FatalError (socketBusy, privilege, usage).
 */
export async function listenAt(server: Server, path: string, mode: number, owner?: Owner): Promise<void> {
  const temporary = `${path}.${process.pid}`
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
    await removeStale(path)
    await bind(server, temporary, mode)
    if (owner !== undefined) chownSync(temporary, owner.uid, owner.gid)
    renameSync(temporary, path)
    const remove = (): void => {
      rmSync(path, { force: true })
    }
    // removes the socket at an unexpected end, too
    process.once('exit', remove)
    server.once('close', () => {
      process.off('exit', remove)
      remove()
    })
  } catch (error) {
    if (server.listening) server.close()
    throw error instanceof FatalError ? error : explain(error, path)
  }
}

function explain(error: unknown, path: string): FatalError {
  const code = errnoName(error)
  const options = { cause: error }
  if (code === 'EADDRINUSE') return busy(path)
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    const user = process.geteuid?.() ?? -1
    return new FatalError(ExitCode.privilege, `${path}: user ${user} may not create a socket there (${code})`, options)
  }
  return new FatalError(ExitCode.usage, `${path}: cannot listen: ${reason(error)}`, options)
}

const busy = (path: string): FatalError =>
  new FatalError(ExitCode.socketBusy, `${path}: another process is listening on it; stop it or choose another path`)

async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return
  if (!found.isSocket()) throw new FatalError(ExitCode.usage, `${path}: exists and is not a socket; it is left alone`)
  if (await someoneListens(path)) throw busy(path)
  rmSync(path, { force: true })
}

function someoneListens(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = connect(path)
    probe.on('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.on('error', (error) => {
      const code = errnoName(error)
      if (code === 'ECONNREFUSED' || code === 'ENOENT') resolve(false)
      // the queue of connections is full, so a process listens, however busy it is
      else if (code === 'EAGAIN') resolve(true)
      else reject(error)
    })
  })
}

function bind(server: Server, path: string, mode: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.once('listening', () => {
      server.off('error', reject)
      resolve()
    })
    // listen() binds before it returns: with the umask, the socket never has a wider mode
    const before = process.umask(0o777 & ~mode)
    server.listen(path)
    process.umask(before)
  })
}
