// Phase after phase: faults while everything is in motion, then quiet, in which everything has to agree again.
import { setTimeout as sleep } from 'node:timers/promises'
import { reason } from '../src/base/exit.js'
import { agreement } from './agreement.js'
import { evidence } from './evidence.js'
import type { ChaosFabric } from './fabric.js'
import type { Fault, Undo } from './faults/fault.js'
import type { Node } from './node.js'
import { summary } from './oracle.js'
import { Random } from './random.js'
import { type NodeNumber, type Phase, type Step, stepText } from './schedule.js'
import { sessions } from './sessions.js'
import { told, TOLD_AFTER_MS } from './status.js'
import { grown, type Usages, usageLines, usagesOf } from './usage.js'

export interface RunOptions {
  readonly phases: Iterable<Phase>
  readonly faults: ReadonlyMap<string, Fault>
  /** No phase begins later than this, by performance.now(). */
  readonly until: number
  /** How long everything may take to agree. */
  readonly agreementMs: number
  readonly progress: (line: string) => void
}

/** Something that should not have happened. */
export interface Failure {
  /** 0: before the first one. */
  readonly phase: number
  readonly what: readonly string[]
  /** Of some of what differs. */
  readonly evidence: string
}

export interface Result {
  readonly phases: number
  readonly faults: ReadonlyMap<string, number>
  readonly operations: number
  /** Seconds until everything agreed, for each phase. */
  readonly agreed: readonly number[]
  /** What macipd's processes held after the first phases, now and then, and at the end. */
  readonly usages: readonly UsageAt[]
  /** Ends the run: what is wrong after it would not be new. */
  readonly failure: Failure | undefined
}

export interface UsageAt {
  /** Of the run. */
  readonly seconds: number
  readonly usages: Usages
}

/** What processes hold is noted so often. */
const USAGE_MS = 180_000
/** Connections that have ended are closed within this time. */
const CLOSED_MS = 5000
const CLOSED_POLL_MS = 100

export async function run(fabric: ChaosFabric, options: RunOptions): Promise<Result> {
  const chaos = new Run(fabric, options)
  await chaos.run()
  return chaos.result()
}

class Run {
  private phases = 0
  private readonly counts = new Map<string, number>()
  private readonly agreed: number[] = []
  private failure: Failure | undefined
  /** What a fault of a node acts on → when it is over. */
  private readonly busy = new Map<string, Promise<void>>()
  /** Nodes whose bgpd or zebra is not the first one. */
  private readonly outlived = new Set<NodeNumber>()
  /** Of each node, as it was when everything agreed. */
  private before: string[][] = []
  private firstSessions: string[][] = []
  private readonly usages: UsageAt[] = []
  private readonly begin = performance.now()

  constructor(
    private readonly fabric: ChaosFabric,
    private readonly options: RunOptions,
  ) {}

  result(): Result {
    const { phases, counts, agreed, usages, failure, fabric } = this
    return { phases, faults: counts, operations: fabric.traffic.operations, agreed, usages, failure }
  }

  async run(): Promise<void> {
    await this.quiet(0, [])
    for (const phase of this.options.phases) {
      if (this.failure !== undefined || performance.now() > this.options.until) break
      this.options.progress(`phase ${phase.number}: ${phase.steps.length} faults`)
      await this.phase(phase)
      this.phases++
    }
    this.noteUsage()
  }

  private noteUsage(): void {
    const usages = usagesOf(this.fabric.nodes)
    this.usages.push({ seconds: (performance.now() - this.begin) / 1000, usages })
    for (const line of usageLines(usages)) this.options.progress(`    ${line}`)
  }

  /** What processes have more of than in the beginning, and do not give back. */
  private async leaks(): Promise<string[]> {
    const first = this.usages[0]?.usages ?? new Map<string, never>()
    // a bgpd of another release may make more of them
    const more = new Map(
      this.before.map((now, index) => [index + 1, now.length - (this.firstSessions[index]?.length ?? now.length)]),
    )
    const end = performance.now() + CLOSED_MS
    for (;;) {
      const found = grown(first, usagesOf(this.fabric.nodes), more)
      if (found.length === 0 || performance.now() > end) return found
      await sleep(CLOSED_POLL_MS)
    }
  }

  private async phase({ number, steps }: Phase): Promise<void> {
    const { traffic } = this.fabric
    traffic.resume()
    const begin = performance.now()
    const ended = await Promise.allSettled(
      steps.map(async (step) => {
        await sleep(begin + step.at - performance.now())
        await this.whenFree(step)
      }),
    )
    const what = ended.flatMap((each) => (each.status === 'rejected' ? [reason(each.reason)] : []))
    try {
      await traffic.pause()
    } catch (error) {
      what.push(`traffic: ${reason(error)}`)
    }
    if (what.length > 0) this.failure = { phase: number, what, evidence: '' }
    else await this.quiet(number, steps)
  }

  /** On a slow machine what a fault acts on may not be back yet when the next one is due. */
  private async whenFree(step: Step): Promise<void> {
    const names = this.faultOf(step).targets.map((target) => `${step.node} ${target}`)
    const before = names.map((name) => this.busy.get(name))
    const done = Promise.allSettled(before.filter((each) => each !== undefined)).then(() => this.step(step))
    for (const name of names) this.busy.set(name, done)
    await done
  }

  private async step(step: Step): Promise<void> {
    const fault = this.faultOf(step)
    const node = this.nodeOf(step)
    this.options.progress(`  ${stepText(step)}`)
    this.counts.set(step.fault, (this.counts.get(step.fault) ?? 0) + 1)
    try {
      const isOfRelay = fault.targets.some((target) => target === 'worker' || target === 'keeper')
      const calm = isOfRelay ? node.troubleRelay() : undefined
      const last = (): Promise<void> =>
        fault.begin(node, new Random(step.seed)).then((undo) => this.lasts(step, fault, node, undo))
      await (fault.endsSessions ? node.withoutBgpd(last) : last())
      calm?.()
    } catch (error) {
      throw new Error(`${stepText(step)}: ${reason(error)}`, { cause: error })
    }
  }

  private async lasts(
    { hold }: Step,
    { finding, toldAfter = TOLD_AFTER_MS }: Fault,
    node: Node,
    undo: Undo,
  ): Promise<void> {
    const mustBeTold = node.withMacipd && finding !== undefined && hold >= toldAfter
    // a failure is looked at when the fault is over
    const [instead] = await Promise.allSettled([mustBeTold ? told(node, finding) : undefined, sleep(Math.max(0, hold))])
    await undo()
    if (instead.status === 'rejected') throw instead.reason
    if (instead.value !== undefined)
      throw new Error(
        `macipctl status did not tell of ${finding ?? ''}, but of: ${instead.value.join(', ') || 'nothing'}`,
      )
  }

  private async quiet(phase: number, steps: readonly Step[]): Promise<void> {
    const { fabric, options } = this
    const spoke = await fabric.traffic.settle(this.forgotten(steps))
    const { outlived } = this
    for (const step of steps) if (this.faultOf(step).leavesRemote === true) outlived.add(step.node)
    const { seconds, differences, ofFrr, forgotten } = await agreement(fabric, options.agreementMs, outlived)
    const again = [
      ...(spoke === 0 ? [] : [`, ${spoke} hosts spoke again`]),
      ...(ofFrr === 0 ? [] : [`, but ${ofFrr} that are FRR's own`]),
      ...(forgotten === 0 ? [] : [`, but ${forgotten} remote MACs that are gone`]),
    ].join('')
    if (differences.length > 0) {
      this.failure = { phase, what: summary(differences), evidence: await evidence(fabric, differences) }
      options.progress(`  after ${seconds.toFixed(1)} s they differ${again}`)
      return
    }
    this.agreed.push(seconds)
    for (const { number, zebraEnds } of fabric.nodes)
      if (zebraEnds > 0) options.progress(`  zebra of n${number} has ended by itself ${zebraEnds} times so far`)
    const lost = [...(await this.lostSessions(steps)), ...(await this.leaks())]
    if (lost.length > 0) this.failure = { phase, what: lost, evidence: '' }
    options.progress(`  all agree after ${seconds.toFixed(1)} s${again}`)
    const noted = this.usages.at(-1)
    if (noted === undefined || performance.now() - this.begin > noted.seconds * 1000 + USAGE_MS) this.noteUsage()
  }

  /** Nodes that lost what the relay believes and the snooper both: nobody there is known until it speaks. */
  private forgotten(steps: readonly Step[]): Set<NodeNumber> {
    const lostTruth = steps.filter((step) => this.faultOf(step).losesTruth).map(({ node }) => node)
    const lostSnooper = steps.filter((step) => this.faultOf(step).targets.includes('snooper')).map(({ node }) => node)
    return new Set(lostTruth.filter((node) => lostSnooper.includes(node)))
  }

  private async lostSessions(steps: readonly Step[]): Promise<string[]> {
    const before = this.before
    this.before = await Promise.all(this.fabric.nodes.map(sessions))
    if (this.firstSessions.length === 0) this.firstSessions = this.before
    if (before.length === 0 || steps.some((step) => this.faultOf(step).endsSessions)) return []
    return this.before.flatMap((now, index) => {
      // bgpd makes a synchronous connection a while after the others
      const lost = before[index]?.filter((session) => !now.includes(session)) ?? []
      return lost.length === 0 ? [] : [`n${index + 1}: sessions were lost: ${lost.join(', ')}; now ${now.join(', ')}`]
    })
  }

  private faultOf({ fault }: Step): Fault {
    const found = this.options.faults.get(fault)
    if (found === undefined) throw new Error(`there is no fault ${fault}`)
    return found
  }

  private nodeOf({ node }: Step): Node {
    return this.fabric.nodes[node - 1] ?? this.fabric.nodes[0]
  }
}
