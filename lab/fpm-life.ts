// What zebra exports through FPM in an eventful life of a fabric.
import { join } from 'node:path'
import type { FpmEvent, Snapshot } from './fpm-listen.js'
import type { HostRouteChange } from '../src/fpm/view-routes.js'
import { arpAnnouncement } from './frames.js'
import { type FpmModule, type Release, ROOT } from './frr.js'
import { Lab } from './lab.js'
import type { Router } from './router.js'

/** What the recordings of a module begin with. */
export const recordingsOf = (module: FpmModule): string => `${module.replace(':', '_')}-`

const PORT = 2620
/** Far above the gaps in zebra's replay of a dozen routes, and nothing depends on it but the time this takes. */
const QUIET_MS = 1000

/** One path, and a host route with two, of which it loses one. */
export const ONE_PATH = '203.0.113.0'
export const TWO_PATHS = '203.0.113.7'
export const GATEWAYS = ['192.0.2.2', '192.0.2.9'] as const
/** Through an interface, because the gateway is link-local. */
export const IPV6 = { ip: '2001:db8:1::7', gateway: 'fe80::9' }
export const BLACKHOLE = '203.0.113.66'
/** Gets its second path, and goes, while zebra is connected. */
export const CHANGES = '203.0.113.8'
/** Goes while zebra is not connected. */
export const GOES = '203.0.113.5'
/** Made while no FPM server listened. */
export const MEANWHILE = '203.0.113.9'

/** What a listener has heard. */
export type Heard = readonly FpmEvent[]

export const snapshots = (events: Heard): Snapshot[] =>
  events.flatMap((event) => (event.event === 'change' && event.snapshot !== undefined ? [event.snapshot] : []))

/** A listener inside a node. */
class Listener {
  private constructor(
    private readonly lab: Lab,
    private readonly node: Router,
  ) {}

  static async start(lab: Lab, node: Router, file: string | undefined): Promise<Listener> {
    const script = join(ROOT, 'dist/lab/fpm-listen.js')
    const argv = [process.execPath, '--enable-source-maps', script, `${PORT}`, `${QUIET_MS}`]
    await node.spawn('fpm', file === undefined ? argv : [...argv, file])
    const listener = new Listener(lab, node)
    await listener.until('to listen', ({ event }) => event === 'listening')
    return listener
  }

  /** Everything so far. */
  events(): FpmEvent[] {
    const lines = this.node.daemon('fpm').log().split('\n').slice(0, -1)
    return lines
      .map((line) => JSON.parse(line) as FpmEvent)
      .filter(({ event }) => (event as string | undefined) !== undefined)
  }

  /** Waits for something that is heard after the first `from` events. */
  async until(what: string, accept: (event: FpmEvent) => boolean, from = 0): Promise<void> {
    await this.lab.waitFor(
      `the FPM listener ${what}`,
      () => this.events().slice(from),
      (events) => events.some(accept),
    )
  }

  /** Waits until a whole replay has been heard after the first `from` events. */
  live(from = 0): Promise<void> {
    const isLive = (event: FpmEvent): boolean =>
      event.event === 'change' && event.change.type === 'phase' && event.change.phase === 'live'
    return this.until('to have heard everything', isLive, from)
  }

  /** Ends zebra's connection. */
  restart(): void {
    process.kill(this.node.daemon('fpm').pid, 'SIGUSR2')
  }

  kill(): Promise<void> {
    return this.node.daemon('fpm').kill()
  }
}

/** `first`: from the beginning until the listener ends; `second`: of the one that comes after it. */
export type FpmLife = { first: Heard; second: Heard; vtep: string; mac: string; vxlan: number; bridge: number }

/**
 * zebra connects and tells its routes, one of which changes and goes; a MAC appears behind the other node; zebra connects
 * anew (without nexthop groups, where it had them) while a route goes; the MAC goes; no server listens while a route comes
 * and the MAC is there again. The names of recordings begin with `files`.
 */
export async function fpmLife(frr: Release, module: FpmModule, files?: string): Promise<FpmLife> {
  await using lab = await Lab.start({ frr })
  const [near, far] = lab.nodes
  const [, farVm] = lab.vms
  const old = module !== 'dplane_fpm_nl'
  await far.ip(`link set ${farVm.port} down`)
  await Promise.all([
    far.startZebra().then(() => far.startBgpd()),
    near.startZebra({ module }).then(async () => {
      await near.startStaticd()
      await near.startBgpd()
    }),
  ])
  await lab.converged()
  const [gateway, other] = GATEWAYS
  const route = (prefix: string, via: string): string => `ip route ${prefix} ${via}`
  await near.configure(
    `ipv6 route ${IPV6.ip}/128 ${IPV6.gateway} fabric`,
    route(`${BLACKHOLE}/32`, 'blackhole'),
    route(`${ONE_PATH}/24`, gateway),
    ...[GOES, CHANGES, TWO_PATHS].map((ip) => route(`${ip}/32`, gateway)),
    route(`${TWO_PATHS}/32`, other),
  )
  const installed = (ip: string, there = true): Promise<string> =>
    lab.waitFor(
      `${near.name} ${there ? '' : 'not '}to have a route to ${ip}`,
      () => near.exec(['ip', 'route']),
      (text) => text.includes(ip) === there,
    )
  await installed(TWO_PATHS)

  const listener = await Listener.start(lab, near, files && `${files}first`)
  await near.configure(old ? `fpm connection ip 127.0.0.1 port ${PORT}` : `fpm address 127.0.0.1 port ${PORT}`)
  await listener.live()

  const macIs = (there: boolean): Promise<unknown> =>
    lab.waitFor(
      `${near.name} ${there ? 'to have' : 'not to have'} the far VM's MAC`,
      () => near.exec(['bridge', 'fdb', 'show', 'dev', 'vx100']),
      (text) => text.includes(`${farVm.mac} dst ${far.address}`) === there,
    )
  const appear = async (): Promise<void> => {
    await far.ip(`link set ${farVm.port} up`)
    await lab.waitFor(
      'the far VM to be seen',
      async () => {
        farVm.send(arpAnnouncement(farVm))
        return (await near.macipRoutes()).map(({ mac }) => mac)
      },
      (macs) => macs.includes(farVm.mac),
    )
    await macIs(true)
  }
  let before = 0
  const change = async (command: string, gone: boolean): Promise<void> => {
    before = listener.events().length
    await near.configure(command)
    // before 9.1 zebra does not replace a route: it goes and comes
    const isMeant = ({ route, update }: HostRouteChange): boolean =>
      route.ip === CHANGES && (update === 'removed') === gone
    const happened = (event: FpmEvent): boolean =>
      event.event === 'change' && event.change.type === 'host-route' && isMeant(event.change)
    await listener.until(`to hear of ${command}`, happened, before)
  }
  await change(route(`${CHANGES}/32`, other), false)
  await change(`no ${route(`${CHANGES}/32`, gateway)}`, false)
  await change(`no ${route(`${CHANGES}/32`, other)}`, true)

  const macChange =
    (what: string) =>
    (event: FpmEvent): boolean =>
      event.event === 'change' && event.change.type === 'mac' && event.change.update === what
  await appear()
  if (!old) await listener.until('to hear of the MAC', macChange('added'))

  before = listener.events().length
  if (old) listener.restart()
  else await near.configure('no fpm use-next-hop-groups')
  await listener.until(
    'to lose the connection',
    (event) => event.event === 'change' && event.change.type === 'phase' && event.change.phase === 'disconnected',
    before,
  )
  // zebra takes them one by one, and connects when it likes
  await near.configure(`no ${route(`${TWO_PATHS}/32`, other)}`, `no ${route(`${GOES}/32`, gateway)}`)
  await installed(GOES, false)
  await listener.live(before)

  before = listener.events().length
  await far.ip(`link set ${farVm.port} down`)
  await macIs(false)
  if (!old) await listener.until('to hear that the MAC is gone', macChange('removed'), before)
  const first = listener.events()
  await listener.kill()

  await near.configure(route(`${MEANWHILE}/32`, gateway), route(`${MEANWHILE}/32`, other))
  await installed(MEANWHILE)
  await appear()
  const again = await Listener.start(lab, near, files && `${files}second`)
  await again.live()
  const ifindex = async (name: string): Promise<number> => {
    const links = JSON.parse(await near.exec(['ip', '-json', 'link', 'show', name])) as { ifindex: number }[]
    return links[0]?.ifindex ?? 0
  }
  const [vxlan, bridge] = [await ifindex('vx100'), await ifindex('br0')]
  return { first, second: again.events(), vtep: far.address, mac: farVm.mac, vxlan, bridge }
}
