// Whether `macipctl status` tells of a fault, which lasts until then.
import { setTimeout as sleep } from 'node:timers/promises'
import * as v from 'valibot'
import { PATIENCE } from '../lab/wait.js'
import type { Node } from './node.js'

/** A fault that is over sooner need not be told: asking takes up to 2 s. */
export const TOLD_AFTER_MS = 3000
/** Limit on a busy machine. */
const TOLD_WITHIN_MS = 20_000 * PATIENCE
const PAUSE_MS = 100

const Status = v.object({ findings: v.array(v.object({ id: v.string() })) })

/** Asks again and again until the finding is told; resolves to what was told instead if it is not in time. */
export async function told(node: Node, finding: string): Promise<string[] | undefined> {
  const instead = new Set<string>()
  const end = performance.now() + TOLD_WITHIN_MS
  while (performance.now() < end) {
    for (const { id } of await findings(node)) {
      if (id === finding) return undefined
      instead.add(id)
    }
    await sleep(PAUSE_MS)
  }
  return [...instead]
}

async function findings({ router, runDir = '' }: Node): Promise<{ id: string }[]> {
  // its exit code only says whether there are any
  const answer = await router.macipctl('status', '--run-dir', runDir)
  return v.parse(Status, answer).findings
}
