// docs/architecture.md names directories, files and functions: all of them are there, and no directory is left out.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { ROOT } from '../../lab/frr.js'

const page = readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8')

suite('docs/architecture.md', () => {
  test('lists every directory of src, but for generated code', () => {
    const listed = [...page.matchAll(/^\| `(src\/[\w-]+)` \|/gm)].map(([, directory]) => directory)
    const there = readdirSync(join(ROOT, 'src'))
      .filter((name) => name !== 'gen')
      .map((name) => `src/${name}`)
    assert.deepEqual([...listed].sort(), there.sort())
  })

  test('names only files that exist', () => {
    const paths = [...page.matchAll(/`((?:src|bpf|test|docs)\/[\w./-]+)`/g)].flatMap(([, path = '']) => path)
    assert.ok(paths.length > 20)
    const missing = paths.filter((path) => path !== 'src/gen/' && !existsSync(join(ROOT, path)))
    assert.deepEqual(missing, [])
  })

  test('each step of the two flows is where the page says', () => {
    const steps = [...page.matchAll(/^\| [^|]+ \| `([^`]+)` \| `(\w+)` \|$/gm)]
    assert.ok(steps.length >= 14, `${steps.length} steps`)
    const lost = steps.filter(([, file = '', name = '']) => {
      return !new RegExp(`\\b${name}\\b`).test(readFileSync(join(ROOT, file), 'utf8'))
    })
    assert.deepEqual(
      lost.map(([, file, name]) => `${file} has no ${name}`),
      [],
    )
  })
})
