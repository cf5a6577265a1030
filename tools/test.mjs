// Runs the compiled tests with node:test. Arguments select files: `npm test -- lab relay` runs those whose path
// contains one of the words.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
/** Nothing hangs forever: far above what the slowest file needs on a busy machine. */
const FILE_TIMEOUT_MS = 30 * 60_000
/** Real FRR daemons run in several files; more at once only makes each wait longer. */
const CONCURRENCY = 2

// From the sources: dist/ may still hold the output of a test that is gone.
const words = process.argv.slice(2)
const sources = readdirSync(join(root, 'test'), { recursive: true })
  .filter((name) => name.endsWith('.test.ts'))
  .filter((name) => words.length === 0 || words.some((word) => join('test', name).includes(word)))
  .sort()
const files = sources.map((name) => join(root, 'dist/test', name.replace(/\.ts$/, '.js')))

if (files.length === 0) {
  console.error(`test: no test file has ${words.map((word) => `"${word}"`).join(' or ')} in its path`)
  process.exit(2)
}
const unbuilt = files.find((file) => !existsSync(file))
if (unbuilt !== undefined) {
  console.error(`test: ${relative(root, unbuilt)} is missing: run \`npm run build\` first`)
  process.exit(1)
}

const flags = ['--test', '--test-reporter=spec', `--test-concurrency=${CONCURRENCY}`]
const run = spawnSync(
  process.execPath,
  ['--enable-source-maps', ...flags, `--test-timeout=${FILE_TIMEOUT_MS}`, ...files],
  { cwd: root, stdio: 'inherit' },
)
process.exit(run.status ?? 1)
