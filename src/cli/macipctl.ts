// Creates the program `macipctl`, which asks relay and snooper, and prints for people or for programs.
import { Command } from 'commander'
import { bindingsCommand } from './bindings/command.js'
import { checkCommand } from './check/command.js'
import { clearCommand } from './clear/command.js'
import { configured, EXIT_CODES, withVersion } from './command.js'
import { completionCommand } from './completion/command.js'
import { doctorCommand } from './doctor/command.js'
import { eventsCommand } from './events/command.js'
import { explainCommand } from './explain/command.js'
import { fpmCommand } from './fpm/command.js'
import { hookCommand } from './hook/command.js'
import type { Io } from './io.js'
import { metricsCommand } from './metrics/command.js'
import { showCommand } from './show/command.js'
import { statusCommand } from './status/command.js'
import { dumpCommand } from './zapi/dump/command.js'
import { replayCommand } from './zapi/replay/command.js'

const zapiCommand = (io: Io): Command =>
  configured(new Command('zapi'), io)
    .summary('the conversation between bgpd and zebra')
    .description('Looks into the conversation between bgpd and zebra.')
    .addCommand(dumpCommand(io))
    .addCommand(replayCommand(io))

export const createProgram = (io: Io): Command =>
  withVersion(configured(new Command('macipctl'), io))
    .addCommand(statusCommand(io))
    .addCommand(doctorCommand(io))
    .addCommand(bindingsCommand(io))
    .addCommand(explainCommand(io))
    .addCommand(eventsCommand(io))
    .addCommand(clearCommand(io))
    .addCommand(showCommand(io))
    .addCommand(checkCommand(io))
    .addCommand(metricsCommand(io))
    .addCommand(hookCommand(io))
    .addCommand(zapiCommand(io))
    .addCommand(fpmCommand(io))
    .addCommand(completionCommand(io))
    .description('Shows what macipd on this node has learned and announced, and what is wrong.')
    .addHelpText(
      'after',
      `${EXIT_CODES}

Examples:
  macipctl status
  macipctl doctor
  macipctl bindings --state pending
  macipctl explain 10.0.0.1
  macipctl events --follow
  macipctl show remote --vni 100
  macipctl check
  macipctl metrics
  macipctl zapi dump --follow
  macipctl fpm dump --follow
  macipctl zapi replay FILE`,
    )
