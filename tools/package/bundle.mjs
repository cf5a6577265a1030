// What is installed in /usr/lib/macipd: the compiled programs in a few files, and what they load.
import { transform } from 'esbuild'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { addonFor, ARCHITECTURES } from './architectures.mjs'
import { archiveOf } from './npm.mjs'

export const HOME = '/usr/lib/macipd'
const BPF_OBJECTS = ['dist/bpf/snoop.bpf.o', 'dist/bpf/vxlan.bpf.o']
/** Loaded by name at run time: it has a native part. */
const EXTERNAL = 'koffi'

/**
 * Writes everything below `target`, which stands for HOME. `node` is the interpreter of the programs. Resolves to the names
 * of the npm packages that are in it.
 */
export async function bundle(root, target, { node, architecture }) {
  const { inputs, outputs } = JSON.parse(readFileSync(join(root, 'dist/programs/meta.json'), 'utf8'))
  for (const path of Object.keys(outputs)) {
    // a source is kept in memory while its program runs; names stay, for stack traces
    const options = {
      minifyWhitespace: true,
      minifySyntax: true,
      format: 'esm',
      target: 'node18',
      legalComments: 'none',
    }
    const { code } = await transform(readFileSync(join(root, path)), options)
    mkdirSync(dirname(join(target, path)), { recursive: true })
    writeFileSync(join(target, path), code)
  }
  setInterpreter(join(target, 'dist/programs/bin/macipd.js'), `${node} ${LEAN}`)
  setInterpreter(join(target, 'dist/programs/bin/macipctl.js'), node)
  copy(root, target, architecture)
  const packages = Object.keys(inputs).map((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1])
  return [...new Set([...packages.filter((name) => name !== undefined), EXTERNAL])].sort()
}

/**
 * V8 would copy its built-in functions, 2 MB, into each process, for calls that are a little faster. Its start takes longer, so
 * that this is for daemons.
 */
const LEAN = '--no-short-builtin-calls'

function setInterpreter(path, interpreter) {
  const [, ...lines] = readFileSync(path, 'utf8').split('\n')
  writeFileSync(path, [`#!${interpreter}`, ...lines].join('\n'))
  chmodSync(path, 0o755)
}

function copy(root, target, architecture) {
  const { name, version, engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const manifest = { name, version, engines, private: true, type: 'module' }
  writeFileSync(join(target, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
  const natives = {
    ...Object.fromEntries(BPF_OBJECTS.map((path) => [path, join(root, path)])),
    'dist/native/bpf.node': addonFor(root, architecture),
  }
  for (const [path, from] of Object.entries(natives)) {
    mkdirSync(dirname(join(target, path)), { recursive: true })
    cpSync(from, join(target, path))
  }
  // BTF stays; it is what the kernel needs
  for (const path of BPF_OBJECTS) execFileSync('llvm-strip', ['--strip-debug', join(target, path)])
  execFileSync('llvm-strip', ['--strip-unneeded', join(target, 'dist/native/bpf.node')])
  for (const name of ['frr-daemons.sh', 'restart-bgpd', 'relay-stopped']) {
    mkdirSync(join(target, 'packaging'), { recursive: true })
    cpSync(join(root, 'packaging', name), join(target, 'packaging', name))
  }
  copyKoffi(root, target, architecture)
}

/** Without its sources, its documents and the binaries for other systems. */
function copyKoffi(root, target, architecture) {
  copyModule(join(root, 'node_modules', EXTERNAL), join(target, 'node_modules', EXTERNAL))
  const binary = `node_modules/@koromix/koffi-${ARCHITECTURES[architecture].npm}`
  if (existsSync(join(root, binary))) copyModule(join(root, binary), join(target, binary))
  else copyForeign(root, target, binary)
}

/** Copies a module that npm has not installed, as it is for another machine. */
function copyForeign(root, target, path) {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  const { version, integrity } = packages[path]
  const archive = archiveOf(path.replace('node_modules/', ''), version, integrity)
  const directory = mkdtempSync(join(root, 'dist/foreign-'))
  try {
    execFileSync('tar', ['--extract', `--file=${archive}`, `--directory=${directory}`, '--strip-components=1'])
    copyModule(directory, join(target, path))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function copyModule(from, to) {
  const isWanted = (path) =>
    /(^|\/)package\.json$|\.(c?js|node)$/.test(path) && !/^(doc|vendor)\/|^cnoke\.|(^|\/)musl|trampolines/.test(path)
  for (const path of readdirSync(from, { recursive: true }).map(String).filter(isWanted)) {
    mkdirSync(dirname(join(to, path)), { recursive: true })
    cpSync(join(from, path), join(to, path))
    chmodSync(join(to, path), 0o644)
    if (path.endsWith('.node')) execFileSync('llvm-strip', ['--strip-unneeded', join(to, path)])
  }
}
