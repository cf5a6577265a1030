// `macipctl check` compares what zebra and bgpd say with what zebra programs, and with what macipd announces.
import { Command } from 'commander'
import { EXIT_CODES } from '../command.js'
import { ExitCode, FatalError } from '../../base/exit.js'
import { checkOnce } from './look.js'
import { renderCheck } from './text.js'
import { type Io, print } from '../io.js'
import { type Common, json, ofBoth, sockets } from '../options.js'
import { count, paintFor } from '../text.js'

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
      const { relay, snoop } = await sockets(given)
      const checked = await checkOnce(relay, snoop)
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
