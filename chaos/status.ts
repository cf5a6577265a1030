// Whether `macipctl status` tells of a fault while it lasts.
import { setTimeout as sleep } from 'node:timers/promises'
import * as v from 'valibot'
import type { Node } from './node.js'

/** A fault that is over sooner need not be told: asking takes up to 2 s. */
export const TOLD_AFTER_MS = 3000
const PAUSE_MS = 100

const Status = v.object({ findings: v.array(v.object({ id: v.string() })) })

/** Asks again and again until the finding is told, or the fault is over; resolves to what else was told. */
export async function isTold(
  node: Node,
  finding: string,
  isOver: () => boolean,
): Promise<{ told: boolean; instead: string[] }> {
  const instead = new Set<string>()
  while (!isOver()) {
    for (const { id } of await findings(node)) {
      if (id === finding) return { told: true, instead: [] }
      instead.add(id)
    }
    await sleep(PAUSE_MS)
  }
  return { told: false, instead: [...instead] }
}

async function findings({ router, runDir = '' }: Node): Promise<{ id: string }[]> {
  // its exit code only says whether there are any
  const answer = await router.macipctl('status', '--run-dir', runDir)
  return v.parse(Status, answer).findings
}
