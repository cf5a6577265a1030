// Whole Debian systems with systemd and FRR, in which packages are installed as an operator does.
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Debian's release -> its suite, and the packages that only it has. Debian 12's Node is too old. */
const RELEASES = { 12: ['bookworm', []], 13: ['trixie', ['nodejs']] }

const PACKAGES = [
  ...['systemd', 'systemd-sysv', 'dbus', 'frr', 'frr-pythontools', 'iproute2', 'procps', 'iputils-ping'],
  ...['libbpf1', 'libstdc++6', 'python3-minimal', 'init-system-helpers'],
]

/** To be raised when `prepare` changes. */
const STEPS = 1

export const debianTrees = Object.fromEntries(
  Object.entries(RELEASES).map(([release, [suite, more]]) => [
    `debian-${release}`,
    {
      title: `Debian ${release} with systemd and FRR`,
      suite,
      variant: 'minbase',
      packages: [...PACKAGES, ...more],
      recipe: [STEPS, PACKAGES, more],
      prepare: (tree) => {
        // each boot is another machine
        writeFileSync(join(tree, 'etc/machine-id'), '')
        rmSync(join(tree, 'var/cache/apt/archives'), { recursive: true, force: true })
      },
    },
  ]),
)
