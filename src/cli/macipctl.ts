// The program `macipctl`: asks relay and snooper, prints for people or for programs.
import { Command } from 'commander'
import { bindings } from './bindings/command.js'
import { check } from './check/command.js'
import { clear } from './clear/command.js'
import { configured, EXIT_CODES, withVersion } from './command.js'
import { events } from './events/command.js'
import { explain } from './explain/command.js'
import { fpm } from './fpm/command.js'
import { sockets } from './options.js'
import { show } from './show/command.js'
import { status } from './status/command.js'
import { dumpCommand } from './zapi/dump/command.js'
import { replay } from './zapi/replay/command.js'

const zapi = configured(new Command('zapi'))
  .summary('the conversation between bgpd and zebra')
  .description('Looks into the conversation between bgpd and zebra.')
  .addCommand(dumpCommand((given) => sockets(given).relay))
  .addCommand(replay)

export const program = withVersion(configured(new Command('macipctl')))
  .addCommand(status)
  .addCommand(bindings)
  .addCommand(explain)
  .addCommand(events)
  .addCommand(clear)
  .addCommand(show)
  .addCommand(check)
  .addCommand(zapi)
  .addCommand(fpm)
  .description('Shows what macipd on this node has learned and announced, and what is wrong.')
  .addHelpText(
    'after',
    `${EXIT_CODES}

Examples:
  macipctl status
  macipctl bindings --state pending
  macipctl explain 10.0.0.1
  macipctl events --follow
  macipctl show remote --vni 100
  macipctl check
  macipctl zapi dump --follow
  macipctl fpm dump --follow
  macipctl zapi replay FILE`,
  )
