// Directories that tests work with, extracted from Debian packages: nothing is installed on the host.
// `node tools/tree.mjs NAME` builds one if it is missing; ready.mjs holds a lock while it does.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { arm64Trees } from './arm64-tree.mjs'
import { debianTrees } from './debian-tree.mjs'
import { frrTrees } from './frr-tree.mjs'
import { keepalivedTrees } from './keepalived-tree.mjs'
import { linuxTrees } from './linux-tree.mjs'
import { command, ReadyError } from './progress.mjs'

const cache = process.env.MACIPD_LAB_CACHE ?? '/var/cache/macipd-lab'

/**
 * By name: `title`; `suite`, of Debian; `packages`; `architecture`, if it is not this machine's; `variant`, of mmdebstrap, if
 * they are to be configured; `recipe`, whatever the result depends on besides; `prepare`, which makes of the extracted
 * packages what is needed, and throws ReadyError if they are not what was expected.
 */
export const TREES = { ...frrTrees, ...keepalivedTrees, ...linuxTrees, ...debianTrees, ...arm64Trees }

export const treePath = (name) => join(cache, name)
const stampPath = (tree) => join(tree, '.macipd-lab-recipe')
const recipeOf = ({ recipe }) => createHash('sha256').update(JSON.stringify(recipe)).digest('hex')

/** Whether the tree is there and was built by this recipe. */
export function treeIsReady(name) {
  const stamp = stampPath(treePath(name))
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === recipeOf(TREES[name])
}

async function buildTree(name) {
  if (treeIsReady(name)) return
  const tree = treePath(name)
  const fresh = join(cache, `.new-${name}`)
  const old = join(cache, `.old-${name}`)
  for (const leftover of [fresh, old]) rmSync(leftover, { recursive: true, force: true })
  try {
    await extract(TREES[name], fresh)
    await TREES[name].prepare(fresh, tree)
    writeFileSync(stampPath(fresh), recipeOf(TREES[name]))
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true })
    throw error
  }
  // labs that are up still use the old tree: it stays until the next time
  if (existsSync(tree)) renameSync(tree, old)
  renameSync(fresh, tree)
}

async function extract({ suite, packages, architecture, variant = 'extract' }, tree) {
  mkdirSync(cache, { recursive: true })
  await command('mmdebstrap', [
    '--quiet',
    `--variant=${variant}`,
    ...(architecture === undefined ? [] : [`--architectures=${architecture}`]),
    ...(variant === 'extract' ? ['--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr'] : []),
    // sid's mirror may lag behind its own expiry date; signatures are still checked
    '--aptopt=Acquire::Check-Valid-Until "false"',
    `--include=${packages.join(',')}`,
    suite,
    tree,
  ])
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
