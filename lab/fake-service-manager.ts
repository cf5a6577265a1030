// What systemd does for a unit with Type=notify and a descriptor store, without systemd: it hears what the main process
// says, keeps the descriptors that it is given, and starts the next process with them. It reads only while it is not busy.
import { chmodSync, readlinkSync, rmSync } from 'node:fs'
import { closeDescriptor, receiveWithDescriptors } from '../src/os/descriptors.js'
import { FdPoll } from '../src/os/fd-poll.js'
import * as libc from '../src/os/libc.js'
import { SystemError } from '../src/os/libc.js'
import { unixAddress } from '../src/os/service-manager.js'
import { woken } from './wait.js'

const AF_UNIX = 1
const SOCK_DGRAM = 2

/** How a process of the unit is started: its command, and the descriptors that it has from number 3 on. */
export type UnitProcess = { argv: readonly string[]; descriptors: readonly number[] }

export class FakeServiceManager implements Disposable {
  /** Name → descriptor. */
  readonly kept = new Map<string, number>()
  /** Assignments such as READY=1, in the order in which they came. */
  readonly said: string[] = []
  private readonly buffer = Buffer.alloc(4096)
  private readonly poll: FdPoll
  private waiting: (() => void)[] = []

  private constructor(
    private readonly path: string,
    private readonly socket: number,
    private readonly watchdogMs: number | undefined,
    private readonly limit: number,
  ) {
    this.poll = new FdPoll(socket)
    this.busy = false
  }

  /** @param limit FileDescriptorStoreMax */
  static at(
    path: string,
    { watchdogMs, limit = 512 }: { watchdogMs?: number; limit?: number } = {},
  ): FakeServiceManager {
    const socket = libc.socket(AF_UNIX, SOCK_DGRAM | libc.CLOEXEC | libc.NONBLOCK, 0)
    const address = unixAddress(path)
    if (libc.bind(socket, address, address.length) < 0) throw new SystemError('bind', libc.errno())
    // the unit runs as another user
    chmodSync(path, 0o666)
    return new FakeServiceManager(path, socket, watchdogMs, limit)
  }

  set busy(isBusy: boolean) {
    this.poll.readable(isBusy ? undefined : this.receive)
  }

  /** The main process, with everything that is kept. */
  unit(command: readonly string[]): UnitProcess {
    this.said.length = 0
    const names = [...this.kept.keys()]
    const assignments = [
      `NOTIFY_SOCKET=${this.path}`,
      ...(this.watchdogMs === undefined ? [] : [`WATCHDOG_USEC=${this.watchdogMs * 1000}`, 'WATCHDOG_PID=$$']),
      ...(names.length === 0 ? [] : [`LISTEN_FDS=${names.length} LISTEN_PID=$$ LISTEN_FDNAMES=${names.join(':')}`]),
    ]
    const script = `${assignments.join(' ')} exec "$@"`
    return { argv: ['sh', '-c', script, 'unit', ...command], descriptors: [...this.kept.values()] }
  }

  /** Resolves when the present process has said so. */
  async hears(assignment: string): Promise<void> {
    await this.until(() => this.said.includes(assignment))
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await woken(this.waiting, () => 'the service manager was not told what the test waits for')
  }

  /** The unit has stopped, and nobody comes after it. */
  drop(name?: string): void {
    for (const [known, fd] of this.kept) {
      if (name !== undefined && known !== name) continue
      this.kept.delete(known)
      closeDescriptor(fd)
    }
  }

  [Symbol.dispose](): void {
    this.poll.close()
    closeDescriptor(this.socket)
    rmSync(this.path, { force: true })
    this.drop()
  }

  private readonly receive = (): void => {
    for (;;) {
      const received = receiveWithDescriptors(this.socket, this.buffer)
      if (received === undefined) break
      const assignments = this.buffer.toString('utf8', 0, received.size).split('\n')
      this.obey(assignments, received.descriptors)
    }
    for (const resolve of this.waiting.splice(0)) resolve()
  }

  private obey(assignments: readonly string[], descriptors: readonly number[]): void {
    const name = assignments.find((it) => it.startsWith('FDNAME='))?.slice('FDNAME='.length) ?? 'stored'
    if (assignments.includes('FDSTOREREMOVE=1')) this.drop(name)
    else if (assignments.includes('FDSTORE=1')) this.keep(name, descriptors)
    else this.said.push(...assignments)
  }

  private keep(name: string, descriptors: readonly number[]): void {
    // fdname_is_valid() in systemd
    if (!/^[ -9;-~]{1,255}$/.test(name)) throw new Error(`${name} is no name for a descriptor`)
    for (const fd of descriptors) {
      if (this.kept.has(name)) throw new Error(`${name} was stored as ${this.linkOf(name)} already`)
      if (this.kept.size < this.limit) this.kept.set(name, fd)
      else closeDescriptor(fd)
    }
  }

  private linkOf(name: string): string {
    return readlinkSync(`/proc/self/fd/${this.kept.get(name) ?? -1}`)
  }
}
