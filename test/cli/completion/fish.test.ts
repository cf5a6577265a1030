import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { places, type Shells, shells } from './shells.js'

/** Asks fish what it offers for each line, with the cursor at its end; texts of explanation are left out. */
async function offers({ dir, run }: Shells, lines: readonly string[]): Promise<string[][]> {
  const calls = lines.map((line) => `complete -C '${line}'; echo =`)
  writeFileSync(join(dir, 'calls'), `source ${join(dir, 'fish')}\n${calls.join('\n')}\n`)
  const output = await run('fish', ['--no-config', join(dir, 'calls')])
  return output
    .split('=\n')
    .slice(0, -1)
    .map((part) =>
      part
        .split('\n')
        .map((line) => line.split('\t')[0] ?? '')
        .filter((word) => word !== ''),
    )
}

test('each command, option and choice of the programs is there', async (t) => {
  const cases: [line: string, expected: readonly string[]][] = places.flatMap(({ path, commands, options }) => [
    ...(commands.length > 0 ? [[`${path} `, commands.map(({ name }) => name)] as [string, string[]]] : []),
    [`${path} -`, options.flatMap(({ flags }) => flags)],
    ...options.flatMap(({ flags, values }): [string, readonly string[]][] =>
      values?.kind === 'words' ? flags.map((flag) => [`${path} ${flag} `, values.words]) : [],
    ),
  ])
  const found = await offers(
    shells(t),
    cases.map(([line]) => line),
  )
  cases.forEach(([line, expected], index) => {
    assert.deepEqual(found[index]?.toSorted(), expected.toSorted(), line)
  })
})

test('values, lists and files', async (t) => {
  const it = shells(t, ['bc:24:11:00:00:01', '2001:db8::5', '10.0.0.1', '100'])
  const [macs, v6, vni, list, files] = await offers(it, [
    'macipctl explain bc:2',
    'macipctl explain --vni 100 2001:',
    'macipctl bindings --vni=10',
    'macipctl fpm dump --type mac,ro',
    'macipctl zapi replay kno',
  ])
  assert.deepEqual(macs, ['bc:24:11:00:00:01'])
  assert.deepEqual(v6, ['2001:db8::5'])
  assert.deepEqual(vni, ['--vni=100', '--vni=10.0.0.1'].toSorted())
  assert.deepEqual(list, ['mac,route'])
  assert.deepEqual(files, ['known'])
  assert.equal(it.asked()[1], 'completion values known 2001: -- macipctl explain --vni 100')
})
