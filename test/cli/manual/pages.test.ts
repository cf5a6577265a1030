// The manual pages say what the commands and the schema say, and groff and mandoc have nothing to say about them.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { createProgram } from '../../../src/cli/macipctl.js'
import { createMacipd } from '../../../src/cli/macipd.js'
import { pages } from '../../../src/cli/manual/pages.js'
import { commonOptions, titleOf } from '../../../src/cli/manual/program-page.js'
import { bold, escape, titleLine } from '../../../src/cli/manual/roff.js'
import { type CommandNode, describe, everyCommand } from '../../../src/cli/tree.js'
import { KEYS, plain } from '../../../src/config/keys.js'
import { ROOT } from '../../../lab/frr.js'
import { FakeIo } from '../../../lab/in-process.js'
import { tempDir } from '../../support.js'

const programs = { macipd: describe(createMacipd(new FakeIo())), macipctl: describe(createProgram(new FakeIo())) }
const configuration = readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8')
const made = pages({ ...programs, configuration, date: '2026-11-29' })

/** What stands below a heading, up to the next one. */
function below(page: string, heading: string): string {
  const at = page.indexOf(`\n${heading}\n`)
  assert.ok(at >= 0, `no ${heading}`)
  const text = page.slice(at + heading.length + 2)
  return text.slice(0, Math.max(text.search(/^\.S[HS] /m), 0))
}

for (const [name, program] of Object.entries<CommandNode>(programs)) {
  suite(`${name}(8)`, () => {
    const page = made[`${name}.8`] ?? assert.fail()
    const commands = everyCommand(program).slice(1)

    test('has each command, with its arguments, options and what may be given', () => {
      assert.ok(commands.length > 1)
      const common = commonOptions(commands)
      const options = below(page, '.SH OPTIONS')
      for (const node of commands) {
        const text = below(page, `.SS "${escape(titleOf(node))}"`)
        for (const { name: argument } of node.arguments)
          assert.ok(text.includes(`\n\\fI${escape(argument)}\\fR\n`), argument)
        for (const option of node.options) {
          const isCommon = common.some((it) => it.long === option.long && it.description === option.description)
          const flag = bold(option.long)
          if (isCommon)
            assert.ok(
              option.long === '--help' || text.split('Common options:')[1]?.includes(flag),
              `${titleOf(node)}: ${option.long}`,
            )
          const where = isCommon ? options : text
          const [, said] = where.split(
            new RegExp(`^\\.TP\\n(?:\\S+, )?${flag.replaceAll('\\', '\\\\')}(?: .*)?\\n`, 'm'),
          )
          assert.ok(said !== undefined, `${titleOf(node)}: ${option.long}`)
          const words = said.split('.TP')[0]?.replaceAll(/\s+/g, ' ') ?? ''
          for (const choice of option.choices) assert.ok(words.includes(escape(choice)), choice)
        }
      }
    })

    test('has no other command', () => {
      const titles = [...page.matchAll(/^\.SS "(.*)"$/gm)].map(([, title]) => title)
      assert.deepEqual(
        titles,
        commands.map((node) => escape(titleOf(node))),
      )
    })
  })
}

test('macipd.yaml(5) has each key and no other, with its default', () => {
  const page = made['macipd.yaml.5'] ?? assert.fail()
  const items = page.split('.TP\n').slice(1)
  const said = new Map(items.map((item) => [item.split('\n')[0], item.replaceAll(/\s+/g, ' ')]))
  assert.deepEqual([...said.keys()].toSorted(), Object.keys(KEYS).map(bold).toSorted())
  for (const [name, { default: usual }] of Object.entries(KEYS)) {
    const text = said.get(bold(name))?.replaceAll(/\\f[BR]/g, '') ?? ''
    if (usual !== '') assert.ok(text.includes(`Default: ${escape(plain(usual))}.`), name)
  }
})

const show = (path: string): string =>
  execFileSync('man', ['-E', 'UTF-8', '-l', path], {
    encoding: 'utf8',
    env: { ...process.env, MANWIDTH: '80', LC_ALL: 'C.UTF-8' },
  })

test('mandoc and groff find no fault, and the pages fit on a terminal', (t) => {
  const dir = tempDir(t)
  for (const [name, text] of Object.entries(made)) {
    const path = join(dir, name)
    writeFileSync(path, text)
    const lint = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning', path], { encoding: 'utf8' })
    assert.equal(lint.stdout + lint.stderr, '', name)
    const warnings = spawnSync('man', ['--warnings=w', '-E', 'UTF-8', '-l', path], { encoding: 'utf8' })
    assert.deepEqual([warnings.status, warnings.stderr], [0, ''], name)
    const wide = show(path)
      .split('\n')
      .filter((line) => line.length > 80)
    assert.deepEqual(wide, [], name)
  }
})

test('whatever is in a text, a reader sees it as it is', (t) => {
  const texts = [
    '.SH no request',
    "'nor this",
    'a\\fBb \\n(.x',
    '--option -x "quoted" \'as is\' `this` ^~',
    'zebra’s → ← …',
    '100 % of $1',
  ]
  const path = join(tempDir(t), 'page.8')
  const title = titleLine({ name: 'page', section: 8, date: '2026-11-29', source: 'a "b"', manual: 'c\\d' })
  const safe = (text: string): string => `.PP\n${/^[.']/.test(text) ? '\\&' : ''}${escape(text)}`
  writeFileSync(path, `${[title, '.SH NAME', 'page \\- test', '.SH TEXTS', ...texts.map(safe)].join('\n')}\n`)
  for (const shown of [
    show(path),
    execFileSync('mandoc', ['-T', 'utf8', path], { encoding: 'utf8' }).replaceAll(/.\x08/g, ''),
  ])
    for (const text of texts)
      assert.ok(
        shown.split('\n').some((line) => line.trim() === text),
        `${text}\n${shown}`,
      )
})
