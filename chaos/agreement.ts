// Waits, for a bounded time, until everything shows what the world says.
import { setTimeout as sleep } from 'node:timers/promises'
import type { ChaosFabric } from './fabric.js'
import { type Difference, differences, expectedViews, type Known, withoutForgottenMacs, withoutFrrs } from './oracle.js'
import { seen } from './seeing.js'

const PAUSE_MS = 250
/** Between two frames of each host. */
const HUM_MS = 1000

export interface Agreement {
  /** Seconds until they agreed, or until waiting ended. */
  readonly seconds: number
  /** What still differs. */
  readonly differences: readonly Difference[]
  /** How many more there are that are FRR's own. */
  readonly ofFrr: number
  /** MACs that macipd takes for remote, and that are gone. */
  readonly forgotten: number
}

/**
 * Nothing may change in the world meanwhile.
 */
export async function agreement(
  { nodes, world, traffic }: ChaosFabric,
  timeoutMs: number,
  outlived: Known['outlived'],
): Promise<Agreement> {
  const expected = nodes.map((node) => expectedViews(world, node.number, node.withMacipd))
  const begin = performance.now()
  let hummed = -Infinity
  for (;;) {
    if (performance.now() - hummed > HUM_MS) {
      traffic.hum()
      hummed = performance.now()
    }
    const found = await Promise.all(
      nodes.map(async (node, index) => {
        const wanted = expected[index]
        return wanted === undefined ? [] : differences(node.number, wanted, await seen(node))
      }),
    )
    const every = found.flat()
    // a relay may begin to read them only now
    const relearned = new Set(nodes.flatMap((node) => (node.hasRelearned() ? [node.number] : [])))
    const ofMacipd = withoutFrrs(every, world, { relearned, outlived })
    const all = withoutForgottenMacs(ofMacipd, relearned)
    const counts = { ofFrr: every.length - ofMacipd.length, forgotten: ofMacipd.length - all.length }
    const elapsed = performance.now() - begin
    if (all.length === 0 || elapsed > timeoutMs) return { seconds: elapsed / 1000, differences: all, ...counts }
    await sleep(PAUSE_MS)
  }
}
