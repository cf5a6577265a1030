// Creates the program `macipd`, which starts one of the two daemons.
import { Command } from 'commander'
import { configured, EXIT_CODES, withVersion } from './command.js'
import { relayCommand } from './daemon/relay.js'
import { snoopCommand } from './daemon/snoop.js'
import type { Io } from './io.js'

export const createMacipd = (io: Io): Command =>
  withVersion(configured(new Command('macipd'), io))
    .addCommand(relayCommand(io))
    .addCommand(snoopCommand(io))
    .description(
      'Advertises the MAC-IP bindings seen in ARP and ND on Linux bridges as EVPN Type-2 routes through FRR.',
    )
    .addHelpText(
      'after',
      `${EXIT_CODES}\n\nSee macipd relay --help and macipd snoop --help; macipctl status shows both at work.`,
    )
