// `macipctl explain` says why an address is, or is not, advertised.
import { Argument, Command } from 'commander'
import { EXIT_CODES } from '../command.js'
import { ExitCode, FatalError } from '../../base/exit.js'
import { askExplanation, askOverlay, askRelay, askSnooper, askViews, nothingAnswers } from '../queries.js'
import { explained } from './facts.js'
import { renderExplained } from './text.js'
import { type Io, print } from '../io.js'
import { type Address, addressArgument, type Common, json, ofBoth, sockets, vniOption } from '../options.js'
import { paintFor } from '../text.js'

type Given = Common & { vni?: number }

export const explainCommand = (io: Io): Command =>
  ofBoth(new Command('explain'), io)
    .summary('why an address is, or is not, advertised')
    .description(
      `Says whether an address is advertised, why, and what to do; then all that this rests on: what its host said, what zebra and bgpd say, the rule that decided, what comes next, what happened, and claims that were not believed.`,
    )
    .addArgument(new Argument('<address>', 'an IP or MAC address').argParser(addressArgument))
    .addOption(vniOption('only in this VNI'))
    .addHelpText(
      'after',
      `
JSON: address, vni, policy, hints (what is wrong in general), and
  subjects   one for each MAC-IP: vni, ip (null: the MAC alone), mac, advertisedBy (macipd, zebra, null), verdict,
             todo, state, reason, binding, detail (timer, claim, moves, …), zebra, remote, events, refusals
  events, refusals   what belongs to none of them
  unknown    verdict and todo, if there are no subjects
${EXIT_CODES}

Examples:
  macipctl explain 10.0.0.5
  macipctl explain bc:24:11:00:00:01 --vni 100
  macipctl explain 2001:db8::5 --json`,
    )
    .action(async (address: Address, given: Given) => {
      const { relay, snoop } = await sockets(given)
      const [snooper, snooperStatus, relayStatus, views, overlay] = await Promise.all([
        askExplanation(snoop, address, given.vni),
        askSnooper(snoop),
        askRelay(relay),
        askViews(relay),
        askOverlay(relay),
      ])
      if (!snooper.running && !relayStatus.running) {
        throw nothingAnswers(relay, snoop)
      }
      const now = Date.now()
      const inputs = { address, vni: given.vni, snooper, snooperStatus, relay: relayStatus, views, overlay, now }
      const result = explained(inputs)
      if (given.json) print(io, json(result))
      else print(io, renderExplained(result, now, paintFor(io)))
      if (result.subjects.length === 0) throw new FatalError(ExitCode.notFound, `${result.address} is not known here`)
    })
