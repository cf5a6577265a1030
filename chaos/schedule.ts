// Which fault comes when: pure, and the same for the same seed. A phase is a handful of faults, some of them at once, and
// is followed by quiet, in which everything has to agree again.
import { Random } from './random.js'

/** What a fault acts on. Two faults of one node never act on the same thing at once. */
export type Target = 'worker' | 'keeper' | 'snooper' | 'bgpd' | 'zebra' | 'run-dir'

/** What the schedule has to know of a fault. */
export interface Kind {
  readonly targets: readonly Target[]
  /** How long it lasts, milliseconds. */
  readonly hold: { readonly least: number; readonly most: number }
  /** How often it comes, compared with others; 0: never by chance. */
  readonly weight: number
  /** It comes once in a schedule at most. */
  readonly once?: true
}

export type NodeNumber = 1 | 2

export interface Step {
  /** Counts through the whole schedule, from 1. */
  readonly number: number
  /** Milliseconds since the beginning of the phase. */
  readonly at: number
  readonly fault: string
  readonly node: NodeNumber
  /** Milliseconds until it is undone. */
  readonly hold: number
  /** Seed of what is random in the fault itself. */
  readonly seed: number
}

export interface Phase {
  /** From 1. */
  readonly number: number
  readonly steps: readonly Step[]
}

export interface ScheduleOptions {
  readonly seed: number
  readonly kinds: ReadonlyMap<string, Kind>
  /** Faults of a phase; default 5. */
  readonly steps?: number
  /** The nodes that faults come to; default both. */
  readonly nodes?: readonly NodeNumber[]
}

const STEPS = 5
/** Between the beginnings of two faults; shorter than many of them last. */
const GAP_MS = { least: 200, most: 2000 }

/** Phases without end. */
export function* schedule({ seed, kinds, steps = STEPS, nodes = [1, 2] }: ScheduleOptions): Generator<Phase> {
  const random = new Random(seed)
  const spent = new Set<string>()
  let number = 0
  for (let phase = 1; ; phase++) {
    const busy = new Map<string, number>()
    const chosen: Step[] = []
    let at = 0
    for (let count = 0; count < steps; count++) {
      at += random.int(GAP_MS.least, GAP_MS.most)
      const node = random.pick(nodes)
      const possible = [...kinds].filter(([name, { weight }]) => weight > 0 && !spent.has(name))
      if (possible.length === 0) break
      const [fault, kind] = random.weighted(possible, ([, { weight }]) => weight)
      if (kind.once) spent.add(fault)
      const step = stepOf({ random, number: ++number, at, fault, kind, node, busy })
      at = step.at
      chosen.push(step)
    }
    yield { number: phase, steps: chosen }
  }
}

/** Each of the faults so many times, in random order, one after the other, on the first node. */
export function* kills(options: {
  readonly seed: number
  readonly kinds: ReadonlyMap<string, Kind>
  readonly faults: readonly string[]
  readonly count: number
  readonly perPhase?: number
}): Generator<Phase> {
  const { seed, kinds, faults, count, perPhase = 10 } = options
  const random = new Random(seed)
  const left = new Map(faults.map((fault) => [fault, count]))
  let number = 0
  for (let phase = 1; left.size > 0; phase++) {
    const busy = new Map<string, number>()
    const steps: Step[] = []
    let at = 0
    while (steps.length < perPhase && left.size > 0) {
      const [fault, more] = random.weighted([...left], ([, remaining]) => remaining)
      const kind = kinds.get(fault)
      if (kind === undefined) throw new Error(`there is no fault ${fault}`)
      if (more === 1) left.delete(fault)
      else left.set(fault, more - 1)
      at += random.int(GAP_MS.least, GAP_MS.most)
      const step = stepOf({ random, number: ++number, at, fault, kind, node: 1, busy })
      at = step.at
      steps.push(step)
    }
    yield { number: phase, steps }
  }
}

/** Time between two faults of the same target: what a daemon needs to start on a busy machine is waited for, too. */
const REST_MS = 1000

function stepOf(given: {
  random: Random
  number: number
  at: number
  fault: string
  kind: Kind
  node: NodeNumber
  /** `node target` → when it is free again. */
  busy: Map<string, number>
}): Step {
  const { random, number, fault, kind, node, busy } = given
  const names = kind.targets.map((target) => `${node} ${target}`)
  const at = Math.max(given.at, ...names.map((name) => busy.get(name) ?? 0))
  const hold = random.int(kind.hold.least, kind.hold.most)
  for (const name of names) busy.set(name, at + hold + REST_MS)
  return { number, at, fault, node, hold, seed: random.int(0, 2 ** 32 - 1) }
}

export const stepText = ({ number, at, fault, node, hold }: Step): string =>
  `${number}. +${(at / 1000).toFixed(1)} s  n${node}  ${fault}${hold === 0 ? '' : `, for ${(hold / 1000).toFixed(1)} s`}`
