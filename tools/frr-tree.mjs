// Real FRR releases for the lab: Debian packages extracted into a directory each, nothing installed on the host.
// `node tools/frr-tree.mjs RELEASE` builds one if it is missing; ready.mjs holds a lock while it does.
import { createHash } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
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

const cache = process.env.MACIPD_LAB_CACHE ?? '/var/cache/macipd-lab'
/** To be raised when `prepare` changes. */
const STEPS = 1
const recipe = createHash('sha256')
  .update(JSON.stringify([STEPS, PACKAGES, FILES, FRR_DIRECTORIES]))
  .digest('hex')

export const treePath = (release) => join(cache, release)
const stampPath = (tree) => join(tree, '.macipd-lab-recipe')

/** Whether the tree is there and was built by this recipe. */
export function treeIsReady(release) {
  const stamp = stampPath(treePath(release))
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === recipe
}

export async function buildTree(release) {
  if (treeIsReady(release)) return
  const tree = treePath(release)
  const fresh = join(cache, `.new-${release}`)
  const old = join(cache, `.old-${release}`)
  for (const leftover of [fresh, old]) rmSync(leftover, { recursive: true, force: true })
  try {
    await extract(release, fresh)
    prepare(fresh)
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true })
    throw error
  }
  // labs that are up still use the old tree: it stays until the next time
  if (existsSync(tree)) renameSync(tree, old)
  renameSync(fresh, tree)
}

async function extract(release, tree) {
  mkdirSync(cache, { recursive: true })
  const suite = SUITES[release]
  await command('mmdebstrap', [
    '--quiet',
    '--variant=extract',
    '--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr',
    // sid's mirror may lag behind its own expiry date; signatures are still checked
    '--aptopt=Acquire::Check-Valid-Until "false"',
    `--include=${PACKAGES.join(',')}`,
    suite,
    tree,
  ])
  await checkVersion(release, suite, tree)
}

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
  writeFileSync(stampPath(tree), recipe)
}

async function checkVersion(release, suite, tree) {
  const banner = await command('chroot', [tree, '/usr/lib/frr/zebra', '--version'])
  const found = /version (\S+)/.exec(banner)?.[1] ?? banner.trim()
  if (found === release || found.startsWith(`${release}.`)) return
  throw new ReadyError(
    `Debian ${suite} now carries FRR ${found}, not ${release}: the lab cannot run ${release} from this mirror.\n` +
      `An earlier tree can be copied to ${treePath(release)} from another machine's ${cache}.`,
  )
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await buildTree(process.argv[2])
  } catch (error) {
    if (!(error instanceof ReadyError)) throw error
    console.error(error.message)
    process.exit(1)
  }
}
