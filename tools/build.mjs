// Builds what is out of date: protobuf code, eBPF object, native addon, TypeScript; and manual pages from these.
// Plain JavaScript without dependencies: it must run before anything is installed or compiled.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { addonArguments, addonSources } from './addon.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const at = (...parts) => join(root, ...parts)
const bin = (name) => at('node_modules', '.bin', name)

const newest = (paths) => Math.max(...paths.map((p) => statSync(p).mtimeMs))
const stale = (target, sources) => !existsSync(target) || statSync(target).mtimeMs < newest(sources)

function run(what, command, args) {
  try {
    execFileSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  } catch (error) {
    fail(what, command, error)
  }
}

/** Ends the build with one line. */
function fail(what, command, error) {
  const missing = `${command} is not installed (on Debian, as root: node tools/ready.mjs build)`
  console.error(`build: ${what} failed: ${error.code === 'ENOENT' ? missing : error.message}`)
  process.exit(1)
}

/** The directory of the C library's headers for this machine, such as x86_64-linux-gnu. */
function multiarch() {
  try {
    return execFileSync('cc', ['-print-multiarch'], { encoding: 'utf8' }).trim()
  } catch (error) {
    return fail('eBPF program', 'cc', error)
  }
}

function files(dir, suffix) {
  return readdirSync(at(dir))
    .filter((name) => name.endsWith(suffix))
    .map((name) => at(dir, name))
}

function protobuf() {
  mkdirSync(at('src/gen'), { recursive: true })
  mkdirSync(at('dist/src/gen'), { recursive: true })
  for (const proto of files('proto', '.proto')) {
    const name = basename(proto, '.proto')
    const js = at('src/gen', `${name}.js`)
    if (stale(js, [proto])) {
      const flags = ['--no-service', '--no-delimited', '--no-verify', '--force-number', '--dts']
      run('protobuf code', bin('pbjs'), ['-t', 'static-module', '-w', 'esm', ...flags, '-r', name, '-o', js, proto])
    }
    cpSync(js, at('dist/src/gen', `${name}.js`), { preserveTimestamps: true })
  }
}

function bpf() {
  const headers = files('bpf', '.h')
  for (const source of files('bpf', '.bpf.c')) {
    const object = at('dist/bpf', `${basename(source, '.c')}.o`)
    if (!stale(object, [source, ...headers])) continue
    mkdirSync(dirname(object), { recursive: true })
    // v2: with 32-bit registers clang spills 32 bits to the stack, which older kernels refuse without CAP_PERFMON.
    const flags = ['-O2', '-g', '-Wall', '-Werror', '-target', 'bpf', '-mcpu=v2', `-I/usr/include/${multiarch()}`]
    run('eBPF program', 'clang', [...flags, '-c', source, '-o', object])
  }
}

function addon() {
  const target = at('dist/native/bpf.node')
  if (!stale(target, addonSources(root))) return
  mkdirSync(dirname(target), { recursive: true })
  run('native addon', 'cc', addonArguments(root, target, ['-lbpf']))
}

/** The programs in a few files, which start in half the time; src/base/place.ts knows how deep they are. */
function programs() {
  rmSync(at('dist/programs'), { recursive: true, force: true })
  // CommonJS modules among the libraries call require
  const require =
    'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);'
  run('bundling', bin('esbuild'), [
    ...['bin/macipd.js', 'bin/macipctl.js', 'relay/worker.js'].map((path) => at('dist/src', path)),
    ...[`--outbase=${at('dist/src')}`, `--outdir=${at('dist/programs')}`, '--chunk-names=chunks/[name]-[hash]'],
    ...['--bundle', '--splitting', '--format=esm', '--platform=node', '--log-level=warning'],
    // so that an older Node can say that it is too old
    '--target=node18',
    // it has a native part, which it loads by name
    '--external:koffi',
    `--banner:js=${require}`,
    '--legal-comments=none',
    // for the list of what is in the packages
    `--metafile=${at('dist/programs/meta.json')}`,
  ])
}

protobuf()
bpf()
addon()
run('TypeScript', bin('tsc'), ['-p', at('tsconfig.json')])
programs()
run('manual pages', process.execPath, [at('tools/man.mjs')])
