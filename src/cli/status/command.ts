// `macipctl status` says whether everything is fine, and what is wrong.
import { Command } from 'commander'
import { type Io, print } from '../io.js'
import { type Common, json, ofBoth, sockets } from '../options.js'
import { askRelay, askSnooper, nothingAnswers } from '../queries.js'
import { paintFor } from '../text.js'
import { findings } from './health.js'
import { renderStatus } from './text.js'

export const statusCommand = (io: Io): Command =>
  ofBoth(new Command('status'), io)
    .summary('is everything fine, and what is wrong')
    .description('Shows what is wrong and what to do, then the state of relay and snooper.')
    .action(async (given: Common) => {
      const { relay, snoop } = sockets(given)
      const [relayAnswer, snooper] = await Promise.all([askRelay(relay), askSnooper(snoop)])
      const answers = { relay: relayAnswer, snooper }
      const now = Date.now()
      if (given.json) {
        const found = findings(answers, now)
        print(io, json({ healthy: found.every(({ severity }) => severity !== 'problem'), findings: found, ...answers }))
      } else {
        print(io, renderStatus(answers, now, paintFor(io)))
      }
      if (!relayAnswer.running && !snooper.running) throw nothingAnswers(relay, snoop)
    })
