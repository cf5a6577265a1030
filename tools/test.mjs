// Runs the compiled tests with node:test.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
/** Nothing hangs forever: far above what the slowest file, that of the virtual machine, needs on a busy machine. */
const FILE_TIMEOUT_MS = 60 * 60_000
/** More files than cores: real FRR daemons run in many, and are waited for most of the time. */
const CONCURRENCY = 3
/** What runs by its own command only: on Debian's kernel in a virtual machine; on whole Debian systems. */
const KERNEL = 'test/machine/'
const BOOT = 'test/boot/'

const HELP = `usage: npm test [-- [OPTION…] [WORD…]]
       npm run test:kernel
       npm run test:boot

Runs the test files whose path contains one of the words, or all. Those below ${KERNEL} run on Debian's own kernel, in a
virtual machine, and those below ${BOOT} on whole Debian systems, with the packages installed: only npm run test:kernel
and npm run test:boot, or a word that names them, include them.

Options:
  --repeat N   run the selection N times, and say which tests failed how often
  --coverage   show how much of src/ the tests reach
  --times      show how long each file took
  --kernel     what npm run test:kernel runs
  --boot       what npm run test:boot runs
  --help       show this

Exit codes: 0 all passed, 1 a test failed, 2 wrong option or word

Examples:
  npm test -- relay                     everything about the relay
  npm test -- --repeat 20 test/lab      does a test fail now and then?
`

function usage(message) {
  process.stderr.write(`test: ${message} (npm test -- --help tells more)\n`)
  process.exit(2)
}

function parse() {
  const options = {
    repeat: { type: 'string', default: '1' },
    coverage: { type: 'boolean', default: false },
    times: { type: 'boolean', default: false },
    kernel: { type: 'boolean', default: false },
    boot: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  }
  try {
    const { values, positionals } = parseArgs({ allowPositionals: true, options })
    const repeat = /^[1-9]\d{0,3}$/.test(values.repeat) ? Number(values.repeat) : undefined
    if (repeat === undefined) usage(`--repeat takes a number from 1 to 9999, not "${values.repeat}"`)
    return { ...values, repeat, words: positionals }
  } catch (error) {
    return usage(error.message.split('. ')[0])
  }
}

/** From the sources: dist/ may still hold the output of a test that is gone. */
function select({ kernel, boot, words }) {
  const isWanted = (path) => {
    if (words.length > 0 && !words.some((word) => path.includes(word))) return false
    if (kernel || boot) return path.startsWith(kernel ? KERNEL : BOOT)
    return words.length > 0 || !(path.startsWith(KERNEL) || path.startsWith(BOOT))
  }
  const sources = readdirSync(join(root, 'test'), { recursive: true })
    .map((name) => join('test', name))
    .filter((path) => path.endsWith('.test.ts') && isWanted(path))
    .sort()
  if (sources.length === 0) usage(`no test file has ${words.map((word) => `"${word}"`).join(' or ')} in its path`)
  const files = sources.map((path) => join(root, 'dist', path.replace(/\.ts$/, '.js')))
  const unbuilt = files.find((file) => !existsSync(file))
  if (unbuilt !== undefined) {
    process.stderr.write(`test: ${relative(root, unbuilt)} is missing: run \`npm run build\` first\n`)
    process.exit(1)
  }
  return files
}

/** Node's own report fails on source maps, and does not reach into the processes that tests start. */
const COVERAGE = [
  'node_modules/c8/bin/c8.js',
  '--reporter=text',
  // what it collects on the way is as generated as what it is about
  '--temp-directory=dist/coverage',
  '--exclude-after-remap',
  '--include=src/**',
]

/** Resolves to the exit code; `onFailed` is called with the name of each test that failed. */
function run(files, { coverage, times }, onFailed) {
  const reporters = ['spec', ...(times ? [join(root, 'tools/test/times.mjs')] : [])]
  const reporting = reporters.flatMap((name) => [`--test-reporter=${name}`, '--test-reporter-destination=stdout'])
  const flags = ['--enable-source-maps', '--test', ...reporting, `--test-concurrency=${CONCURRENCY}`]
  const tests = [...flags, `--test-timeout=${FILE_TIMEOUT_MS}`, ...files]
  const argv = coverage ? [...COVERAGE, process.execPath, ...tests] : tests
  const colours = process.stdout.isTTY ? { FORCE_COLOR: '1' } : {}
  const runner = spawn(process.execPath, argv, {
    cwd: root,
    stdio: ['inherit', 'pipe', 'inherit'],
    env: { ...process.env, ...colours },
  })
  let isSummary = false
  createInterface({ input: runner.stdout }).on('line', (line) => {
    process.stdout.write(`${line}\n`)
    const plain = line.replace(/\x1b\[[\d;]*m/g, '')
    if (plain === '✖ failing tests:') isSummary = true
    else if (isSummary && plain.startsWith('✖ ')) onFailed(plain.slice(2).replace(/ \([\d.]+ms\)$/, ''))
  })
  return new Promise((resolve, reject) => {
    runner.on('error', reject)
    runner.on('close', (code) => resolve(code ?? 1))
  })
}

const options = parse()
if (options.help) {
  process.stdout.write(HELP)
  process.exit(0)
}
const files = select(options)
const failures = new Map()
let failedRuns = 0
for (let round = 1; round <= options.repeat; round++) {
  if (options.repeat > 1) process.stdout.write(`\nrun ${round} of ${options.repeat}\n`)
  const code = await run(files, options, (name) => failures.set(name, (failures.get(name) ?? 0) + 1))
  if (code !== 0) failedRuns++
}
if (options.repeat > 1) {
  process.stdout.write(`\n${failedRuns} of ${options.repeat} runs failed\n`)
  for (const [name, count] of failures) process.stdout.write(`  ${count}×  ${name}\n`)
}
process.exitCode = failedRuns > 0 ? 1 : 0
