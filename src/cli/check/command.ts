// `macipctl check` compares what zebra and bgpd say with what zebra programs, and with what macipd announces.
import { Command } from 'commander'
import { setTimeout as sleep } from 'node:timers/promises'
import { EXIT_CODES } from '../command.js'
import { ExitCode, FatalError } from '../../base/exit.js'
import { askBindings, askFpm, askViews, nothingAnswers } from '../queries.js'
import { compare, type Comparison, lasting } from './compare.js'
import { type Checked, renderCheck } from './text.js'
import type { FpmReport } from '../fpm/report.js'
import { HOW_TO_CONNECT, whyNothing } from '../fpm/tables.js'
import { type Io, print } from '../io.js'
import { type Common, json, ofBoth, sockets } from '../options.js'
import type { Answer } from '../report.js'
import { count, paintFor } from '../text.js'

/** After this time differences are looked at again: while something moves, ZAPI and FPM do not hear of it at once. */
const AGAIN_MS = 1000

export const checkCommand = (io: Io): Command =>
  ofBoth(new Command('check'), io)
    .summary('do zebra and bgpd say what zebra programs')
    .description(
      `Cross-checks with FPM: compares what zebra and bgpd tell each other (ZAPI, as the relay saw it) with what zebra programs (FPM, as it told the snooper), and both with what macipd announces. Lists what differs, after a second look.

A source that is missing is named, and is no disagreement.`,
    )
    .addHelpText(
      'after',
      `
JSON: agree (true, false; null: nothing to compare), missing (source, why, todo), counts in compared and notComparable, and
  disagreements  kind, vni, mac, ip (of host-route), what each says (zapi or route, and fpm: vtep, since, freshness),
                 bindings
kinds: local-and-remote, vtep, host-route (docs/fpm.md)
${EXIT_CODES}`,
    )
    .action(async (given: Common) => {
      const { relay, snoop } = sockets(given)
      const first = await look(relay, snoop)
      const checked = first.disagreements.length === 0 ? first : await lookAgain(first, relay, snoop)
      const { disagreements, missing, agree, notComparable } = checked
      if (given.json) {
        const verdict = disagreements.length > 0 ? false : missing.length > 0 ? null : true
        print(io, json({ agree: verdict, disagreements, missing, compared: agree, notComparable }))
      } else print(io, renderCheck(checked, Date.now(), paintFor(io)))
      if (disagreements.length > 0)
        throw new FatalError(
          ExitCode.disagreement,
          `${count(disagreements.length, 'disagreement')} between ZAPI and FPM`,
        )
    })

async function lookAgain(first: Comparison, relay: string, snoop: string): Promise<Checked> {
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
    views: views.running ? views : { vnis: [], macs: [], remote: [], vteps: [] },
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
