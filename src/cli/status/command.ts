// `macipctl status` says whether everything is fine, and what is wrong.
import { Command } from 'commander'
import { ExitCode, FatalError } from '../../base/exit.js'
import { type Io, print } from '../io.js'
import { type Common, json, keeperSocket, ofBoth, RUN_DIR_OPTION, sockets } from '../options.js'
import { askRelay, askSnooper, nothingAnswers } from '../queries.js'
import { count, paintFor } from '../text.js'
import { findings } from './health.js'
import { askKeeper } from './keeper.js'
import { renderStatus } from './text.js'

/** A process that takes longer hangs, or does not find time for bgpd's bytes either. */
const TIMEOUT_MS = 1200

export const statusCommand = (io: Io): Command =>
  ofBoth(new Command('status'), io)
    .option(...RUN_DIR_OPTION)
    .summary('is everything fine, and what is wrong')
    .description(
      'Shows what is wrong and what to do, then the state of relay and snooper. It takes no longer than 2 s.',
    )
    .addHelpText(
      'after',
      `
Exit codes: 0 nothing is wrong, or only notices; 10 a problem; 7 nothing answers at all

JSON:
  healthy   there is no problem
  findings  id (such as worker-hung, which stays the same), severity (problem or notice), what is wrong, todo
  keeper, relay, snooper
            running, socket, and what the process says of itself; or cause (absent, unnamed, refused, denied, silent,
            no-descriptor or other), error, and the pid of a process that hangs, if it is known`,
    )
    .action(async (given: Common & { runDir?: string }) => {
      const { relay, snoop } = await sockets(given)
      const [keeper, worker, snooper] = await Promise.all([
        askKeeper(await keeperSocket(given), TIMEOUT_MS),
        askRelay(relay, TIMEOUT_MS),
        askSnooper(snoop, TIMEOUT_MS),
      ])
      const answers = { keeper, relay: worker, snooper }
      const now = Date.now()
      const found = findings(answers, now)
      const problems = found.filter(({ severity }) => severity === 'problem').length
      if (given.json) print(io, json({ healthy: problems === 0, findings: found, ...answers }))
      else print(io, renderStatus(answers, found, now, paintFor(io)))
      if (!keeper.running && !worker.running && !snooper.running) throw nothingAnswers(relay, snoop)
      if (problems > 0) throw new FatalError(ExitCode.unhealthy, count(problems, 'problem'))
    })
