// Paths of Unix sockets: checks that they are usable, replaces those left over by a process that died, and restores
// those that are removed.
import {
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
} from 'node:fs'
import { connect, type Server } from 'node:net'
import { dirname, resolve } from 'node:path'
import { errnoName, ExitCode, FatalError, reason } from '../base/exit.js'
import { descriptorOf } from './handle.js'

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

export type SocketOptions = {
  path: string
  /** Exactly this mode. */
  mode: number
  owner?: Owner | undefined
  /** A symbolic link at the path that leads there is replaced; any other is left alone. */
  replaceLinkTo?: string
  /** Makes a server that does not listen yet; called again when the path has to be restored. */
  createServer: () => Server
  /** A listening socket of a predecessor that was bound to this inode: what waits in its queue is accepted. */
  inherited?: BoundSocket | undefined
  /** The socket that listens now: at the begin, and when the path has been restored. */
  onBound?: (bound: BoundSocket) => void
  /** The path was lost, or cannot be restored for now; called once for each reason. */
  onTrouble: (what: string, error?: unknown) => void
}

/** A listening socket, and the inode of its path. */
export type BoundSocket = { readonly fd: number; readonly inode: number }

const CHECK_MS = 1000

/**
 * A server that listens at a path, and goes on to: if the path is removed or replaced, the socket is put there again.
 */
export class ListeningSocket {
  private inode = -1
  /** The file system that the inode is of. */
  private device = -1
  private server: Server | undefined
  private readonly timer: NodeJS.Timeout
  private checking = false
  private lastTrouble = ''
  private closed = false

  private constructor(private readonly options: SocketOptions) {
    this.timer = setInterval(() => {
      void this.check()
    }, CHECK_MS).unref()
    // removes the socket at an unexpected end, too
    process.once('exit', this.remove)
  }

  /**
   * Creates the directory if necessary, and replaces a socket that no process listens on any more. The path appears only
   * when a connection to it succeeds. Throws FatalError (socketBusy, privilege, usage).
   */
  static async open(options: SocketOptions): Promise<ListeningSocket> {
    const socket = new ListeningSocket(options)
    try {
      await socket.inherit()
      if (!socket.isReachable) await socket.listen()
      return socket
    } catch (error) {
      await socket.close()
      throw error instanceof FatalError ? error : explain(error, options.path)
    }
  }

  /** As `open`, but a path that cannot be used now is tried again until it can. */
  static async openLater(options: SocketOptions): Promise<ListeningSocket> {
    const socket = new ListeningSocket(options)
    await socket.inherit()
    await socket.check()
    return socket
  }

  /** The socket that listens now. */
  get bound(): BoundSocket | undefined {
    const fd = this.server && descriptorOf(this.server)
    return fd === undefined ? undefined : { fd, inode: this.inode }
  }

  /** Whether a connection to the path reaches this socket. */
  get isReachable(): boolean {
    const found = lstatSync(this.options.path, { throwIfNoEntry: false })
    return found !== undefined && found.ino === this.inode && found.dev === this.device
  }

  /**
   * Accepts no more connections and removes the path at once, unless a successor listens there. Resolves when all
   * connections have ended, which is the owner's to do.
   */
  async close({ leavePath = false } = {}): Promise<void> {
    this.closed = true
    clearInterval(this.timer)
    process.off('exit', this.remove)
    if (!leavePath) this.remove()
    const { server } = this
    if (server?.listening === true) await new Promise((settle) => server.close(settle))
  }

  private async inherit(): Promise<void> {
    const { inherited, createServer, onBound, path } = this.options
    if (inherited === undefined) return
    try {
      const server = createServer()
      await bind(server, inherited)
      this.server = server
      this.inode = inherited.inode
      const found = lstatSync(path, { throwIfNoEntry: false })
      if (found?.ino === inherited.inode) this.device = found.dev
      onBound?.(inherited)
    } catch (error) {
      this.trouble(`${path}: the predecessor's socket cannot be used; another one is made`, error)
    }
  }

  private async check(): Promise<void> {
    if (this.checking || this.closed) return
    this.checking = true
    try {
      if (this.isReachable) return
      if (this.inode !== -1) this.trouble(`${this.options.path} is gone; it is made anew`)
      await this.listen()
      this.lastTrouble = ''
    } catch (error) {
      this.trouble(`${this.options.path} cannot be listened at`, error)
    } finally {
      this.checking = false
    }
  }

  private trouble(what: string, error?: unknown): void {
    const text = `${what} ${reason(error)}`
    if (text === this.lastTrouble) return
    this.lastTrouble = text
    this.options.onTrouble(what, error)
  }

  private async listen(): Promise<void> {
    const { path, mode, createServer } = this.options
    const temporary = `${path}.${process.pid}`
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
    await this.makeRoom()
    rmSync(temporary, { force: true })
    const server = createServer()
    // with the umask, the socket never has a wider mode
    const umask = process.umask(0o777 & ~mode)
    const bound = bind(server, { path: temporary })
    process.umask(umask)
    await bound
    const before = this.server
    try {
      const { ino, dev } = this.publish(temporary)
      this.inode = ino
      this.device = dev
      this.server = server
    } catch (error) {
      // it is tried again every second
      server.close()
      rmSync(temporary, { force: true })
      throw error
    }
    const { bound: now } = this
    if (now !== undefined) this.options.onBound?.(now)
    before?.close()
  }

  /** Moves the socket to its path; returns what is there from now on. */
  private publish(temporary: string): Stats {
    const { path, owner } = this.options
    // the directory may be another user's, who could have put a link there: it is not followed
    if (owner !== undefined) lchownSync(temporary, owner.uid, owner.gid)
    const stats = lstatSync(temporary)
    renameSync(temporary, path)
    return stats
  }

  /** Removes what may be replaced; throws a FatalError if the path is another's. */
  private async makeRoom(): Promise<void> {
    const { path, replaceLinkTo } = this.options
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (found === undefined) return
    // rename(2) replaces it without a moment in which there is none
    if (found.isSymbolicLink() && replaceLinkTo !== undefined && leadsTo(path, replaceLinkTo)) return
    if (!found.isSocket()) throw new FatalError(ExitCode.usage, `${path}: exists and is not a socket; it is left alone`)
    if (await hasListener(path)) throw busy(path)
  }

  private readonly remove = (): void => {
    try {
      if (this.isReachable) rmSync(this.options.path, { force: true })
    } catch {
      // a socket without a listener is harmless, and the next process replaces it
    }
  }
}

const leadsTo = (link: string, target: string): boolean =>
  resolve(dirname(link), readlinkSync(link)) === resolve(target) ||
  (existsSync(link) && existsSync(target) && realpathSync(link) === realpathSync(target))

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

function hasListener(path: string): Promise<boolean> {
  return new Promise((settle, reject) => {
    const probe = connect(path)
    probe.on('connect', () => {
      probe.destroy()
      settle(true)
    })
    probe.on('error', (error) => {
      const code = errnoName(error)
      if (code === 'ECONNREFUSED' || code === 'ENOENT') settle(false)
      // the queue of connections is full, so a process listens, however busy it is
      else if (code === 'EAGAIN') settle(true)
      else reject(error)
    })
  })
}

function bind(server: Server, where: { path: string } | { fd: number }): Promise<void> {
  return new Promise((settle, reject) => {
    server.once('error', reject)
    server.once('listening', () => {
      server.off('error', reject)
      settle()
    })
    // it binds before it returns
    server.listen(where)
  })
}
