// Creates the program `macipd`, which starts one of the three daemons.
import { Command } from 'commander'
import { configured, EXIT_CODES, withVersion } from './command.js'
import { proxyCommand } from './daemon/proxy.js'
import { relayCommand } from './daemon/relay.js'
import { snoopCommand } from './daemon/snoop.js'
import type { Io } from './io.js'

export const createMacipd = (io: Io): Command =>
  withVersion(configured(new Command('macipd'), io))
    .addCommand(relayCommand(io))
    .addCommand(snoopCommand(io))
    .addCommand(proxyCommand(io))
    .description(
      'Advertises the MAC-IP bindings seen in ARP and ND on Linux bridges as EVPN Type-2 routes through FRR.',
    )
    .addHelpText(
      'after',
      `${EXIT_CODES}\n\nSee macipd relay --help and macipd snoop --help, which macipctl status shows at work, and macipd proxy --help for\nVTEPs that speak no BGP.`,
    )
