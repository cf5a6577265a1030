// A real VRRP daemon for the lab.
import { chmodSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { command } from './progress.mjs'

const SUITE = 'bookworm'
const PACKAGES = ['keepalived']

const MOUNT_POINTS = ['etc/keepalived', 'proc', 'run']

/** To be raised when `prepare` changes. */
const STEPS = 1

export const keepalivedTrees = {
  keepalived: {
    title: `keepalived from Debian ${SUITE}`,
    suite: SUITE,
    packages: PACKAGES,
    recipe: [STEPS, PACKAGES, MOUNT_POINTS],
    prepare: async (tree) => {
      rmSync(join(tree, 'var/run'), { recursive: true, force: true })
      symlinkSync('/run', join(tree, 'var/run'))
      for (const path of MOUNT_POINTS) mkdirSync(join(tree, path), { recursive: true })
      chmodSync(tree, 0o755)
      await command('chroot', [tree, 'keepalived', '--version'])
    },
  },
}
