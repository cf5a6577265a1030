// Makes a clone ready for build, test, demo, lab or bench: checks what is missing and installs it when it may.
// Plain JavaScript without dependencies: it must run before anything is installed or compiled.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { arm64Trees } from './arm64-tree.mjs'
import { debianTrees } from './debian-tree.mjs'
import { SUITES } from './frr-tree.mjs'
import { keepalivedTrees } from './keepalived-tree.mjs'
import { linuxTrees } from './linux-tree.mjs'
import { command, ReadyError, step } from './progress.mjs'
import { TREES, treeIsReady, treePath } from './tree.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const at = (...parts) => join(root, ...parts)

const BUILD_PACKAGES = ['clang', 'gcc', 'libbpf-dev', 'libc6-dev', 'linux-libc-dev']
const PACKAGE_PACKAGES = [...BUILD_PACKAGES, 'llvm']
/** What compiles for arm64 on another machine. */
const ARM64_PACKAGES = ['gcc-aarch64-linux-gnu', 'libc6-dev-arm64-cross']
const FRR_TREES = Object.keys(SUITES)
/** What extracts trees. */
const TREE_PACKAGES = ['debian-archive-keyring', 'mmdebstrap', 'mount', 'util-linux']
const LAB_PACKAGES = [...TREE_PACKAGES, 'iproute2']
/** What manual pages and completion are tested with. */
const PAGE_PACKAGES = ['fish', 'man-db', 'mandoc', 'zsh']
/** What each purpose needs: Debian packages, root, and trees (`--frr` names the one of that release instead). */
const PURPOSES = {
  build: { packages: BUILD_PACKAGES, root: false, trees: [] },
  test: {
    packages: [...BUILD_PACKAGES, ...LAB_PACKAGES, ...PAGE_PACKAGES, 'prometheus', 'systemd', 'tshark'],
    root: true,
    trees: [...FRR_TREES, ...Object.keys(keepalivedTrees)],
  },
  'test:kernel': {
    packages: [...BUILD_PACKAGES, ...LAB_PACKAGES, 'qemu-system-x86'],
    root: true,
    trees: [...FRR_TREES, ...Object.keys(linuxTrees)],
  },
  package: { packages: PACKAGE_PACKAGES, root: false, trees: [] },
  // as bench does with --frr, package.mjs comes back with this for --arch arm64
  'package:arm64': {
    packages: [...PACKAGE_PACKAGES, ...ARM64_PACKAGES, ...TREE_PACKAGES],
    root: true,
    trees: Object.keys(arm64Trees),
  },
  'test:boot': {
    packages: [...PACKAGE_PACKAGES, ...ARM64_PACKAGES, ...LAB_PACKAGES, 'lintian', 'qemu-user', 'systemd-container'],
    root: true,
    trees: Object.keys({ ...debianTrees, ...arm64Trees }),
  },
  // npm gives arguments to a script's last command only: these parse them and come back with --frr
  bench: { packages: [...BUILD_PACKAGES, ...LAB_PACKAGES], root: false, trees: [] },
  chaos: { packages: [...BUILD_PACKAGES, ...LAB_PACKAGES], root: false, trees: [] },
  demo: { packages: [...BUILD_PACKAGES, ...LAB_PACKAGES], root: false, trees: [] },
  lab: { packages: [...BUILD_PACKAGES, ...LAB_PACKAGES], root: false, trees: [] },
}
const NOT_PERMITTED = 3
const LOCK_HELD = 75
const LOCKED = 'MACIPD_READY_LOCKED'

const USAGE = `usage: node tools/ready.mjs ${Object.keys(PURPOSES).join('|')} [--frr ${Object.keys(SUITES).join('|')}]`

function parse() {
  let parsed
  try {
    parsed = parseArgs({ allowPositionals: true, options: { frr: { type: 'string' } } })
  } catch (error) {
    throw new ReadyError(`${error.message}\n${USAGE}`, 2)
  }
  const [name] = parsed.positionals
  const { frr } = parsed.values
  if (parsed.positionals.length !== 1 || !Object.hasOwn(PURPOSES, name)) throw new ReadyError(USAGE, 2)
  if (frr !== undefined && !Object.hasOwn(SUITES, frr)) throw new ReadyError(USAGE, 2)
  return { ...PURPOSES[name], name, ...(frr !== undefined && { root: true, trees: [frr] }) }
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  throw new ReadyError(`Node ${process.versions.node} is too old: macipd needs 20.19 or newer.`, NOT_PERMITTED)
}

const onDebian = existsSync('/etc/debian_version') && existsSync('/usr/bin/dpkg-query')
const isRoot = process.getuid() === 0

function missingPackages(packages) {
  // exit code 1 only says that some package is unknown
  const query = spawnSync('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\n', ...packages], {
    encoding: 'utf8',
  })
  const installed = new Set(query.stdout.split('\n').flatMap((line) => (/^(\S+) installed$/.exec(line) ?? []).slice(1)))
  return packages.filter((name) => !installed.has(name))
}

/** Throws what a person has to do where this program may not do it. */
function checkPermitted(purpose, missing) {
  const complaints = []
  if (purpose.root && !onDebian)
    complaints.push('The lab runs FRR from Debian packages: this needs Debian 12 or newer.')
  if (purpose.trees.some((name) => name in linuxTrees) && process.arch !== 'x64')
    complaints.push("These tests run on Debian's own kernel, in a virtual machine: this needs x86-64.")
  if (purpose.root && !isRoot)
    complaints.push(
      `\`npm run ${purpose.name}\` must be started as root: it works in network namespaces or with trees of Debian packages.`,
    )
  if (missing.length > 0 && !isRoot)
    complaints.push(`Debian packages are missing. Install them with\n  apt-get install ${missing.join(' ')}`)
  if (complaints.length > 0) throw new ReadyError(complaints.join('\n'), NOT_PERMITTED)
}

async function installPackages(packages) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const apt = (...args) => command('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=600', ...args], { env })
  await step(`Debian packages: ${packages.join(' ')}`, async () => {
    const policy = execFileSync('apt-cache', ['policy', ...packages], {
      encoding: 'utf8',
      env: { ...env, LC_ALL: 'C' },
    })
    const known = [...policy.matchAll(/Candidate: (?!\(none\))/g)].length
    if (known < packages.length) await apt('update')
    await apt('install', '-y', '--no-install-recommends', ...packages)
  })
}

/** Whether node_modules holds what package-lock.json asks for (npm keeps its own record of what it installed). */
function modulesAreCurrent() {
  const record = at('node_modules/.package-lock.json')
  if (!existsSync(record)) return false
  const packages = (file) => JSON.parse(readFileSync(file, 'utf8')).packages
  const installed = packages(record)
  return Object.entries(packages(at('package-lock.json'))).every(
    ([path, wanted]) =>
      path === '' || (path in installed ? installed[path].version === wanted.version : wanted.optional === true),
  )
}

const SOURCES = [
  'bench',
  'bpf',
  'chaos',
  'lab',
  'proto',
  'src',
  'test',
  'package-lock.json',
  'docs/configuration.md',
  'tools/addon.mjs',
  'tools/build.mjs',
  'tools/man.mjs',
  'tsconfig.json',
]
const BUILT = at('dist/.built')

function newest(path) {
  if (!existsSync(path)) return 0
  const stats = statSync(path)
  if (!stats.isDirectory()) return stats.mtimeMs
  // src/gen is written by the build itself
  if (path === at('src/gen')) return 0
  return Math.max(stats.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))))
}

const buildIsCurrent = () =>
  existsSync(BUILT) && Math.max(...SOURCES.map((path) => newest(at(path)))) < statSync(BUILT).mtimeMs

async function build() {
  const started = new Date()
  await step('build', () => command(process.execPath, [at('tools/build.mjs')], { cwd: root }))
  writeFileSync(BUILT, '')
  // what was edited during the build is newer than its start
  utimesSync(BUILT, started, started)
}

async function installTree(name) {
  const tree = treePath(name)
  await step(`${TREES[name].title} into ${tree}`, () => {
    mkdirSync(dirname(tree), { recursive: true })
    return command('flock', [`${tree}.lock`, process.execPath, at('tools/tree.mjs'), name])
  })
}

/** Runs this program again under a lock on the clone: two at once would undo each other's `npm ci`. */
function rerunLocked() {
  mkdirSync(at('dist'), { recursive: true })
  // made by the build itself, it would let src look edited since the build began
  mkdirSync(at('src/gen'), { recursive: true })
  const rerun = (...flags) =>
    spawnSync('flock', [...flags, at('dist/.ready.lock'), process.execPath, ...process.argv.slice(1)], {
      stdio: 'inherit',
      env: { ...process.env, [LOCKED]: '1' },
    })
  let result = rerun('--nonblock', '--conflict-exit-code', String(LOCK_HELD))
  if (result.status === LOCK_HELD) {
    process.stderr.write('ready: waiting for another run in this clone\n')
    result = rerun()
  }
  if (result.error) throw new ReadyError(`cannot run flock (package util-linux): ${result.error.message}`)
  process.exit(result.status ?? 1)
}

async function main() {
  checkNode()
  const purpose = parse()
  const missing = onDebian ? missingPackages(purpose.packages) : []
  checkPermitted(purpose, missing)
  const todo = {
    packages: missing,
    modules: !modulesAreCurrent(),
    build: !buildIsCurrent(),
    trees: purpose.trees.filter((name) => !treeIsReady(name)),
  }
  if (missing.length === 0 && !todo.modules && !todo.build && todo.trees.length === 0) return
  if (process.env[LOCKED] === undefined) rerunLocked()
  if (missing.length > 0) await installPackages(missing)
  if (todo.modules) await step('npm ci', () => command('npm', ['ci'], { cwd: root }))
  if (todo.build || todo.modules) await build()
  for (const name of todo.trees) await installTree(name)
}

try {
  await main()
} catch (error) {
  if (!(error instanceof ReadyError)) throw error
  process.stderr.write(`ready: ${error.message}\n`)
  process.exit(error.exitCode)
}
