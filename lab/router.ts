import { existsSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ExitCode, reason } from '../src/base/exit.js'
import { askSnooper } from '../src/cli/queries.js'
import { listeningPaths } from '../src/os/unix-listeners.js'
import type { BindingReport, SnooperReport } from '../src/cli/report.js'
import { Vty } from '../src/vty/vty.js'
import type { FakeServiceManager } from './fake-service-manager.js'
import { findTree, type FpmModule, type Release, ROOT, TENANT, type Tree, VNI } from './frr.js'
import { type Holder, REMOUNT } from './holder.js'
import { macipctl } from './in-process.js'
import { JsonLines } from './json-lines.js'
import { type FdbEntry, type Neighbour, parseFdb, parseNeighbours } from './kernel.js'
import { addressOf, DIRECTORIES, VIEW } from './node-directories.js'
import type { Daemon } from './process.js'
import { MACIPCTL, MACIPD } from './programs.js'
import {
  type MacipRoute,
  parseBgpdConnectedSeconds,
  parseMacipRoutes,
  parseRemoteVteps,
  parseUpdatesSent,
} from './show.js'
import { Space } from './space.js'
import { waitFor } from './wait.js'

/** It may be stopped, or busy. */
const VTY_TIMEOUT_MS = 60_000
/** Characters. */
const MAX_ANSWER = 1 << 28

/** A node's router: br0, vx100 and FRR, whose root file system is a release's tree with the node's own directories. */
export class Router extends Space {
  readonly address: string
  private readonly directory: string

  constructor(
    readonly number: 1 | 2,
    holder: Holder,
    private tree: Tree,
  ) {
    super(`n${number}`, holder, `n${number}`)
    this.address = addressOf(number)
    this.directory = join(holder.directory, this.name)
  }

  /** The host's path of a file in one of the node's own directories, `/run/macipd/relay.sock` for example. */
  path(inside: string): string {
    for (const [prefix, own] of Object.entries(DIRECTORIES)) {
      if (inside === prefix || inside.startsWith(`${prefix}/`))
        return this.directory + `/${own}` + inside.slice(prefix.length)
    }
    throw new Error(`${inside} is in none of ${Object.keys(DIRECTORIES).join(', ')}`)
  }

  /**
   * br0 without any address, and vx100 in it. IPv6 is on, else the kernel takes no IPv6 neighbours for suppression.
   * With a tenant, br0 is in its VRF, and so is a bridge of its own for what is routed between nodes.
   */
  async bridge({ ageing, tenant }: { ageing: number | undefined; tenant: boolean }): Promise<void> {
    await this.ip(
      `addr add ${this.address}/24 dev fabric`,
      'link set fabric up mtu 1600',
      // in 1/100 s
      `link add br0 type bridge mcast_snooping 0${ageing === undefined ? '' : ` ageing_time ${ageing * 100}`}`,
      'link set br0 up',
      `link add vx${VNI} type vxlan id ${VNI} local ${this.address} dstport 4789 nolearning`,
      `link set vx${VNI} master br0`,
      `link set vx${VNI} type bridge_slave neigh_suppress on learning off`,
      `link set vx${VNI} up`,
    )
    if (!tenant) return
    const { vrf, table, vni } = TENANT
    await this.ip(
      `link add ${vrf} type vrf table ${table}`,
      `link set ${vrf} up`,
      `link set br0 master ${vrf}`,
      `link add br${vni} type bridge`,
      `link set br${vni} master ${vrf} addrgenmode none up`,
      `link add vx${vni} type vxlan id ${vni} local ${this.address} dstport 4789 nolearning`,
      `link set vx${vni} master br${vni}`,
      `link set vx${vni} type bridge_slave learning off`,
      `link set vx${vni} up`,
    )
  }

  /**
   * Starts zebra, and mgmtd before it where the release has one and it does not run yet: a second one would end at once,
   * before or after the socket of the first is taken for its own. Resolves when zebra accepts clients.
   */
  async startZebra({ module = 'dplane_fpm_nl' }: { module?: FpmModule } = {}): Promise<Daemon> {
    if (existsSync(join(this.tree.path, 'usr/lib/frr/mgmtd')) && !this.isRunning('mgmtd'))
      await this.startFrr('mgmtd', [], ['/run/frr/mgmtd_be.sock'])
    return this.startFrr('zebra', ['-M', module], ['/run/frr/zserv.api', '/run/frr/zebra.vty'])
  }

  /** Starts staticd, for routes with `ip route` in `configure`. */
  async startStaticd(): Promise<Daemon> {
    return this.startFrr('staticd', [], ['/run/frr/staticd.vty'])
  }

  /** Runs configuration commands with vtysh, again while mgmtd is busy with a daemon that has just started. */
  async configure(...commands: readonly string[]): Promise<void> {
    const lines = ['configure terminal', ...commands].flatMap((command) => ['-c', command])
    await waitFor(
      `${this.name} to take ${commands.join('; ')}`,
      () => this.exec(this.inRoot(['vtysh', ...lines])).then(() => '', reason),
      (failure) => {
        if (failure !== '' && !failure.includes('could not lock')) throw new Error(failure)
        return failure === ''
      },
    )
  }

  /** Starts watchfrr, which watches zebra and bgpd, and restarts nothing; resolves when it sees both. */
  async startWatchfrr(): Promise<Daemon> {
    const nothing = '/bin/true %s'
    const commands = ['-s', nothing, '-k', nothing, '-r', nothing]
    const argv = ['/usr/lib/frr/watchfrr', '--dry', '-i', '1', ...commands, 'zebra', 'bgpd']
    const daemon = await this.spawn('watchfrr', this.inRoot(argv))
    await this.listens(daemon, ['/run/frr/watchfrr.vty'])
    return daemon
  }

  /** Starts bgpd, on the given ZAPI socket (as the node sees it) instead of zebra's own. */
  async startBgpd({ zapi }: { zapi?: string } = {}): Promise<Daemon> {
    return this.startFrr('bgpd', zapi === undefined ? [] : ['-z', zapi], ['/run/frr/bgpd.vty'])
  }

  private async startFrr(name: string, options: readonly string[], sockets: readonly string[]): Promise<Daemon> {
    const daemon = await this.spawn(name, this.inRoot([`/usr/lib/frr/${name}`, '-A', '127.0.0.1', ...options]))
    await this.listens(daemon, sockets)
    return daemon
  }

  private listens(daemon: Daemon, sockets: readonly string[]): Promise<void> {
    return this.ready(daemon, `to listen on ${sockets.join(' and ')}`, () => {
      // FRR 8.4 says /var/run, which is /run
      const listening = new Set([...listeningPaths(daemon.pid)].map((path) => path.replace(/^\/var\/run\//, '/run/')))
      // FRR names its sockets as the node sees them, macipd as the host does; what a dead process left is not listening
      return sockets.every((inside) => {
        const outside = this.path(inside)
        return (listening.has(inside) || listening.has(outside)) && existsSync(outside)
      })
    })
  }

  /**
   * Ends FRR and puts another release in its place, with the configuration and state directories it has, as an upgrade of
   * the package does. What else runs on the node goes on.
   */
  async replaceFrr(release: Release): Promise<void> {
    for (const name of ['bgpd', 'zebra', 'mgmtd']) if (this.isRunning(name)) await this.daemon(name).kill('SIGTERM')
    this.tree = findTree(release)
    const { directory, state } = this.holder
    const mount = `--mount=/proc/${state.holder}/ns/mnt`
    await this.exec(['nsenter', mount, 'sh', '-c', REMOUNT, 'remount', directory, this.tree.path, this.name])
  }

  /** Waits until a daemon is ready; fails at once when it has ended instead. */
  private async ready(daemon: Daemon, description: string, probe: () => boolean): Promise<void> {
    await waitFor(
      `${daemon.name} of ${this.name} ${description}`,
      () => !daemon.running || probe(),
      (done) => done,
      { context: () => daemon.logTail() },
    )
    if (!daemon.running) throw new Error(`${this.name} ${daemon.logTail()}`)
  }

  /** Starts `macipd relay` as FRR's user; resolves when bgpd can connect. */
  async startRelay(...extra: readonly string[]): Promise<Daemon> {
    const daemon = await this.spawn('relay', this.relayCommand(extra))
    await this.listens(daemon, ['/run/macipd/zserv.api', '/run/macipd/relay.sock'])
    return daemon
  }

  /** As `startRelay`, as a unit of a service manager; resolves when the relay has said that it is ready. */
  async startRelayUnit(manager: FakeServiceManager, ...extra: readonly string[]): Promise<Daemon> {
    const { argv, descriptors } = manager.unit(this.relayCommand(extra))
    const daemon = await this.spawn('relay', argv, descriptors)
    await this.ready(daemon, 'to say that it is ready', () => manager.said.includes('READY=1'))
    return daemon
  }

  /** The command that `startRelay` runs. */
  relayCommand(extra: readonly string[]): string[] {
    const paths = { listen: '/run/macipd/zserv.api', zebra: '/run/frr/zserv.api', control: '/run/macipd/relay.sock' }
    const options = Object.entries(paths).flatMap(([name, path]) => [`--${name}`, this.path(path)])
    return this.asFrr(macipd('relay', ...options, '--run-dir', this.path('/run/macipd'), ...extra))
  }

  /** Starts `macipd snoop` as root; resolves when frames on the VM ports reach it. Needs its log at level info. */
  async startSnoop(...extra: readonly string[]): Promise<Daemon> {
    const control = this.path('/run/macipd/snoop.sock')
    const state = this.path('/run/macipd/bindings')
    const options = ['--relay', this.path('/run/macipd/relay.sock'), '--control', control, '--state', state]
    const daemon = await this.spawn('snoop', macipd('snoop', ...options, ...extra))
    // its control socket is there before the ports are snooped
    await this.ready(daemon, 'to say that it snoops', () => daemon.log().includes('"msg":"snooping"'))
    return daemon
  }

  /**
   * A command without privileges, as FRR's user. Where only root may enter the clone or Node's directory (a clone in
   * /root), it keeps the capability to read files.
   */
  asFrr(argv: readonly string[]): string[] {
    const id = this.tree.frrId
    const readable = [ROOT, dirname(process.execPath)].every(everyoneMayEnter)
    const reading = readable ? [] : ['--inh-caps=+dac_read_search', '--ambient-caps=+dac_read_search']
    return ['setpriv', `--reuid=${id}`, `--regid=${id}`, '--clear-groups', ...reading, ...argv]
  }

  /** Starts `macipd relay` as `startRelay`, in the node's view: all its paths are the defaults. */
  async startRelayInView(...extra: readonly string[]): Promise<Daemon> {
    const daemon = await this.spawn('relay', this.inView(this.asFrr(macipd('relay', ...extra))))
    await this.listens(daemon, ['/run/macipd/zserv.api', '/run/macipd/relay.sock'])
    return daemon
  }

  /**
   * A command of the host that sees what it would see on a real node: the node's directories below /run, and nothing else
   * there, and the lab's processes in /proc.
   */
  inView(argv: readonly string[]): string[] {
    const mount = `--mount=/proc/${this.holder.state.holder}/ns/mnt`
    const own = [this.path('/run/frr'), this.path('/run/macipd')]
    const unshare = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', VIEW, 'view', ...own]
    return ['nsenter', mount, ...unshare, ...argv]
  }

  /** For how many seconds bgpd's connections to zebra have lasted, the shortest of them. */
  async bgpdConnectedSeconds(): Promise<number> {
    return Math.min(...parseBgpdConnectedSeconds(await this.ask('zebra', 'show zebra client')))
  }

  /** Ends a daemon of this node and waits until it is gone. */
  kill(name: 'zebra' | 'bgpd' | 'relay' | 'snoop', signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    return this.daemon(name).kill(signal)
  }

  /** Runs one vtysh command and resolves to what it printed. */
  vtysh(command: string): Promise<string> {
    return this.exec(this.inRoot(['vtysh', '-c', command]))
  }

  /** FRR's numeric user and group here. */
  get frrId(): number {
    return this.tree.frrId
  }

  /** As `vtysh`, for a command that ends in `json`. */
  async vtyshJson(command: string): Promise<unknown> {
    return JSON.parse(await this.vtysh(command)) as unknown
  }

  /** Asks a daemon as vtysh would: many wait for something with it, and starting vtysh takes more than its answer. */
  async ask(daemon: 'zebra' | 'bgpd', command: string): Promise<string> {
    using vty = await Vty.open(this.path(`/run/frr/${daemon}.vty`), VTY_TIMEOUT_MS)
    await vty.askForText('enable')
    return await vty.askForText(command, MAX_ANSWER)
  }

  private async askForJson(daemon: 'zebra' | 'bgpd', command: string): Promise<unknown> {
    return JSON.parse(await this.ask(daemon, command)) as unknown
  }

  /** The sockets of ZAPI with the bytes that nobody has read yet, as `ss` shows them. */
  async zapiQueues(): Promise<string> {
    const lines = (await this.exec(['ss', '-xan'])).split('\n')
    return lines.filter((line, index) => index === 0 || line.includes('zserv.api')).join('\n')
  }

  /** What bgpd and zebra have told each other, a message a line, as macipd has recorded it. */
  async zapiMessages(...selection: readonly string[]): Promise<string> {
    const args = ['zapi', 'dump', '--last', 'all', ...selection]
    const lines = (await this.macipctlLines(...args)) as { time: number; direction: string; summary: string }[]
    return lines
      .map(({ time, direction, summary }) => `${new Date(time).toISOString()} ${direction} ${summary}`)
      .join('\n')
  }

  /** How many UPDATEs bgpd has sent. */
  async updatesSent(): Promise<number> {
    return parseUpdatesSent(await this.askForJson('bgpd', 'show bgp neighbors json'))
  }

  /** Addresses of the VTEPs this node floods to. */
  async remoteVteps(): Promise<string[]> {
    return parseRemoteVteps(await this.askForJson('zebra', `show evpn vni ${VNI} json`))
  }

  /** Writes a configuration file of macipd into the node's own directory; resolves to its path. */
  writeConfig(yaml: string): string {
    const file = this.path('/run/macipd/macipd.yaml')
    writeFileSync(file, yaml)
    return file
  }

  /** What `macipctl … --json` says about this node; `status` says something even if nothing of macipd runs. */
  async macipctl(...args: readonly string[]): Promise<unknown> {
    const done = [ExitCode.ok, ExitCode.unhealthy, ...(args[0] === 'status' ? [ExitCode.notRunning] : [])]
    return JSON.parse(await this.said([...args, '--json'], done)) as unknown
  }

  /** As `macipctl`, for a command that prints one JSON value a line and ends. */
  async macipctlLines(...args: readonly string[]): Promise<unknown[]> {
    const text = await this.said([...args, '--json'], [ExitCode.ok])
    return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as unknown]))
  }

  /** What macipctl prints; it fails unless it ends with one of these codes. */
  private async said(args: readonly string[], done: readonly number[]): Promise<string> {
    const { code, stdout, stderr } = await macipctl(...args, '--config', this.macipctlConfig())
    if (done.includes(code)) return stdout
    throw new Error(`${this.name}: macipctl ${args.join(' ')} failed (${code}): ${stderr}${stdout}`)
  }

  /** Follows a macipctl command that prints one JSON value a line, and does not end by itself. */
  follow(...args: readonly string[]): Promise<JsonLines> {
    const argv = [process.execPath, MACIPCTL, ...args, '--json', '--config', this.macipctlConfig()]
    return JsonLines.start(this.namespaces, argv)
  }

  /** The one option for its sockets that all commands of macipctl have. */
  private macipctlConfig(): string {
    const config = this.path('/run/macipd/macipctl.yaml')
    const control = (name: string): string => `control: ${this.path(`/run/macipd/${name}.sock`)}`
    const relay = `relay: {${control('relay')}, runDir: ${this.path('/run/macipd')}}\n`
    // a command that has just been started may be reading it
    if (!existsSync(config)) writeFileSync(config, `${relay}snoop: {${control('snoop')}}\n`)
    return config
  }

  /** What the snooper has learned; arguments select as those of `macipctl bindings`. */
  async bindings(...filter: readonly string[]): Promise<BindingReport[]> {
    const { bindings } = (await this.macipctl('bindings', ...filter)) as { bindings: BindingReport[] }
    return bindings
  }

  /**
   * The snooper as `macipctl status` shows it; fails if there is none. On a busy machine it may not answer the first time.
   * It is asked from this process, as many wait for something with it, and each command costs a tenth of a second.
   */
  snoopStatus(): Promise<SnooperReport> {
    return waitFor(
      `the snooper of ${this.name} to answer`,
      async () => {
        const snooper = await askSnooper(this.path('/run/macipd/snoop.sock'))
        if (!snooper.running) throw new Error(`no snooper on ${this.name}: ${snooper.error}`)
        return snooper
      },
      () => true,
    )
  }

  /** Why an address is announced, or not. */
  explain(address: string): Promise<unknown> {
    return this.macipctl('explain', address)
  }

  /** As `explain`, in words; also of an address that is not known, but was refused. */
  explainText(address: string): Promise<string> {
    return this.said(['explain', address], [ExitCode.ok, ExitCode.notFound])
  }

  /** What happens to bindings from now on. */
  events(): Promise<JsonLines> {
    return this.follow('events', '--follow')
  }

  /** The FDB of br0. */
  async fdb(): Promise<FdbEntry[]> {
    return parseFdb(JSON.parse(await this.exec(['bridge', '-j', 'fdb', 'show', 'br', 'br0'])))
  }

  /** The kernel's neighbours on br0. */
  async neighbours(): Promise<Neighbour[]> {
    return parseNeighbours(JSON.parse(await this.exec(['ip', '-j', 'neigh', 'show', 'dev', 'br0'])))
  }

  /** The Type-2 routes bgpd has, its own and the other node's. */
  async macipRoutes(): Promise<MacipRoute[]> {
    return parseMacipRoutes(await this.askForJson('bgpd', 'show bgp l2vpn evpn route type macip json'))
  }
}

function macipd(...args: readonly string[]): string[] {
  return [process.execPath, MACIPD, ...args]
}

function everyoneMayEnter(path: string): boolean {
  return (statSync(path).mode & 0o001) !== 0 && (path === '/' || everyoneMayEnter(dirname(path)))
}
