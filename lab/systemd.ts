// A real systemd beside whatever runs this machine: an instance of the user manager, started as root. It keeps descriptors,
// watches, restarts and kills like the system's own, but does not change users.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exec } from './process.js'
import { waitFor } from './wait.js'

/** What `systemctl show` calls it. */
type Property = 'ActiveState' | 'MainPID' | 'NFileDescriptorStore' | 'Result' | 'StatusText'

/**
 * The first argument is its directory. systemd believes that it has been booted if /run/systemd/system exists, and must have
 * control groups of its own.
 */
const SCRIPT = `
umask 0
mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system
for groups in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
  [ -f $groups/cgroup.procs ] && mkdir $groups/macipd-$$ && echo $$ >$groups/macipd-$$/cgroup.procs
done
export HOME=$1 XDG_RUNTIME_DIR=$1/run XDG_CONFIG_HOME=$1/config
export SYSTEMD_LOG_TARGET=console SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1
exec /usr/lib/systemd/systemd --user
`

export class Systemd implements AsyncDisposable {
  private constructor(
    readonly directory: string,
    private readonly manager: ChildProcess,
  ) {}

  /** Resolves when units can be started. */
  static async start(): Promise<Systemd> {
    const directory = mkdtempSync(join(tmpdir(), 'macipd-systemd-'))
    // services run as other users
    chmodSync(directory, 0o755)
    mkdirSync(join(directory, 'run'))
    mkdirSync(join(directory, 'config/systemd/user'), { recursive: true })
    const target = '[Unit]\nDescription=nothing by itself\n'
    writeFileSync(join(directory, 'config/systemd/user/default.target'), target)
    const unshare = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', SCRIPT, 'sh', directory]
    const manager = spawn('setpriv', ['--pdeathsig', 'TERM', ...unshare], { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [manager.stdout, manager.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (said += text))
    const systemd = new Systemd(directory, manager)
    const isRunning = (): Promise<boolean> =>
      systemd.systemctl('is-system-running').then(
        () => true,
        () => false,
      )
    await waitFor('systemd to run', isRunning, (runs) => runs, { context: () => said })
    return systemd
  }

  path(name: string): string {
    return join(this.directory, name)
  }

  /** Makes a service; its standard error goes to the file NAME.log. */
  async addService(name: string, lines: readonly string[]): Promise<void> {
    const log = `StandardError=append:${this.path(`${name}.log`)}`
    const text = ['[Service]', log, ...lines, ''].join('\n')
    writeFileSync(this.path(`config/systemd/user/${name}.service`), text)
    await this.systemctl('daemon-reload')
  }

  systemctl(...args: readonly string[]): Promise<string> {
    const { pid } = this.manager
    const own = { net: '/proc/self/ns/net', pid: '/proc/self/ns/pid' }
    const runtime = `XDG_RUNTIME_DIR=${this.path('run')}`
    return exec(own, ['nsenter', `--mount=/proc/${pid ?? 0}/ns/mnt`, 'env', runtime, 'systemctl', '--user', ...args])
  }

  async show(service: string, property: Property): Promise<string> {
    return (await this.systemctl('show', `--property=${property}`, '--value', service)).trim()
  }

  /** Resolves when the service is ready and has another process than this one, with its number. */
  async restarted(service: string, before: number): Promise<number> {
    const [pid] = await waitFor(
      `${service} to be restarted`,
      async () => [await this.show(service, 'MainPID'), await this.show(service, 'ActiveState')] as const,
      ([pid, state]) => state === 'active' && Number(pid) !== before,
      { timeoutMs: 30_000, context: () => this.logOf(service) },
    )
    return Number(pid)
  }

  logOf(service: string): string {
    return readFileSync(this.path(`${service}.log`), 'utf8')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { manager, directory } = this
    if (manager.exitCode === null) {
      const exited = once(manager, 'exit')
      manager.kill('SIGTERM')
      await exited
    }
    rmSync(directory, { recursive: true, force: true })
    const groups = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified', '/sys/fs/cgroup/systemd']
    const own = groups.map((group) => `${group}/macipd-${manager.pid ?? 0}`)
    const remove = spawn('find', [...own, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', ';'], { stdio: 'ignore' })
    await once(remove, 'close')
  }
}
