import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Command } from 'commander'
import { createMacipd } from '../../src/cli/macipd.js'
import { createProgram } from '../../src/cli/macipctl.js'
import { version } from '../../src/base/version.js'
import { spawnMacipctl, spawnMacipd } from '../support.js'
import { FakeIo, macipctl, macipctlOnTerminal, macipd } from '../../lab/in-process.js'

const WIDTH = 123

/** A command and all below it, each with the words that lead to it. */
const everyCommand = (command: Command, path: string[] = []): [path: string[], command: Command][] => [
  [path, command],
  ...command.commands.flatMap((each) => everyCommand(each, [...path, each.name()])),
]

for (const [name, program, run] of [
  ['macipctl', createProgram(new FakeIo(WIDTH)), macipctl],
  ['macipd', createMacipd(new FakeIo(WIDTH)), macipd],
] as const) {
  test(`${name}: each command prints its help where the program prints`, async () => {
    for (const [path, command] of everyCommand(program)) {
      // a command without our settings would print elsewhere, and end the process of this test
      assert.equal(command.configureOutput().getOutHelpWidth?.(), WIDTH, path.join(' '))
      const { code, stdout, stderr } = await run(...path, '--help')
      assert.deepEqual([code, stderr], [0, ''])
      assert.ok(stdout.startsWith(`Usage: ${[name, ...path].join(' ')} `), stdout)
    }
  })
}

test('help is as wide as the terminal, and 80 columns without one', async () => {
  const lines = ({ stdout }: { stdout: string }): string[] => stdout.replace(/Exit codes:.*/s, '').split('\n')
  const piped = lines(await macipctl('--help'))
  assert.ok(piped.every((line) => line.length <= 80))
  const wide = lines(await macipctlOnTerminal(200, {}, '--help'))
  assert.ok(wide.length < piped.length)
})

test('a wrong word or option points at the help of the command it belongs to', async () => {
  for (const [words, help] of [
    [['statu'], 'macipctl'],
    [['status', '--colour'], 'macipctl status'],
    [['explain'], 'macipctl explain'],
    [['zapi'], 'macipctl zapi'],
    [['zapi', 'dump', 'FILE'], 'macipctl zapi dump'],
  ] as const) {
    const { code, stderr } = await macipctl(...words)
    assert.equal(code, 2)
    assert.ok(stderr.endsWith(` (see ${help} --help)\n`), stderr)
  }
  const { stderr } = await macipd('snoop', '--age', '5x')
  assert.ok(stderr.endsWith(' (see macipd snoop --help)\n'), stderr)
})

test('the programs themselves', async () => {
  assert.deepEqual(await spawnMacipctl('--help'), await macipctl('--help'))
  assert.deepEqual(await spawnMacipctl('--version'), { code: 0, stdout: `${version}\n`, stderr: '' })
  assert.deepEqual(await spawnMacipd('snoop', '--help'), await macipd('snoop', '--help'))
})
