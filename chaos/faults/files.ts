// Faults of the run directory and of the journal in it.
import {
  chmodSync,
  chownSync,
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { errnoName } from '../../src/base/exit.js'
import type { Node } from '../node.js'
import type { Random } from '../random.js'
import { type Fault, nothing } from './fault.js'
import { signal } from './processes.js'

const CHUNK = Buffer.alloc(4096)

const inRunDir = ({ runDir = '' }: Node, name: string): string => join(runDir, name)
const journalOf = (node: Node): string => inRunDir(node, 'journal')

/** Takes all the room there is. */
function fill(path: string): void {
  const file = openSync(path, 'w')
  try {
    for (;;) writeSync(file, CHUNK)
  } catch (error) {
    if (errnoName(error) !== 'ENOSPC') throw error
  } finally {
    closeSync(file)
  }
}

/** Damages the journal, unless there is none at the moment, and kills the worker, whose successor reads it. */
function damaged(node: Node, damage: (path: string) => void): Promise<typeof nothing> {
  try {
    damage(journalOf(node))
  } catch (error) {
    if (errnoName(error) !== 'ENOENT') throw error
  }
  signal(node.workerPid(), 'SIGKILL')
  return Promise.resolve(nothing)
}

function flip(path: string, random: Random): void {
  const file = openSync(path, 'r+')
  try {
    const offset = random.int(0, Math.max(0, fstatSync(file).size - 1))
    const byte = Buffer.alloc(1)
    readSync(file, byte, 0, 1, offset)
    writeSync(file, Buffer.of(byte.readUInt8() ^ (1 << random.int(0, 7))), 0, 1, offset)
  } finally {
    closeSync(file)
  }
}

const OF_JOURNAL = {
  targets: ['worker', 'run-dir'],
  hold: { least: 0, most: 0 },
  weight: 2,
  losesTruth: true,
} as const

export const FILE_FAULTS = {
  'run-dir-fill': {
    about: 'the run directory is full, and room again',
    targets: ['run-dir'],
    hold: { least: 1500, most: 6000 },
    weight: 2,
    finding: 'run-directory-full',
    losesTruth: true,
    begin: (node) => {
      const path = inRunDir(node, 'filling')
      fill(path)
      return Promise.resolve(() => {
        rmSync(path, { force: true })
      })
    },
  },
  'run-dir-locked': {
    about: 'nothing can be made in the run directory, the journal is removed, and it can again',
    targets: ['run-dir'],
    hold: { least: 1500, most: 6000 },
    weight: 2,
    finding: 'journal-not-writable',
    losesTruth: true,
    begin: ({ runDir = '', router: { frrId } }) => {
      chownSync(runDir, 0, 0)
      chmodSync(runDir, 0o555)
      rmSync(join(runDir, 'journal'), { force: true })
      return Promise.resolve(() => {
        chmodSync(runDir, 0o755)
        chownSync(runDir, frrId, frrId)
      })
    },
  },
  'run-dir-empty': {
    about: 'every file in the run directory is deleted, and the worker killed',
    ...OF_JOURNAL,
    begin: (node) => {
      for (const name of readdirSync(node.runDir ?? '')) rmSync(inRunDir(node, name), { force: true })
      return damaged(node, () => undefined)
    },
  },
  'journal-flip': {
    about: 'a bit of the journal is flipped, and the worker killed',
    ...OF_JOURNAL,
    begin: (node, random) =>
      damaged(node, (path) => {
        flip(path, random)
      }),
  },
  'journal-truncate': {
    about: 'the end of the journal is cut off, and the worker killed',
    ...OF_JOURNAL,
    begin: (node, random) =>
      damaged(node, (path) => {
        truncateSync(path, random.int(0, statSync(path).size))
      }),
  },
  'journal-delete': {
    about: 'the journal is deleted, and the worker killed',
    ...OF_JOURNAL,
    begin: (node) =>
      damaged(node, (path) => {
        rmSync(path)
      }),
  },
} satisfies Record<string, Fault>
