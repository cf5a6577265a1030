// The program `macipd`: starts one of the two daemons.
import { Command } from 'commander'
import { configured, EXIT_CODES, withVersion } from './command.js'
import { relay } from './daemon/relay.js'
import { snoop } from './daemon/snoop.js'

export const program = withVersion(configured(new Command('macipd')))
  .addCommand(relay)
  .addCommand(snoop)
  .description('Advertises the MAC-IP bindings seen in ARP and ND on Linux bridges as EVPN Type-2 routes through FRR.')
  .addHelpText(
    'after',
    `${EXIT_CODES}\n\nSee macipd relay --help and macipd snoop --help; macipctl status shows both at work.`,
  )
