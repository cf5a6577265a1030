// docs/operate.md lists what the doctor looks at.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT } from '../../lab/frr.js'
import { CHECKS } from '../../src/cli/doctor/examine.js'

test('docs/operate.md has each check, in the order in which it is shown', () => {
  const page = readFileSync(join(ROOT, 'docs/operate.md'), 'utf8')
  const [, table = ''] = /<!-- checks -->([^]*)<!-- end of checks -->/.exec(page) ?? []
  const listed = [...table.matchAll(/^\| `([\w-]+)` \|/gm)].map(([, id]) => id)
  assert.deepEqual(listed, [...CHECKS.map(({ id }) => id), 'status'])
})
