import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { schema } from '../../src/config/parse.js'
import { run } from '../../src/cli/command.js'
import { proxyCommand } from '../../src/cli/daemon/proxy.js'
import { createMacipd } from '../../src/cli/macipd.js'
import { helpOf, KEYS, rowOf } from '../../src/config/keys.js'
import { FakeIo, macipd } from '../../lab/in-process.js'

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
  const proxy = proxyCommand(new FakeIo(), () => Promise.resolve())
  for (const [name, { option }] of Object.entries(KEYS)) {
    if (option === undefined) continue
    const command = /^(snoop|fpm)\./.test(name) ? snoop : name.startsWith('proxy.') ? proxy : relay
    const found = command?.options.find(({ long }) => long === option) ?? assert.fail(`${name}: ${option}`)
    // a path that another key gives, and a switch, have words of their own
    if (name !== 'snoop.relay' && name !== 'snoop.mode') assert.equal(found.description, helpOf(name))
  }
})

/** The keys in the part of a help about the configuration file. */
function namedIn(help: string): { part: string; named: (string | undefined)[] } {
  const part = /^Only in the configuration file.*?(?=^Exit codes)/ms.exec(help)?.[0] ?? assert.fail(help)
  assert.ok(part.split('\n').every((line) => line.length <= 80))
  return { part, named: [...part.matchAll(/^ {2}([\w.]+) /gm)].map(([, name]) => name) }
}

test('macipd snoop --help has every key that has no option, in 80 columns', async () => {
  const { part, named } = namedIn((await macipd('snoop', '--help')).stdout)
  const expected = Object.entries(KEYS)
    .filter(([name, { option }]) => option === undefined && /^(snoop|fpm|metrics)\./.test(name))
    .map(([name]) => name)
    .filter((name) => !/^snoop\.(pin|static)\./.test(name))
  assert.deepEqual(named, expected)
  assert.match(part.replaceAll(/\s+/g, ' '), /snoop\.duplicates\.confirm how long an owner.*\(default: 700ms\)/)
})

test('macipd proxy --help has every key that has no option, in 80 columns', async () => {
  const io = new FakeIo()
  await run(
    proxyCommand(io, () => Promise.resolve()),
    ['--help'],
    io,
  )
  const expected = Object.entries(KEYS)
    .filter(([name, { option }]) => option === undefined && name.startsWith('proxy.'))
    .map(([name]) => name)
    .filter((name) => !/^proxy\.(neighbors|vnis)\./.test(name))
  assert.deepEqual(namedIn(io.stdout.text).named, expected)
})

type Described = {
  wrapped?: Described
  pipe?: readonly Described[]
  entries?: Record<string, Described>
  item?: Described
  /** The words of which it is one. */
  options?: readonly string[]
}

/** Every key of a schema that is one of several words, with these. */
function* choicesOf(part: Described, name: string[] = []): Generator<[name: string, words: readonly string[]]> {
  if (part.options !== undefined) yield [name.join('.'), part.options]
  for (const inner of [part.wrapped, part.item, ...(part.pipe ?? [])]) {
    if (inner !== undefined && inner !== part) yield* choicesOf(inner, name)
  }
  for (const [key, inner] of Object.entries(part.entries ?? {})) yield* choicesOf(inner, [...name, key])
}

test('the words that a key takes are in its meaning', () => {
  const choices = [...choicesOf(schema as object)]
  assert.ok(choices.length >= 8)
  for (const [name, words] of choices) {
    const { meaning, more = '' } = KEYS[name] ?? assert.fail(name)
    for (const word of words) assert.ok(`${meaning}${more}`.includes(`\`${word}\``), `${name}: ${word}`)
  }
})
