// A whole Debian system, booted with its own systemd in a container: packages are installed and removed there as an operator
// does, FRR runs as its package starts it. A second FRR, in a path space and network namespace of its own, is its BGP peer.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { labCache } from './frr.js'
import { exec } from './process.js'
import { waitFor } from './wait.js'

export const DEBIAN_RELEASES = ['12', '13'] as const
export type DebianRelease = (typeof DEBIAN_RELEASES)[number]

/** The system as it is before its first boot: a directory that is not written to. */
export const debianTree = (release: DebianRelease): string => join(labCache(), `debian-${release}`)

const HOST = { net: '/proc/self/ns/net', pid: '/proc/self/ns/pid' }

/** Where processes are put together: both hierarchies of systemd's old layout, or the only one of the new. */
const CGROUPS = ['/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified', '/sys/fs/cgroup']

/**
 * Arguments: a directory, the tree, the name. What is written is kept in memory. systemd-nspawn runs a system below its own
 * cgroup: two below one would take each other's services for their own. It wants a directory that may not be there, and keeps
 * the container's end of its terminal open.
 */
const BOOT = `
for cgroups in ${CGROUPS.join(' ')}; do
  [ ! -e $cgroups/cgroup.procs ] || { mkdir "$cgroups/$3" && echo $$ > "$cgroups/$3/cgroup.procs"; } || exit
done
mount -t tmpfs tmpfs "$1" && cd "$1" && mkdir upper work root nspawn &&
mount -t overlay -o lowerdir="$2",upperdir=upper,workdir=work overlay root &&
mkdir -p /run/systemd/nspawn && mount --bind nspawn /run/systemd/nspawn &&
while true; do
  setpriv --pdeathsig TERM systemd-nspawn --quiet --register=no --keep-unit --directory="$1/root" --private-network --capability=all \\
    --system-call-filter='bpf perf_event_open' --machine="$3" --kill-signal=SIGRTMIN+3 --console=pipe --boot
  [ $? = 133 ] || exit # the container wants to be booted again
done`

export class DebianSystem implements AsyncDisposable {
  private console = ''

  private constructor(
    readonly release: DebianRelease,
    private readonly directory: string,
    private readonly container: ChildProcess,
  ) {
    for (const stream of [container.stdout, container.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => (this.console += text))
  }

  /** Resolves when everything has started that starts at boot. */
  static async boot(release: DebianRelease): Promise<DebianSystem> {
    const directory = mkdtempSync(join(tmpdir(), `macipd-debian-${release}-`))
    const script = ['sh', '-c', BOOT, 'sh', directory, debianTree(release), basename(directory)]
    const unshare = ['unshare', '--mount', '--propagation', 'private', ...script]
    const container = spawn('setpriv', ['--pdeathsig', 'TERM', ...unshare], {
      env: { ...process.env, SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const system = new DebianSystem(release, directory, container)
    await system.booted()
    return system
  }

  /** Waits until systemd has started everything; `before` is the number of the init process that is to be another one. */
  private async booted(before?: number): Promise<void> {
    const state = async (): Promise<string> => {
      if (this.container.exitCode !== null) throw new Error(`the container has ended: ${this.console.slice(-2000)}`)
      const pid = this.init()
      if (pid === undefined || pid === before) return 'not there'
      return this.run('systemctl is-system-running --wait', [0, 1]).catch(() => 'not yet')
    }
    await waitFor('systemd to have started everything', state, (text) => /^(running|degraded)/.test(text), {
      timeoutMs: 120_000,
      context: () => this.console.slice(-2000),
    })
  }

  /** The number of the container's init process, as seen here; undefined if there is none. */
  private init(): number | undefined {
    const [nspawn] = childrenOf(this.container.pid ?? 0)
    return nspawn === undefined ? undefined : childrenOf(nspawn).find(isInit)
  }

  /** Runs a shell script there; resolves to what it printed on standard output. */
  async run(script: string, done: readonly number[] = [0]): Promise<string> {
    const init = this.init()
    if (init === undefined) throw new Error(`no init process: ${this.console.slice(-2000)}`)
    const environment = [
      'env',
      '-i',
      'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
      'HOME=/root',
      'DEBIAN_FRONTEND=noninteractive',
    ]
    return exec(HOST, ['nsenter', `--target=${init}`, '--all', ...environment, 'bash', '-ec', script], '', done)
  }

  async json(script: string): Promise<unknown> {
    return JSON.parse(await this.run(script)) as unknown
  }

  /** Copies a file of this machine to /root; resolves to its path there. */
  copy(path: string): string {
    const to = `/root/${basename(path)}`
    copyFileSync(path, `/proc/${this.init() ?? 0}/root${to}`)
    return to
  }

  async reboot(): Promise<void> {
    const before = this.init()
    await this.run('systemctl reboot')
    await this.booted(before)
  }

  /** Reboots; resolves when the new init process is there, with the time at which it was started, as performance.now(). */
  async powerCycle(): Promise<number> {
    const before = this.init()
    await this.run('systemctl reboot')
    const init = await waitFor(
      'the container to start again',
      () => this.init(),
      (pid) => pid !== undefined && pid !== before,
    )
    return startOf(init ?? 0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { container } = this
    if (container.exitCode === null && container.signalCode === null) {
      const exited = once(container, 'exit')
      const [nspawn] = childrenOf(container.pid ?? 0)
      if (nspawn === undefined) container.kill('SIGTERM')
      else process.kill(nspawn, 'SIGTERM')
      await exited
    }
    for (const cgroups of CGROUPS) {
      const own = join(cgroups, basename(this.directory))
      if (existsSync(own)) await exec(HOST, ['find', own, '-depth', '-type', 'd', '-delete'])
    }
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** When a process was started, as performance.now(): /proc/PID/stat, field 22, in ticks of 10 ms since the host's start. */
function startOf(pid: number): number {
  const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')
  const sinceStart = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) - Number(fields.split(' ')[19]) / 100
  return performance.now() - sinceStart * 1000
}

function childrenOf(pid: number): number[] {
  const path = `/proc/${pid}/task/${pid}/children`
  const text = existsSync(path) ? readFileSync(path, 'utf8').trim() : ''
  return text === '' ? [] : text.split(' ').map(Number)
}

function isInit(pid: number): boolean {
  try {
    return /^NSpid:.*\t1$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
