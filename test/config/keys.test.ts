import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { createMacipd } from '../../src/cli/macipd.js'
import { helpOf, KEYS, rowOf } from '../../src/config/keys.js'
import { FakeIo, macipd } from '../in-process.js'

const GUIDE = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8')

test('the tables of the documentation are those of the keys', () => {
  const rows = GUIDE.split('\n').filter((line) => line.startsWith('| `'))
  assert.deepEqual(
    rows.toSorted(),
    Object.entries(KEYS)
      .map(([name, key]) => rowOf(name, key))
      .toSorted(),
  )
})

test('an option says the same as the key that it goes before', () => {
  const [relay, snoop] = createMacipd(new FakeIo()).commands
  for (const [name, { option }] of Object.entries(KEYS)) {
    if (option === undefined) continue
    const command = name.startsWith('snoop.') || name.startsWith('fpm.') ? snoop : relay
    const found = command?.options.find(({ long }) => long === option) ?? assert.fail(`${name}: ${option}`)
    // a path that another key gives, and a switch, have words of their own
    if (name !== 'snoop.relay' && name !== 'snoop.mode') assert.equal(found.description, helpOf(name))
  }
})

test('macipd snoop --help has every key that has no option, in 80 columns', async () => {
  const { stdout } = await macipd('snoop', '--help')
  const part = /^Only in the configuration file.*?(?=^Exit codes)/ms.exec(stdout)?.[0] ?? assert.fail(stdout)
  const named = [...part.matchAll(/^ {2}([\w.]+) /gm)].map(([, name]) => name)
  const expected = Object.entries(KEYS)
    .filter(([name, { option }]) => option === undefined && /^(snoop|fpm)\./.test(name))
    .map(([name]) => name)
    .filter((name) => !/^snoop\.(pin|static)\./.test(name))
  assert.deepEqual(named, expected)
  assert.ok(part.split('\n').every((line) => line.length <= 80))
  assert.match(part.replaceAll(/\s+/g, ' '), /snoop\.duplicates\.confirm how long an owner.*\(default: 700ms\)/)
})
