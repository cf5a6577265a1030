// `macipd proxy`: runs the proxy with its snooper, its neighbours and its files, from start to signal.
import { changeOf } from '../config/proxy/change.js'
import type { ProxyOptions } from '../config/options.js'
import { reason } from '../base/exit.js'
import type { Logger } from '../base/log.js'
import type { WatchVxlan } from '../control/vxlan-codec.js'
import { collectAfterStart } from '../os/garbage.js'
import { loadState, StateFile } from '../os/state-file.js'
import { Proxy } from './proxy.js'
import { SnooperLink } from './snooper-link.js'
import { HOSTS_FORMAT, hostsOf, type SavedAddress, savedOf } from './state-file.js'
import { askerOf, VxlanProber } from './vxlan-prober.js'
import { watchOf } from './watch.js'

/** Hosts are saved at least this often to keep their times up to date. */
const SAVE_MS = 600_000

/** Runs until SIGTERM or SIGINT; `reload` reads the configuration again at SIGHUP. */
export async function runProxy(options: ProxyOptions, reload: () => Promise<ProxyOptions>, log: Logger): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, resolve)
  })
  const process_ = new ProxyProcess(options, log)
  process.on('SIGHUP', () => {
    void process_.reload(reload)
  })
  process_.start()
  collectAfterStart()
  await stopped
  await process_.stop()
}

class ProxyProcess {
  private readonly proxy: Proxy
  private readonly prober: VxlanProber
  private readonly link: SnooperLink
  private readonly stateFile: StateFile<SavedAddress> | undefined
  private readonly saveTimer: NodeJS.Timeout
  private watchTimer: NodeJS.Immediate | undefined

  constructor(
    private options: ProxyOptions,
    private readonly log: Logger,
  ) {
    const { settings, snoop, stateFile } = options
    const [source = ''] = settings.sourceAddresses
    const [port = 4789] = settings.watch.ports
    this.prober = new VxlanProber(settings.sourceAddresses, askerOf(source), port, log)
    this.proxy = new Proxy(settings, {
      probe: (probe) => {
        if (this.options.settings.probes === 'send') this.prober.send(probe)
      },
      event: (event) => {
        this.stateFile?.markChanged()
        log.debug(event, 'proxy event')
      },
      session: (name, what) => {
        log.info({ neighbor: name }, `BGP session: ${what}`)
      },
      natives: () => {
        this.watchTimer ??= setImmediate(() => {
          this.watchTimer = undefined
          this.link.replace(this.watch)
        })
      },
    })
    this.link = new SnooperLink(snoop, this.proxy, log)
    if (stateFile !== undefined)
      this.stateFile = new StateFile(stateFile, HOSTS_FORMAT, () => savedOf(this.proxy.table.allHosts()), log)
    this.saveTimer = setInterval(() => this.stateFile?.markChanged(), SAVE_MS)
  }

  start(): void {
    const { stateFile, stateAgeMs } = this.options
    const saved =
      stateFile === undefined ? [] : hostsOf(loadState(stateFile, HOSTS_FORMAT, Date.now(), stateAgeMs, this.log))
    if (saved.length > 0) this.log.info({ file: stateFile, hosts: saved.length }, 'hosts of an earlier run')
    this.proxy.hearing(false)
    this.proxy.start(saved)
    if (this.options.settings.watch.interfaces.length > 0) this.link.start(this.watch)
  }

  /** Takes the configuration as it is now; one that is wrong, or needs a restart, changes nothing. */
  async reload(read: () => Promise<ProxyOptions>): Promise<void> {
    let options: ProxyOptions
    try {
      options = await read()
    } catch (error) {
      this.log.error({ error: reason(error) }, 'the configuration is wrong; the former one goes on')
      return
    }
    const { restart, live, vnis, neighbors } = changeOf(this.options, options)
    if (restart.length > 0) {
      this.log.error({ keys: restart }, 'these keys take effect at a restart only; the former configuration goes on')
      return
    }
    const wasWatching = this.options.settings.watch.interfaces.length > 0
    this.options = options
    this.proxy.configure(options.settings)
    if (wasWatching) this.link.replace(this.watch)
    else if (options.settings.watch.interfaces.length > 0) this.link.start(this.watch)
    this.log.info({ keys: live, vnis, neighbors }, 'the configuration was read again')
  }

  /**
   * With graceful restart, the neighbours keep the routes for a successor: their sessions just end, with the process.
   * Otherwise they are told.
   */
  async stop(): Promise<void> {
    clearInterval(this.saveTimer)
    clearImmediate(this.watchTimer)
    this.link.close()
    this.prober.close()
    await this.stateFile?.close()
    const isKept = this.stateFile !== undefined && this.options.settings.neighbors.every((it) => it.restartTime > 0)
    if (isKept) process.exit()
    this.proxy.stop('macipd proxy is stopped')
  }

  private get watch(): WatchVxlan {
    const { watch, sourceAddresses } = this.options.settings
    return watchOf(watch, sourceAddresses, this.proxy.table.others.natives())
  }
}
