// What a service manager such as systemd gives a process, and what it is told (sd_notify(3), sd_listen_fds(3)).
import { errnoName } from '../base/exit.js'
import { closeOnExec, sendWithDescriptors } from './descriptors.js'
import * as libc from './libc.js'
import { SystemError } from './libc.js'

const FIRST_DESCRIPTOR = 3

/** A descriptor that the service manager has kept, with the name that it was stored under. */
export type KeptDescriptor = { readonly name: string; readonly fd: number }

export type ServiceEnvironment = {
  /** Whether systemd has started the process as a unit. */
  isUnit: boolean
  /** Undefined if there is no manager to tell. */
  manager: ServiceManager | undefined
  kept: readonly KeptDescriptor[]
  /** The process counts as hung after so long without WATCHDOG=1; undefined if the manager does not watch it. */
  watchdogMs: number | undefined
}

/** Takes what is meant for this process out of `env`, so that no child process believes it is meant. */
export function takeServiceEnvironment(env: NodeJS.ProcessEnv, pid: number): ServiceEnvironment {
  const taken = take(env, 'NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID', 'FDSTORE', 'SYSTEMD_EXEC_PID')
  const listen = take(env, 'LISTEN_FDS', 'LISTEN_FDNAMES', 'LISTEN_PID', 'LISTEN_PIDFDID')
  const isMeant = (meant: string | undefined): boolean => meant === undefined || Number(meant) === pid
  const usec = isMeant(taken.WATCHDOG_PID) ? Number(taken.WATCHDOG_USEC ?? 0) : 0
  return {
    isUnit: Number(taken.SYSTEMD_EXEC_PID) === pid,
    manager: ServiceManager.at(taken.NOTIFY_SOCKET),
    kept: listen.LISTEN_PID !== undefined && isMeant(listen.LISTEN_PID) ? keptDescriptors(listen) : [],
    watchdogMs: usec > 0 ? usec / 1000 : undefined,
  }
}

export class ServiceManager {
  private constructor(
    private readonly address: Buffer,
    private readonly socket: number,
  ) {}

  /** Undefined without a path, and for a kind of address that is not supported. Throws SystemError. */
  static at(path: string | undefined): ServiceManager | undefined {
    if (path === undefined || !/^[/@]/.test(path)) return undefined
    const socket = libc.socket(libc.AF_UNIX, libc.SOCK_DGRAM | libc.CLOEXEC | libc.NONBLOCK, 0)
    if (socket < 0) throw new SystemError('socket', libc.errno())
    return new ServiceManager(unixAddress(path), socket)
  }

  /** Sends assignments such as `READY=1`; false if they cannot be taken now. Never waits. Throws SystemError. */
  notify(assignments: readonly string[], descriptors: readonly number[] = []): boolean {
    try {
      const bytes = Buffer.from(assignments.join('\n'))
      return sendWithDescriptors(this.socket, bytes, descriptors, this.address) !== undefined
    } catch (error) {
      // too many descriptors are on their way to it
      if (errnoName(error) === 'ETOOMANYREFS') return false
      throw error
    }
  }
}

/** A sockaddr_un; `@` stands for the abstract namespace. */
export function unixAddress(path: string): Buffer {
  const isAbstract = path.startsWith('@')
  const name = Buffer.from(isAbstract ? `\0${path.slice(1)}` : `${path}\0`)
  return Buffer.concat([Buffer.from(Uint16Array.of(libc.AF_UNIX).buffer), name])
}

function keptDescriptors({ LISTEN_FDS, LISTEN_FDNAMES }: Partial<Record<string, string>>): readonly KeptDescriptor[] {
  const names = LISTEN_FDNAMES?.split(':') ?? []
  const count = Number(LISTEN_FDS ?? 0)
  return Array.from({ length: Number.isSafeInteger(count) ? count : 0 }, (_, index) => ({
    name: names[index] ?? '',
    fd: FIRST_DESCRIPTOR + index,
  })).filter(({ fd }) => closeOnExec(fd))
}

function take<Name extends string>(env: NodeJS.ProcessEnv, ...names: readonly Name[]): Partial<Record<Name, string>> {
  const taken: Partial<Record<Name, string>> = {}
  for (const name of names) {
    const value = env[name]
    if (value !== undefined) taken[name] = value
    Reflect.deleteProperty(env, name)
  }
  return taken
}
