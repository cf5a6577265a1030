// A short life of the fabric under faults: the compiled program, run as a process, with seeds that are always the same.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { suite, test } from 'node:test'
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
const FAULTS = [
  ...['worker-kill', 'worker-stop', 'keeper-stop', 'unit-kill', 'unit-restart', 'snooper-kill', 'snooper-restart'],
  ...['snooper-stop', 'bgpd-stop', 'zebra-stop', 'run-dir-fill', 'run-dir-locked', 'run-dir-empty', 'journal-flip'],
  ...['journal-truncate', 'journal-delete', 'no-process', 'no-descriptor', 'no-memory'],
].join()

suite('chaos', { concurrency: true }, () => {
  for (const [frr, seed] of [
    ['8.4', 1],
    ['10.7', 2],
  ] as const)
    test(`FRR ${frr}: 100 hosts and 500 routes agree after every phase`, async () => {
      const sizes = ['--hosts', '100', '--routes', '500', '--ports', '2', '--phases', '2', '--only', FAULTS]
      const { code, stdout, stderr } = await chaos('--frr', frr, '--seed', `${seed}`, ...sizes)
      assert.equal(code, 0, stdout + stderr)
      assert.match(stdout, /^2 phases, 10 faults, \d+ operations/)
    })
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
