// `macipctl doctor` looks at everything on a node that must be right, and says what to type where it is not.
import { Command } from 'commander'
import { ExitCode, FatalError } from '../../base/exit.js'
import { type Io, print, terminalWidth } from '../io.js'
import { type Common, json, ofBoth, RUN_DIR_OPTION } from '../options.js'
import { count, paintFor } from '../text.js'
import { countsOf, examine } from './examine.js'
import { observe } from './observe/observe.js'
import { renderResults } from './text.js'

type Given = Common & { runDir?: string; daemons?: string; all?: true }

export const doctorCommand = (io: Io): Command =>
  ofBoth(new Command('doctor'), io)
    .option(...RUN_DIR_OPTION)
    .option('--daemons <file>', 'the file that FRR’s scripts source (default: /etc/frr[/NAME]/daemons)')
    .option('-a, --all', 'also say what is fine, a line for each check')
    .summary('is everything as it must be, and what to type where it is not')
    .description(
      `Looks at services, kernel, FRR, relay, snooper and network of this node, and says of each thing whether it is as it must be, what it means if not, and what to type. It begins with what macipctl status finds.

It changes nothing, and takes no longer than 5 s, whatever hangs. Without root it says what it could not see.`,
    )
    .addHelpText(
      'after',
      `
Exit codes: 0 nothing is wrong, as far as it can be seen; 10 something fails; 12 only warnings

A line of what to type that begins with # is a comment. What is not known (?) could not be seen, or follows from something
else that is wrong.

JSON:
  healthy   nothing fails
  ok, warn, fail, unknown
            how many checks have come out so
  checks    id (such as bgpd-option, which stays the same), group (system, kernel, frr, relay, snooper or network), status
            (ok, warn, fail or unknown), what, means, todo (lines to type)

Examples:
  macipctl doctor
  macipctl doctor --all
  macipctl doctor --json | jq '.checks[] | select(.status == "fail")'`,
    )
    .action(async (given: Given) => {
      const results = examine(await observe(given))
      const counts = countsOf(results)
      const { warn, fail } = counts
      if (given.json) print(io, json({ healthy: fail === 0, ...counts, checks: results }))
      else
        print(
          io,
          renderResults(results, {
            all: given.all === true,
            isRoot: process.geteuid?.() === 0,
            width: terminalWidth(io),
            paint: paintFor(io),
          }),
        )
      if (fail > 0) throw new FatalError(ExitCode.unhealthy, `${fail} of ${count(results.length, 'check')} failed`)
      if (warn > 0) throw new FatalError(ExitCode.warnings, count(warn, 'warning'))
    })
