import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Holder } from './holder.js'
import { Monitor } from './monitor.js'
import type { Namespaces } from './namespaces.js'
import { PacketSocket } from './packet-socket.js'
import { Daemon, exec, interact } from './process.js'

/** One network namespace of a lab: a router's or a VM's. */
export class Space {
  readonly namespaces: Namespaces
  /** Directory of this space's logs. */
  protected readonly logs: string
  private readonly daemons = new Map<string, Daemon>()

  constructor(
    readonly name: string,
    protected readonly holder: Holder,
    /** The node whose root file system `inRoot` uses. */
    private readonly node: string,
  ) {
    const proc = `/proc/${holder.state.holder}`
    this.namespaces = { net: `${proc}/root${holder.directory}/netns/${name}`, pid: `${proc}/ns/pid` }
    this.logs = join(holder.directory, name, 'log')
    mkdirSync(this.logs, { recursive: true })
  }

  /**
   * Makes the network namespace, with `lo` up. Whatever it will hold keeps silent: no link-local addresses, and no
   * multicast listener reports but the one at the start, which the kernel repeats at random within the interval.
   */
  async create(): Promise<void> {
    const { directory, state } = this.holder
    const home = { net: `/proc/${state.holder}/ns/net`, pid: this.namespaces.pid }
    const file = join(directory, 'netns', this.name)
    const set = (name: string, value: number): string => `echo ${value} >/proc/sys/net/ipv6/conf/default/${name}`
    const silent = [set('addr_gen_mode', 1), set('mldv2_unsolicited_report_interval', 2 ** 30)]
    const first = [...silent, 'ip link set lo up'].join(' && ')
    const script = `touch ${file} && unshare --net=${file} sh -c '${first}'`
    await exec(home, ['nsenter', `--mount=/proc/${state.holder}/ns/mnt`, 'sh', '-c', script])
  }

  /** Runs a command of the host here and resolves to its standard output. */
  exec(argv: readonly string[], input = ''): Promise<string> {
    return exec(this.namespaces, argv, input)
  }

  /** A command in the node's root file system: the FRR release's own binaries, every path FRR's default. */
  inRoot(argv: readonly string[]): string[] {
    const { directory, state } = this.holder
    return ['nsenter', `--mount=/proc/${state.holder}/ns/mnt`, 'chroot', join(directory, this.node, 'root'), ...argv]
  }

  /** Runs lines of `ip -batch`. */
  async ip(...lines: string[]): Promise<void> {
    await this.exec(['ip', '-batch', '-'], `${lines.join('\n')}\n`)
  }

  /** Starts a long-running command of the host here; it ends with the lab at the latest. */
  async spawn(name: string, argv: readonly string[], descriptors: readonly number[] = []): Promise<Daemon> {
    const daemon = await Daemon.start(this.namespaces, name, argv, join(this.logs, `${name}.log`), descriptors)
    this.daemons.set(name, daemon)
    return daemon
  }

  /** Whether the daemon last started under this name runs. */
  isRunning(name: string): boolean {
    return this.daemons.get(name)?.running ?? false
  }

  /** The daemon last started under this name. */
  daemon(name: string): Daemon {
    const daemon = this.daemons.get(name)
    if (daemon === undefined) throw new Error(`no ${name} was started in ${this.name}`)
    return daemon
  }

  /** Collects every frame on a device from now on. */
  capture(device: string): PacketSocket {
    return PacketSocket.open(this.namespaces, device, { receive: true })
  }

  /** Collects the lines of `ip -ts monitor OBJECT`; resolves when the kernel reports to it. */
  monitor(object: 'neigh' | 'link' | 'route' | 'address'): Promise<Monitor> {
    return Monitor.start(this.namespaces, object)
  }

  /** Runs a command on this process's terminal. */
  interact(argv: readonly string[]): Promise<number> {
    return interact(this.namespaces, argv)
  }

  /** The last lines each daemon here wrote. */
  logTails(): string {
    return [...this.daemons.values()].map((daemon) => `${this.name} ${daemon.logTail()}`).join('\n')
  }
}
