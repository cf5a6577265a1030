// 100,000 bindings, of 50,000 hosts with a MAC, an IPv4 and an IPv6 address each, on one node with real zebra and bgpd:
// memory, how long a restart takes, what the probes cost, and how long anybody has to wait for the snooper meanwhile.
// Before that, 40,000 of them are told to a bgpd that has just started.
import { statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { HEADER_SIZE, frameCommand, frameLength } from '../src/zapi/frame.js'
import { type FrrRelease, frrRelease } from '../src/zapi/releases.js'
import { MACIP_ADD } from '../src/zapi/messages/macip.js'
import type { Release } from '../lab/frr.js'
import { MACIPCTL } from '../lab/programs.js'
import type { Daemon } from '../lab/process.js'
import { Recorder } from '../lab/recorder.js'
import type { Router } from '../lab/router.js'
import { PATIENCE } from '../lab/wait.js'
import { PortOccupancy } from './crowd.js'
import { unlimited } from './limits.js'
import { type Context, type Measurement, median, percentile } from './measurement.js'
import { cpuSeconds, resident } from './processes.js'
import { Responder } from './responder.js'
import { RoundTrips } from './round-trips.js'

const REPLAYED_HOSTS = 20_000
const HOSTS = 50_000
const REPLAYS = 3
const RESTARTS = 3
/** A little more than the 100,000 need, of which each is asked every 90 to 100 s. */
const PROBES_PER_S = 1100
/** From a restart, after which all are asked, until all are asked again. */
const CYCLE_MS = 100_000
const IDLE_MS = 40_000
const INITIAL_SYNC_MS = 10_000
const TIMEOUT_MS = 120_000 * PATIENCE
const BINDINGS = 2 * HOSTS
const REPLAYED = 2 * REPLAYED_HOSTS

export async function benchBindings({ frr, progress }: Context): Promise<Measurement[]> {
  const replay = new Replay(frr, REPLAYED)
  let recorder: Recorder | undefined
  const tap = async (near: Router): Promise<string> => {
    const inside = '/run/macipd/recorder.api'
    recorder = await Recorder.start(near.path(inside), near.path('/run/macipd/zserv.api'), () => replay.listener())
    return inside
  }
  progress('starting a node with a recorder between relay and bgpd')
  try {
    await using crowd = await PortOccupancy.start(frr, unlimited(PROBES_PER_S), tap)
    await sleep(INITIAL_SYNC_MS)
    const empty = memoryOf(crowd)
    progress(`${REPLAYED_HOSTS} hosts are learned`)
    await crowd.learn(0, REPLAYED_HOSTS)
    const rows = await replays(crowd, replay, progress)
    progress(`${HOSTS} hosts are learned`)
    await crowd.learn(REPLAYED_HOSTS, HOSTS - REPLAYED_HOSTS)
    await sleep(INITIAL_SYNC_MS)
    rows.push(...memoryRows(empty, memoryOf(crowd)))
    progress('questions while the snooper is at work')
    rows.push(...(await waiting(crowd)))
    const responders = crowd.vms.map((vm) => new Responder(vm))
    try {
      rows.push(...(await handedBack(crowd, progress)))
      rows.push(...(await idle(crowd, progress)))
    } finally {
      for (const responder of responders) responder[Symbol.dispose]()
    }
    rows.push(...(await fromFile(crowd, progress)))
    return rows
  } finally {
    recorder?.[Symbol.dispose]()
  }
}

type Memory = { snooper: number; worker: number }

const memoryOf = (crowd: PortOccupancy): Memory => ({
  snooper: resident(crowd.near.daemon('snoop').pid, 'Pss'),
  worker: resident(crowd.workerPid(), 'Pss'),
})

const memoryRows = (empty: Memory, full: Memory): Measurement[] => [
  { name: 'snooper without bindings, proportional share', value: empty.snooper, unit: 'MiB' },
  { name: 'snooper, proportional share', value: full.snooper, unit: 'MiB' },
  { name: 'relay worker without bindings, proportional share', value: empty.worker, unit: 'MiB' },
  { name: 'relay worker, proportional share', value: full.worker, unit: 'MiB' },
]

/** bgpd ends and comes back; the clock starts when zebra tells it the VNI. */
async function replays(crowd: PortOccupancy, replay: Replay, progress: Context['progress']): Promise<Measurement[]> {
  const { near } = crowd
  const routes = await evpnRoutes(near)
  const written: number[] = []
  const known: number[] = []
  for (let round = 1; round <= REPLAYS; round++) {
    progress(`bgpd ${round} of ${REPLAYS} is told of ${REPLAYED} bindings`)
    await near.kill('bgpd')
    await crowd.until('bgpd to be missed', ({ reasons }) => reasons['no-session'] === REPLAYED)
    const told = replay.next()
    await near.startBgpd({ zapi: '/run/macipd/recorder.api' })
    const { begin, end } = await told
    written.push(end - begin)
    while ((await evpnRoutes(near)) < routes) await sleep(20)
    known.push(performance.now() - begin)
    await crowd.announced(REPLAYED)
  }
  const name = `new bgpd, VNI → ${REPLAYED.toLocaleString('en')} MACIP_ADD`
  return [
    { name: `${name} written`, value: median(written) / 1000, unit: 's', target: '<= 2' },
    { name: `${name} known to bgpd`, value: median(known) / 1000, unit: 's' },
  ]
}

/** How many EVPN routes bgpd has. */
async function evpnRoutes(node: Router): Promise<number> {
  const { ribCount = 0 } = (await node.vtyshJson('show bgp l2vpn evpn summary json')) as { ribCount?: number }
  return ribCount
}

/** Codecs what comes for a bgpd that starts. */
class Replay {
  private readonly release: FrrRelease
  private begin: number | undefined
  private readonly missing = new Set<string>()
  private done: ((times: { begin: number; end: number }) => void) | undefined
  private left = 0

  constructor(
    frr: Release,
    private readonly count: number,
  ) {
    const release = frrRelease(frr)
    if (release === undefined) throw new Error(`there is no release ${frr}`)
    this.release = release
  }

  /** Resolves with the times of the next VNI_ADD and of the last MACIP_ADD with an address after it. */
  next(): Promise<{ begin: number; end: number }> {
    this.begin = undefined
    this.left = this.count
    return new Promise((resolve) => (this.done = resolve))
  }

  /** For the bytes of one connection. */
  listener(): (bytes: Buffer) => void {
    const [vniAdd, macIpAdd] = [
      this.release.commandNumber('ZEBRA_VNI_ADD'),
      this.release.commandNumber('ZEBRA_MACIP_ADD'),
    ]
    let rest: Buffer = Buffer.alloc(0)
    return (bytes) => {
      const now = performance.now()
      rest = Buffer.concat([rest, bytes])
      let offset = 0
      while (rest.length - offset >= HEADER_SIZE && rest.length - offset >= frameLength(rest, offset)) {
        const frame = rest.subarray(offset, offset + frameLength(rest, offset))
        offset += frame.length
        const command = frameCommand(frame)
        if (command === vniAdd) this.begin ??= now
        else if (command === macIpAdd) this.macIpAdd(frame, now)
      }
      rest = rest.subarray(offset)
    }
  }

  private macIpAdd(frame: Buffer, now: number): void {
    const { begin, release } = this
    if (begin === undefined || MACIP_ADD.decode(frame.subarray(HEADER_SIZE), release.features).ip === undefined) return
    if (--this.left === 0) this.done?.({ begin, end: now })
  }
}

/** How long a short question has to wait for its answer while the snooper does what takes long. */
async function waiting({ near }: PortOccupancy): Promise<Measurement[]> {
  const trips = await RoundTrips.start(near.path('/run/macipd/snoop.sock'))
  const during = async (work: () => Promise<unknown>): Promise<number> => {
    trips.take()
    await work()
    return Math.max(...trips.take())
  }
  const file = near.path('/run/macipd/bindings')
  const saved = async (): Promise<void> => {
    const { mtimeMs } = statSync(file)
    await near.macipctl('clear', 'binding', '10.64.0.0')
    while (statSync(file).mtimeMs === mtimeMs) await sleep(50)
  }
  trips.take()
  await sleep(INITIAL_SYNC_MS)
  const idle = trips.take()
  const rows: Measurement[] = [
    { name: 'short question, p50', value: median(idle), unit: 'ms' },
    { name: 'short question, p99', value: percentile(idle, 99), unit: 'ms' },
    { name: 'short question, longest', value: Math.max(...idle), unit: 'ms' },
  ]
  const longest = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    rows.push({
      name: `short question during ${what}, longest`,
      value: await during(work),
      unit: 'ms',
      target: '<= 50',
    })
  }
  // its output is not read here: that would keep this process from its own questions
  const all = `exec "$0" "$1" bindings --json --snoop "$2" >/dev/null`
  const socket = near.path('/run/macipd/snoop.sock')
  await longest('macipctl bindings', () => near.exec(['sh', '-c', all, process.execPath, MACIPCTL, socket]))
  await longest('macipctl status', () => near.macipctl('status'))
  await longest('macipctl explain', () => near.macipctl('explain', '10.64.0.1'))
  await longest('saving the state file', saved)
  trips.close()
  return rows
}

/** The snooper comes back and has no file: the relay has everything. */
async function handedBack(crowd: PortOccupancy, progress: Context['progress']): Promise<Measurement[]> {
  const times: number[] = []
  for (let restart = 1; restart <= RESTARTS; restart++) {
    progress(`restart ${restart} of ${RESTARTS}, bindings handed back by the relay`)
    await crowd.near.kill('snoop')
    const begin = Date.now()
    const snoop = await crowd.startSnoop('--state', 'none')
    times.push((await logged(snoop, 'in step with the relay')) - begin)
    await crowd.until('all bindings', ({ bindings }) => bindings >= BINDINGS - 1)
  }
  return [{ name: 'start of the snooper → all handed back', value: median(times) / 1000, unit: 's' }]
}

/** Nothing happens but that every host is asked and answers. */
async function idle(crowd: PortOccupancy, progress: Context['progress']): Promise<Measurement[]> {
  progress(`waiting ${CYCLE_MS / 1000} s until all were asked once`)
  await sleep(CYCLE_MS)
  progress(`probes for ${IDLE_MS / 1000} s`)
  const before = await crowd.status()
  const pids = [crowd.near.daemon('snoop').pid, crowd.workerPid()]
  const used = pids.map(cpuSeconds)
  const begin = performance.now()
  await sleep(IDLE_MS)
  const seconds = (performance.now() - begin) / 1000
  const [snooper = NaN, worker = NaN] = pids.map((pid, index) => cpuSeconds(pid) - (used[index] ?? NaN))
  const after = await crowd.status()
  const rate = (name: string): number => ((after.probes[name] ?? 0) - (before.probes[name] ?? 0)) / seconds
  return [
    { name: 'probes sent', value: rate('sent'), unit: 'probes/s', target: '>= 1000' },
    { name: 'probes answered', value: rate('answered'), unit: 'probes/s', target: '>= 1000' },
    { name: 'CPU of the snooper, probing', value: (snooper / seconds) * 100, unit: '% of a core', target: '<= 5' },
    { name: 'CPU of the relay worker meanwhile', value: (worker / seconds) * 100, unit: '% of a core' },
  ]
}

/** The snooper comes back, and there is no relay: only the file has anything. */
async function fromFile(crowd: PortOccupancy, progress: Context['progress']): Promise<Measurement[]> {
  const start = async (...options: string[]): Promise<number> => {
    await crowd.near.kill('snoop')
    const begin = Date.now()
    const snoop = await crowd.startSnoop('--relay', crowd.near.path('/run/macipd/nobody.sock'), ...options)
    return (await logged(snoop, 'snooping')) - begin
  }
  const without: number[] = []
  const with_: number[] = []
  for (let restart = 1; restart <= RESTARTS; restart++) {
    progress(`restart ${restart} of ${RESTARTS}, without and with the state file`)
    without.push(await start('--state', 'none'))
    with_.push(await start())
    await crowd.until('all bindings', ({ bindings }) => bindings >= BINDINGS - 1)
  }
  return [
    { name: 'start of the snooper without bindings', value: median(without) / 1000, unit: 's' },
    { name: 'start of the snooper with the state file', value: median(with_) / 1000, unit: 's' },
  ]
}

/** When a daemon said so, milliseconds since the epoch. */
async function logged(daemon: Daemon, message: string): Promise<number> {
  const deadline = performance.now() + TIMEOUT_MS
  for (;;) {
    for (const line of daemon.log().split('\n')) {
      if (!line.includes(`"msg":"${message}"`)) continue
      return (JSON.parse(line) as { time: number }).time
    }
    if (performance.now() > deadline) throw new Error(`${daemon.name} never said "${message}"`)
    await sleep(50)
  }
}
