// A short life of the fabric under faults: the compiled program, run as a process, with seeds that are always the same.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { suite, test } from 'node:test'
import { FAULTS } from '../chaos/faults/table.js'
import { ROOT } from '../lab/frr.js'

const CHAOS = join(ROOT, 'dist/chaos/main.js')

/** Runs to its end; `stderr` has the progress, and what is known of a failure. */
async function chaos(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [CHAOS, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  return { code: await ended, stdout, stderr }
}

/**
 * Those after which nothing but macipd has to recover. While bgpd and zebra are apart, FRR overlooks what the kernel forgets;
 * how long that lasts depends on the machine.
 */
const OF_MACIPD = [
  ...['worker-kill', 'worker-stop', 'keeper-stop', 'unit-kill', 'unit-restart', 'snooper-kill', 'snooper-restart'],
  ...['snooper-stop', 'bgpd-stop', 'zebra-stop', 'run-dir-fill', 'run-dir-locked', 'run-dir-empty', 'journal-flip'],
  ...['journal-truncate', 'journal-delete', 'no-process', 'no-descriptor', 'no-memory'],
]
const OF_FRR = [...FAULTS.keys()].filter((name) => !OF_MACIPD.includes(name))

/** Seeds with which every fault comes in two phases of one of the runs. */
const RUNS = [
  { frr: '8.4', seed: 207, faults: OF_MACIPD },
  { frr: '10.7', seed: 38378, faults: OF_MACIPD },
  { frr: '10.3', seed: 6, faults: OF_FRR },
] as const

type Run = (typeof RUNS)[number]
const argumentsOf = ({ frr, seed, faults }: Run): string[] => [
  ...['--frr', frr, '--seed', `${seed}`, '--only', faults.join(), '--phases', '2'],
  ...['--hosts', '100', '--routes', '500', '--ports', '2'],
]

suite('chaos', { concurrency: true }, () => {
  for (const run of RUNS)
    test(`FRR ${run.frr}: 100 hosts and 500 routes agree after every phase`, async () => {
      const { code, stdout, stderr } = await chaos(...argumentsOf(run))
      assert.equal(code, 0, stdout + stderr)
      assert.match(stdout, /^2 phases, 10 faults, \d+ operations/)
    })
})

test('every fault comes in one of the runs', async () => {
  const listed = await Promise.all(RUNS.map((run) => chaos('--list', ...argumentsOf(run))))
  const come = new Set(
    listed.flatMap(({ stdout }) => [...stdout.matchAll(/ {2}n[12] {2}([a-z-]+)/g)].map(([, name]) => name)),
  )
  assert.deepEqual(
    [...FAULTS.keys()].filter((name) => !come.has(name)),
    [],
  )
})

test('the schedule is printed, and nothing is started', async () => {
  const { code, stdout } = await chaos('--list', '--seed', '7', '--phases', '2')
  assert.equal(code, 0)
  assert.match(stdout, /^phase 1\n( {2}[1-5]\. \+\d+\.\d s {2}n[12] {2}[a-z-]+(, for \d+\.\d s)?\n){5}phase 2\n/)
  assert.equal((await chaos('--list', '--seed', '7', '--phases', '2')).stdout, stdout)
})

test('a wrong option is refused before anything is started', async () => {
  const { code, stderr } = await chaos('--only', 'worker-hug')
  assert.equal(code, 2)
  assert.match(stderr, /There is no fault worker-hug; see --help/)
})
