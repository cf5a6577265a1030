// What it costs zebra that macipd listens to its FPM: a full table told to macipd, and to the least that can listen.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../lab/frr.js'
import { Lab } from '../lab/lab.js'
import type { Router } from '../lab/router.js'
import type { Heard } from './fpm-listener.js'
import { type Context, type Measurement, median } from './measurement.js'
import { addRoutes, installed } from './routes.js'

const ROUTES = 200_000
/** Told to the sink and to macipd, in turns. */
const PAIRS = 9
const PORT = { sink: 2630, macipd: 2631 } as const
/** zebra tries to connect every 3 s, and tells two million bytes and more in some seconds. */
const PATIENCE_MS = 120_000
/** The shortest message of a route, so that the last part of a table is told apart from the first. */
const LEAST_BYTES = ROUTES * 40

/**
 * zebra has the routes in its RIB and tells all of them whenever it connects. Both listen all the time; zebra's
 * configuration says to whom it connects. Measured is the time from accepting the connection to the last byte read.
 */
export async function benchFpm({ frr, progress }: Context): Promise<Measurement[]> {
  const dir = mkdtempSync(join(tmpdir(), 'macipd-bench-'))
  try {
    const sink = join(dir, 'sink')
    execFileSync('cc', ['-O2', '-o', sink, join(ROOT, 'bench/fpm-sink.c')])
    await using lab = await Lab.start({ frr })
    const [node] = lab.nodes
    progress(`${ROUTES} routes into the kernel`)
    await addRoutes(node, ROUTES)
    await node.startZebra()
    await installed(node, 'kernel', ROUTES)
    await node.spawn('sink', [sink, String(PORT.sink)])
    const script = join(ROOT, 'dist/bench/fpm-listener.js')
    await node.spawn('macipd', [process.execPath, ...process.execArgv, script, String(PORT.macipd)])
    for (const name of ['sink', 'macipd'])
      await lab.waitFor(
        `${name} to listen`,
        () => node.daemon(name).log(),
        (log) => log.includes('listening'),
      )

    const heard: Record<keyof typeof PORT, Heard[]> = { sink: [], macipd: [] }
    const waits: Record<keyof typeof PORT, number[]> = { sink: [], macipd: [] }
    for (let pair = 0; pair < PAIRS; pair++) {
      progress(`round ${pair + 1} of ${PAIRS}`)
      for (const to of ['sink', 'macipd'] as const) {
        const before = await full(node)
        heard[to].push(await told(lab, node, to))
        progress(`${to}: ${heard[to].at(-1)?.seconds.toFixed(3)} s`)
        waits[to].push((await full(node)) - before)
      }
    }
    const seconds = (to: keyof typeof PORT): number[] => heard[to].map(({ seconds }) => seconds)
    return [
      { name: 'to a sink in C', value: median(seconds('sink')), unit: 's' },
      { name: 'to macipd', value: median(seconds('macipd')), unit: 's' },
      // of the medians: zebra pauses for a second whenever its buffer is full, on whatever run of either that falls
      { name: 'ratio', value: median(seconds('macipd')) / median(seconds('sink')), unit: '', target: '<= 1.2' },
      { name: 'until all is understood', value: median(heard.macipd.map((it) => it.understood ?? NaN)), unit: 's' },
      { name: 'resident memory', value: heard.macipd.at(-1)?.resident ?? NaN, unit: 'MiB' },
      { name: "zebra's buffer was full for the sink", value: sum(waits.sink), unit: 'times' },
      { name: "zebra's buffer was full for macipd", value: sum(waits.macipd), unit: 'times' },
    ]
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Lets zebra connect there; resolves with what was heard when all routes have been. */
async function told(lab: Lab, node: Router, to: keyof typeof PORT): Promise<Heard> {
  const lines = (): string[] => node.daemon(to).log().trimEnd().split('\n')
  const from = lines().length
  await node.configure(`fpm address 127.0.0.1 port ${PORT[to]}`)
  const all = await lab.waitFor(
    `${to} to be told everything`,
    () =>
      lines()
        .slice(from)
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Heard)
        .filter(({ bytes }) => bytes >= LEAST_BYTES),
    (found) => found.length > 0,
    { timeoutMs: PATIENCE_MS },
  )
  await node.configure('no fpm address')
  const [first] = all
  if (first === undefined) throw new Error(`${to} was told nothing`)
  return first
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** How often zebra's FPM buffer was full, so that its dataplane had to wait. */
async function full(node: Router): Promise<number> {
  const counters = (await node.vtyshJson('show fpm counters json')) as Record<string, number>
  return counters['buffer-full-hits'] ?? NaN
}
