// A node's own directories, and the configuration of its daemons there.
import { chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bgpdConfig, type Tree, zebraConfig } from './frr.js'

/** Path inside a node -> directory of the node in the lab's directory. */
export const DIRECTORIES = { '/etc/frr': 'etc-frr', '/run/frr': 'run-frr', '/run/macipd': 'run-macipd' } as const

export const addressOf = (number: number) => `192.0.2.${number}`

/** Makes the directories that are mounted into a node's root, with the configuration of its daemons. */
export function prepareNode(labDirectory: string, number: number, tree: Tree, tenant: boolean): void {
  const name = `n${number}`
  mkdirSync(join(labDirectory, name, 'root'), { recursive: true })
  for (const own of Object.values(DIRECTORIES)) {
    mkdirSync(join(labDirectory, name, own))
    chownSync(join(labDirectory, name, own), tree.frrId, tree.frrId)
  }
  const configuration = {
    'zebra.conf': zebraConfig(name, tenant),
    'bgpd.conf': bgpdConfig(name, addressOf(number), addressOf(3 - number), tenant),
    'vtysh.conf': `hostname ${name}\n`,
  }
  for (const [file, text] of Object.entries(configuration))
    writeFileSync(join(labDirectory, name, DIRECTORIES['/etc/frr'], file), text)
}

/** Runs a command of this machine that sees a node's /run. Arguments: the directories for /run/frr and /run/macipd, and the command. */
export const VIEW = `
frr=$1 macipd=$2
shift 2
mount -t tmpfs run /run && mkdir /run/frr /run/macipd &&
mount --bind "$frr" /run/frr && mount --bind "$macipd" /run/macipd && exec "$@"`
