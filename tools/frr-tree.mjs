// Real FRR releases for the lab.
import { chmodSync, chownSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { command, ReadyError } from './progress.mjs'

/** FRR release line -> the Debian suite that carries it. */
export const SUITES = { 8.4: 'bookworm', 10.3: 'trixie', 10.7: 'sid' }

/** FRR's user and group in every tree: the same number everywhere, outside the ranges Debian hands out itself. */
const FRR_ID = 59179
const FRRVTY_ID = 59180

/** Besides FRR, what makes a shell in a node or VM useful. */
const PACKAGES = [
  ...['frr', 'iproute2', 'iputils-arping', 'iputils-ping', 'ndisc6', 'tcpdump'],
  ...['bash', 'coreutils', 'grep', 'less', 'ncurses-base', 'procps', 'sed'],
]

// The packages' own scripts do not run when they are only extracted: these are what frr and tcpdump need of them.
const FILES = {
  'etc/passwd': [
    'root:x:0:0:root:/root:/bin/bash',
    `frr:x:${FRR_ID}:${FRR_ID}::/nonexistent:/usr/sbin/nologin`,
    'tcpdump:x:59181:59181::/nonexistent:/usr/sbin/nologin',
  ],
  'etc/group': ['root:x:0:', `frr:x:${FRR_ID}:`, `frrvty:x:${FRRVTY_ID}:frr`, 'tcpdump:x:59181:'],
  'etc/nsswitch.conf': ['passwd: files', 'group: files', 'hosts: files'],
  'etc/hosts': ['127.0.0.1 localhost'],
  // vtysh asks PAM, whose defaults include files that a package's script would write
  'etc/pam.d/frr': ['auth sufficient pam_permit.so', 'account sufficient pam_permit.so'],
  'etc/pam.d/other': ['auth required pam_deny.so', 'account required pam_deny.so'],
}
/** Mount points of a node's own directories; they belong to frr. */
const FRR_DIRECTORIES = ['etc/frr', 'run/frr', 'run/macipd', 'var/log/frr']

/** To be raised when `prepare` changes. */
const STEPS = 1

export const frrTrees = Object.fromEntries(
  Object.entries(SUITES).map(([release, suite]) => [
    release,
    {
      title: `FRR ${release} from Debian ${suite}`,
      suite,
      packages: PACKAGES,
      recipe: [STEPS, PACKAGES, FILES, FRR_DIRECTORIES],
      prepare: async (tree, path) => {
        await checkVersion(release, suite, tree, path)
        prepare(tree)
      },
    },
  ]),
)

function prepare(tree) {
  for (const [path, lines] of Object.entries(FILES)) writeFileSync(join(tree, path), `${lines.join('\n')}\n`)
  rmSync(join(tree, 'var/run'), { recursive: true, force: true })
  symlinkSync('/run', join(tree, 'var/run'))
  // dash's script would make it
  if (!existsSync(join(tree, 'usr/bin/sh'))) symlinkSync('bash', join(tree, 'usr/bin/sh'))
  for (const path of FRR_DIRECTORIES) {
    mkdirSync(join(tree, path), { recursive: true })
    chownSync(join(tree, path), FRR_ID, FRR_ID)
  }
  chmodSync(tree, 0o755)
}

async function checkVersion(release, suite, tree, path) {
  const banner = await command('chroot', [tree, '/usr/lib/frr/zebra', '--version'])
  const found = /version (\S+)/.exec(banner)?.[1] ?? banner.trim()
  if (found === release || found.startsWith(`${release}.`)) return
  throw new ReadyError(
    `Debian ${suite} now carries FRR ${found}, not ${release}: the lab cannot run ${release} from this mirror.\n` +
      `An earlier tree can be copied to ${path} from another machine.`,
  )
}
