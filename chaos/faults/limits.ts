// Faults of limits, put on processes that run: no new process, no new descriptor, no more memory.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Node } from '../node.js'
import type { Fault, Undo } from './fault.js'
import { nothing } from './fault.js'
import { signal } from './processes.js'

type Resource = 'nproc' | 'nofile' | 'data'

/** As the user of the process: of others, only who has CAP_SYS_RESOURCE may change the limits. */
function prlimit({ router }: Node, pid: number, ...args: readonly string[]): string {
  const [file = '', ...argv] = router.asFrr(['prlimit', '--pid', `${pid}`, ...args])
  return execFileSync(file, argv, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

/** Lowers the soft limit of a process until it is undone; a process that has ended has none. */
function limit(node: Node, pid: number, resource: Resource, value: number): Undo {
  const [soft = 'unlimited'] = prlimit(node, pid, `--${resource}`, '--raw', '--noheadings', '--output', 'SOFT').split(
    '\n',
  )
  prlimit(node, pid, `--${resource}=${value}:`)
  return () => {
    // looked at before: what ends in between is an error of no interest
    if (signal(pid, 'SIGCONT')) prlimit(node, pid, `--${resource}=${soft.trim()}:`)
  }
}

/** What a process may write to, kilobytes. */
function dataOf(pid: number): number {
  const [, kilobytes = '0'] = /^VmData:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes)
}

/** A process of Node's has as many descriptors at least, from its beginning to its end. */
const NEVER_FREE = 8

/** The keeper has to do without another worker meanwhile. */
const NO_WORKER = {
  targets: ['keeper', 'worker'],
  hold: { least: 500, most: 8000 },
  weight: 2,
  // the keeper waits for 3 s before it forwards the bytes itself
  toldAfter: 6000,
} as const

export const LIMIT_FAULTS = {
  'no-process': {
    about: 'the keeper may start no process (EAGAIN), and the worker is killed',
    ...NO_WORKER,
    finding: 'plain-forwarding',
    begin: (node) => {
      const undo = limit(node, node.keeperPid, 'nproc', 1)
      signal(node.workerPid(), 'SIGKILL')
      return Promise.resolve(undo)
    },
  },
  'no-descriptor': {
    about: 'the keeper may open no descriptor (EMFILE), and the worker is killed',
    ...NO_WORKER,
    finding: 'no-descriptor',
    begin: (node) => {
      // numbers below are never free, whichever connections end meanwhile
      const undo = limit(node, node.keeperPid, 'nofile', NEVER_FREE)
      signal(node.workerPid(), 'SIGKILL')
      return Promise.resolve(undo)
    },
  },
  'no-memory': {
    about: 'the worker gets no more memory (ENOMEM)',
    targets: ['worker'],
    hold: { least: 500, most: 4000 },
    weight: 2,
    begin: (node) => {
      const pid = node.workerPid()
      return Promise.resolve(pid === undefined ? nothing : limit(node, pid, 'data', dataOf(pid) * 1024))
    },
  },
} satisfies Record<string, Fault>
