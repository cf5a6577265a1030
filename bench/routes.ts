// What the relay costs when bgpd installs a full table in zebra.
import { setTimeout as sleep } from 'node:timers/promises'
import { ASN } from '../lab/frr.js'
import { Lab } from '../lab/lab.js'
import type { Router } from '../lab/router.js'
import { PATIENCE } from '../lab/wait.js'
import { type Context, type Measurement, median } from './measurement.js'
import { cpuSeconds, memory } from './processes.js'

const ROUTES = 200_000
/** Runs without and with the relay, in turns. */
const PAIRS = 3
/** How often all routes are withdrawn and announced again through one relay. */
const FLAPS = 10
const POLL_MS = 200
const PATIENCE_MS = 120_000 * PATIENCE

/**
 * The far node has the routes in its kernel and redistributes them; FRR's own bgpd sends them faster than gobgpd or
 * exabgp would. Measured is the time from the start of the near bgpd until its zebra has them all.
 */
export async function benchRoutes({ frr, progress }: Context): Promise<Measurement[]> {
  await using lab = await Lab.start({ frr })
  const [near, far] = lab.nodes
  progress(`${ROUTES} routes into the far kernel`)
  // before zebra starts: it reads a whole table much faster than it follows its growth
  await addRoutes(far, ROUTES)
  await far.startZebra()
  await installed(far, 'kernel', ROUTES)
  await far.startBgpd()

  await near.startZebra()
  await near.startRelay()
  const worker = (): number => near.daemon('relay').children()[0] ?? -1
  const direct: number[] = []
  const relayed: number[] = []
  const cpu: number[] = []
  for (let pair = 0; pair < PAIRS; pair++) {
    progress(`round ${pair + 1} of ${PAIRS}`)
    direct.push(await timeOf(near, {}))
    const before = cpuSeconds(worker())
    relayed.push(await timeOf(near, { zapi: '/run/macipd/zserv.api' }))
    cpu.push(cpuSeconds(worker()) - before)
  }

  await near.startBgpd({ zapi: '/run/macipd/zserv.api' })
  await installed(near, 'bgp', ROUTES)
  const resident: number[] = []
  for (let flap = 0; flap < FLAPS; flap++) {
    progress(`flap ${flap + 1} of ${FLAPS}`)
    await shutdown(near, far, 'neighbor')
    await installed(near, 'bgp', 0)
    await shutdown(near, far, 'no neighbor')
    await installed(near, 'bgp', ROUTES)
    resident.push(memory(worker(), 'VmRSS'))
  }
  const ratios = relayed.map((value, index) => value / (direct[index] ?? NaN))
  return [
    { name: 'direct', value: median(direct), unit: 's' },
    { name: 'through the relay', value: median(relayed), unit: 's' },
    { name: 'ratio', value: median(ratios), unit: '', target: '<= 1.05' },
    { name: 'CPU time of the worker', value: median(cpu), unit: 's' },
    { name: 'peak memory of the worker', value: memory(worker(), 'VmHWM'), unit: 'MiB' },
    { name: 'memory after the second flap', value: resident[1] ?? NaN, unit: 'MiB' },
    { name: `memory after flap ${FLAPS}`, value: resident.at(-1) ?? NaN, unit: 'MiB' },
  ]
}

async function timeOf(node: Router, options: { zapi?: string }): Promise<number> {
  const started = performance.now()
  await node.startBgpd(options)
  await installed(node, 'bgp', ROUTES)
  const seconds = (performance.now() - started) / 1000
  await node.kill('bgpd')
  await installed(node, 'bgp', 0)
  return seconds
}

/** Blackholes in the node's kernel. */
export async function addRoutes(node: Router, count: number): Promise<void> {
  const octets = (index: number): string => `30.${index >> 16}.${(index >> 8) & 255}.${index & 255}`
  const lines = Array.from({ length: count }, (_, index) => `route add blackhole ${octets(index)}/32\n`)
  await node.exec(['ip', '-batch', '-'], lines.join(''))
}

/** Takes the BGP session down, or up again. */
async function shutdown(node: Router, peer: Router, verb: 'neighbor' | 'no neighbor'): Promise<void> {
  const commands = ['configure terminal', `router bgp ${ASN}`, `${verb} ${peer.address} shutdown`]
  await node.exec(node.inRoot(['vtysh', ...commands.flatMap((command) => ['-c', command])]))
}

/**
 * Waits until zebra has so many routes of a protocol in its FIB. Counting walks its table: asked more often, zebra would
 * do little else.
 */
export async function installed(node: Router, protocol: 'kernel' | 'bgp', count: number): Promise<void> {
  const type = protocol === 'bgp' ? 'ibgp' : 'kernel'
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    const summary = (await node.vtyshJson('show ip route summary json')) as { routes: { type: string; fib: number }[] }
    const found = summary.routes.find((row) => row.type === type)?.fib ?? 0
    if (found === count) return
    if (performance.now() > deadline) throw new Error(`${node.name} has ${found} routes of ${protocol}, not ${count}`)
    await sleep(POLL_MS)
  }
}
