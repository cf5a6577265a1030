import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { PAGE, upToDate } from './bindings-page.js'

test('docs/bindings.md shows the states and transitions of the code', () => {
  const page = readFileSync(PAGE, 'utf8')
  assert.equal(page, upToDate(page), 'run `node dist/test/bindings/bindings-page.js --write`')
})
