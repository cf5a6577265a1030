// `npm run package [-- [--arch NAME] [--quick] NAME…]` makes the Debian packages: macipd, which needs Debian's Node, and
// macipd-bundled, which has its own. Built twice from the same commit, they are the same byte for byte. `--quick`
// compresses them less, as that takes more time than all else.
import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  lutimesSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import { ARCHITECTURES, FOREIGN, OWN } from './package/architectures.mjs'
import { HOME, bundle } from './package/bundle.mjs'
import { installNode, NODE_VERSION } from './package/node.mjs'
import { copyright, sbom } from './package/sbom.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

const COMMON = ['frr (>= 8.4)', 'libbpf1 (>= 1:1.1)', 'libc6 (>= 2.36)', 'libstdc++6 (>= 12)']
const MAINTAINER = 'macipd maintainers <maintainers@macipd.invalid>'
const VARIANTS = {
  macipd: {
    node: '/usr/bin/node',
    overrides: ['lintian-overrides'],
    depends: [...COMMON, 'nodejs (>= 20.19)'],
    relations: '',
    short: '',
    long: '',
  },
  'macipd-bundled': {
    node: `${HOME}/node`,
    overrides: ['lintian-overrides', 'lintian-overrides-bundled'],
    depends: COMMON,
    relations: 'Provides: macipd\nConflicts: macipd\nReplaces: macipd\n',
    short: ', with its own Node',
    long: `\n .\n This package has Node ${NODE_VERSION} with it, for systems whose Node is older than 20.19.`,
  },
}

function fail(message) {
  process.stderr.write(`package: ${message}\n`)
  process.exit(2)
}

/** Which packages are wanted, and for which architecture. */
function parse() {
  let parsed
  try {
    parsed = parseArgs({
      allowPositionals: true,
      options: { arch: { type: 'string', default: OWN }, quick: { type: 'boolean', default: false } },
    })
  } catch (error) {
    return fail(error.message)
  }
  const { positionals, values } = parsed
  const unknown = positionals.find((name) => !(name in VARIANTS))
  if (unknown !== undefined) return fail(`there is no package ${unknown}: ${Object.keys(VARIANTS).join(' or ')}`)
  const known = Object.keys(ARCHITECTURES).filter((name) => name === OWN || FOREIGN.includes(name))
  if (!known.includes(values.arch)) return fail(`packages for ${values.arch} are not made here: ${known.join(' or ')}`)
  return {
    wanted: positionals.length > 0 ? positionals : Object.keys(VARIANTS),
    architecture: values.arch,
    compression: values.quick ? ['-Zgzip', '-z1'] : ['-Zxz'],
  }
}

const { wanted, architecture, compression } = parse()

/** Of all files in the packages: SOURCE_DATE_EPOCH (reproducible-builds.org), or when the commit was made. */
const epoch = Number(
  process.env.SOURCE_DATE_EPOCH ?? execFileSync('git', ['-C', root, 'log', '-1', '--format=%ct'], { encoding: 'utf8' }),
)

/** Puts a file into the package; `to` is its path there. */
function install(tree, from, to, mode = 0o644) {
  mkdirSync(dirname(join(tree, to)), { recursive: true })
  cpSync(join(root, from), join(tree, to))
  chmodSync(join(tree, to), mode)
}

function write(tree, to, text, mode = 0o644) {
  mkdirSync(dirname(join(tree, to)), { recursive: true })
  writeFileSync(join(tree, to), text, { mode })
}

const COMPLETION = {
  bash: 'usr/share/bash-completion/completions',
  zsh: 'usr/share/zsh/vendor-completions',
  fish: 'usr/share/fish/vendor_completions.d',
}

/** Manual pages and completion, which the build has made of the commands. */
function installDocumented(tree) {
  for (const page of readdirSync(join(root, 'dist/packaging/man'))) {
    const text = readFileSync(join(root, 'dist/packaging/man', page))
    write(tree, `usr/share/man/man${page.at(-1)}/${page}.gz`, gzipSync(text, { level: 9 }))
  }
  for (const [shell, directory] of Object.entries(COMPLETION))
    for (const file of readdirSync(join(root, 'dist/packaging/completion', shell)))
      install(tree, `dist/packaging/completion/${shell}/${file}`, `${directory}/${file}`)
}

/** The unit for a path space of FRR, whose name is that of the instance. */
function forPathspace(unit) {
  const changed = unit
    .replace(/^Description=.*$/m, '$& (path space %i)')
    .replace(/^ExecStart=.*$/m, '$& -N %i')
    .replace(/^ExecStopPost=.*$/m, '$& %i')
    .replaceAll(/^(RuntimeDirectory|StateDirectory)=macipd$/gm, '$1=macipd/%i')
    .replaceAll(/\b(frr|macipd-relay)\.service\b/g, '$1@%i.service')
  if (!changed.includes(' -N %i\n')) throw new Error('a unit without ExecStart')
  return changed
}

async function makeTree(name, tree) {
  const { node, overrides } = VARIANTS[name]
  const modules = await bundle(root, join(tree, HOME), { node, architecture })
  if (name === 'macipd-bundled') installNode(architecture, join(tree, HOME, 'node'))
  for (const [link, program] of [
    ['usr/sbin/macipd', 'macipd'],
    ['usr/bin/macipctl', 'macipctl'],
  ]) {
    mkdirSync(dirname(join(tree, link)), { recursive: true })
    symlinkSync(`../lib/macipd/dist/programs/bin/${program}.js`, join(tree, link))
  }
  for (const unit of readdirSync(join(root, 'packaging/systemd'))) {
    const text = readFileSync(join(root, 'packaging/systemd', unit), 'utf8')
    write(tree, `lib/systemd/system/${unit}`, text)
    write(tree, `lib/systemd/system/${unit.replace('.', '@.')}`, forPathspace(text))
  }
  install(tree, 'packaging/macipd.tmpfiles', 'usr/lib/tmpfiles.d/macipd.conf')
  install(tree, 'packaging/macipd.yaml', 'etc/macipd/macipd.yaml')
  installDocumented(tree)
  const created = `${new Date(epoch * 1000).toISOString().slice(0, 19)}Z`
  const documents = `usr/share/doc/${name}`
  write(tree, `${documents}/copyright`, copyright(root, modules))
  write(tree, `${documents}/sbom.spdx.json`, `${JSON.stringify(sbom(root, modules, created), undefined, 2)}\n`)
  for (const example of ['prometheus/macipd.rules.yml', 'grafana/macipd.json'])
    install(tree, `packaging/${example}`, `${documents}/examples/${basename(example)}`)
  write(tree, `${documents}/changelog.gz`, gzipSync(readFileSync(join(root, 'CHANGELOG.md')), { level: 9 }))
  const entry = `${name} (${version}-1) unstable; urgency=medium\n\n  * What has changed is in changelog.gz.\n`
  const signed = ` -- ${MAINTAINER}  ${new Date(epoch * 1000).toUTCString().replace('GMT', '+0000')}\n`
  write(tree, `${documents}/changelog.Debian.gz`, gzipSync(`${entry}\n${signed}`, { level: 9 }))
  write(
    tree,
    `usr/share/lintian/overrides/${name}`,
    overrides
      .map((file) => readFileSync(join(root, 'packaging/debian', file), 'utf8'))
      .join('')
      .replaceAll('@NAME@', name),
  )
}

function makeControl(name, tree) {
  const { depends, relations, short, long } = VARIANTS[name]
  const bytes = files(tree).reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0)
  const values = {
    NAME: name,
    MAINTAINER,
    VERSION: `${version}-1`,
    ARCHITECTURE: architecture,
    INSTALLED_SIZE: String(Math.ceil(bytes / 1024)),
    DEPENDS: depends.join(', '),
    RELATIONS: relations,
    SHORT: short,
    LONG: long,
  }
  const template = readFileSync(join(root, 'packaging/debian/control.in'), 'utf8')
  write(
    tree,
    'DEBIAN/control',
    template.replaceAll(/@([A-Z_]+)@/g, (_, key) => values[key]),
  )
  write(tree, 'DEBIAN/conffiles', '/etc/macipd/macipd.yaml\n')
  for (const script of ['postinst', 'prerm', 'postrm'])
    install(tree, `packaging/debian/${script}`, `DEBIAN/${script}`, 0o755)
}

const files = (tree) =>
  readdirSync(tree, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))

/** Gives everything the same time, and the modes that Debian wants, whatever the umask. */
function normalise(tree) {
  for (const path of [tree, ...readdirSync(tree, { recursive: true }).map((name) => join(tree, String(name)))]) {
    const entry = statSync(path, { throwIfNoEntry: false })
    if (entry?.isDirectory()) chmodSync(path, 0o755)
    lutimesSync(path, epoch, epoch)
  }
}

async function makePackage(name) {
  const tree = join(root, 'dist/packages', architecture === OWN ? name : `${name}-${architecture}`)
  const file = join(root, 'dist/packages', `${name}_${version}-1_${architecture}.deb`)
  rmSync(tree, { recursive: true, force: true })
  await makeTree(name, tree)
  makeControl(name, tree)
  normalise(tree)
  execFileSync('dpkg-deb', ['--root-owner-group', ...compression, '--build', tree, file], {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(epoch) },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  process.stdout.write(`${file}  ${(statSync(file).size / 1e6).toFixed(1)} MB\n`)
}

if (!existsSync(join(root, 'dist/native/bpf.node'))) fail('dist/ is not complete: npm run package builds it')
if (architecture !== OWN) {
  const ready = [join(root, 'tools/ready.mjs'), `package:${architecture}`]
  const { status } = spawnSync(process.execPath, ready, { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
for (const name of wanted) await makePackage(name)
