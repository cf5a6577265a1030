// Asks relay and snooper for what `macipctl check` compares.
import { setTimeout as sleep } from 'node:timers/promises'
import type { FpmReport } from '../fpm/report.js'
import { HOW_TO_CONNECT, whyNothing } from '../fpm/tables.js'
import { askBindings, askFpm, askViews, nothingAnswers } from '../queries.js'
import type { Answer } from '../report.js'
import { compare, lasting } from './compare.js'
import type { Checked } from './text.js'

/** After this time differences are looked at again: while something moves, ZAPI and FPM do not hear of it at once. */
const AGAIN_MS = 1000

/** Compares, and looks again if there is a difference. Throws FatalError (notRunning) if neither process answers. */
export async function checkOnce(relay: string, snoop: string): Promise<Checked> {
  const first = await look(relay, snoop)
  if (first.disagreements.length === 0) return first
  await sleep(AGAIN_MS)
  const second = await look(relay, snoop)
  return { ...second, disagreements: lasting(first.disagreements, second.disagreements) }
}

/** Asks and compares once. Throws FatalError (notRunning) if neither relay nor snooper answers. */
async function look(relay: string, snoop: string): Promise<Checked> {
  const [views, bindings, macs, routes] = await Promise.all([
    askViews(relay),
    askBindings(snoop),
    askFpm(snoop, { what: 'macs' }),
    askFpm(snoop, { what: 'routes' }),
  ])
  const missing: Checked['missing'] = []
  if (!views.running) {
    if (!macs.running) throw nothingAnswers(relay, snoop)
    const why = `the relay does not answer at ${relay}: ${views.error}`
    missing.push({ source: 'relay', why, todo: 'start it with: macipd relay; or name its socket with --relay' })
  }
  missing.push(...missingFpm(macs, snoop))
  const comparison = compare({
    views: views.running ? views : { vnis: [], macs: [], remote: [], synced: [], vteps: [] },
    bindings: bindings.running ? bindings.bindings : [],
    macs: macs.running ? macs.macs : [],
    routes: routes.running ? routes.routes : [],
  })
  return { ...comparison, missing }
}

function missingFpm(answer: Answer<FpmReport>, snoop: string): Checked['missing'] {
  if (!answer.running) {
    const why = `the snooper does not answer at ${snoop}: ${answer.error}`
    return [{ source: 'snooper', why, todo: 'start it with: macipd snoop; or name its socket with --snoop' }]
  }
  const { status } = answer
  const why = whyNothing(status)
  if (why !== undefined)
    return [
      {
        source: 'fpm',
        why,
        todo: status.off || status.error !== '' ? 'see fpm.listen in docs/configuration.md' : HOW_TO_CONNECT,
      },
    ]
  if (status.phase !== 'disconnected') return []
  const todo = 'nothing, if zebra is being restarted; else see its log, and: vtysh -c "show fpm counters"'
  return [{ source: 'fpm', why: 'zebra has lost its FPM connection: what it said is stale', todo }]
}
