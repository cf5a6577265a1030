// A real VRRP router (RFC 5798) in a VM: Debian's keepalived, in a root file system of its own.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ExitCode, FatalError } from '../src/base/exit.js'
import { labCache } from './frr.js'
import type { Daemon } from './process.js'
import type { Vm } from './vm.js'

export interface VrrpOptions {
  /** 1 to 255. */
  readonly id: number
  /** The router with the highest one that is there is the master. */
  readonly priority: number
  readonly address: string
  /** The address has the virtual router's MAC (RFC 5798 7.3), on a macvlan; else it has that of the VM's interface. */
  readonly virtualMac: boolean
}

/** Seconds from one advertisement to the next: a backup takes over after some more than three of them. */
const INTERVAL = 0.2

/** Arguments: the configuration's directory, the tree. */
const RUN = `
set -e
mount --bind "$1" "$2/etc/keepalived"
mount -t tmpfs run "$2/run"
mount --rbind /proc "$2/proc"
exec chroot "$2" keepalived --dont-fork --log-console --log-detail --vrrp
`

/** RFC 5798 7.3. */
export const virtualMac = (id: number): string => `00:00:5e:00:01:${id.toString(16).padStart(2, '0')}`

/** The end of the process is that of the router: it says so to the others, and gives up the address. */
export async function startKeepalived(vm: Vm, options: VrrpOptions): Promise<Daemon> {
  const tree = join(labCache(), 'keepalived')
  if (!existsSync(tree))
    throw new FatalError(ExitCode.internal, `there is no keepalived in ${tree}: run node tools/tree.mjs keepalived`)
  const directory = vm.file('keepalived')
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, 'keepalived.conf'), configuration(options))
  const argv = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', RUN, 'keepalived', directory, tree]
  return vm.spawn('keepalived', argv)
}

/** Announcements are keepalived's defaults: five at once, and five more five seconds later. */
const configuration = ({ id, priority, address, virtualMac }: VrrpOptions): string => `
global_defs {
  vrrp_version 3
}
vrrp_instance lab {
  state BACKUP
  interface eth0
  virtual_router_id ${id}
  priority ${priority}
  advert_int ${INTERVAL}
  ${virtualMac ? 'use_vmac' : ''}
  virtual_ipaddress {
    ${address}/24
  }
}
`
