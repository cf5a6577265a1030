import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { places, type Shells, shells } from './shells.js'

/** The words that readline makes of a line. */
const wordsOf = (line: string): string[] => [
  ...(line.match(/[:=]+|[^\s:=]+/g) ?? []),
  ...(/\s$/.test(line) ? [''] : []),
]

/** Asks the function of the script what it has for each line, with the cursor at its end. */
async function replies({ dir, run }: Shells, lines: readonly string[]): Promise<string[][]> {
  const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
  const calls = lines.map((line) => {
    const words = wordsOf(line)
    return `COMP_LINE=${quoted(line)} COMP_POINT=${line.length} COMP_WORDS=(${words.map(quoted).join(' ')}) COMP_CWORD=${words.length - 1}
_macipd; (IFS=$'\\x1f'; printf '%s\\n' "\${COMPREPLY[*]}")`
  })
  writeFileSync(join(dir, 'calls'), `source ${join(dir, 'bash')}\n${calls.join('\n')}\n`)
  const output = await run('bash', ['--norc', join(dir, 'calls')])
  return output
    .split('\n')
    .slice(0, -1)
    .map((line) => (line === '' ? [] : line.split('\x1f')))
}

const reply = async (t: TestContext, line: string, values: readonly string[] = []): Promise<string[]> =>
  (await replies(shells(t, values), [line]))[0] ?? assert.fail()

test('each command, option and choice of the programs is there', async (t) => {
  const cases: [line: string, expected: readonly string[]][] = places.flatMap(
    ({ path, commands, options, arguments: given }) => [
      ...(commands.length > 0 ? [[`${path} `, commands.map(({ name }) => name)] as [string, string[]]] : []),
      [`${path} -`, options.flatMap(({ flags }) => flags)],
      ...options.flatMap(({ flags, values }) =>
        flags.map((flag): [string, readonly string[]] => [
          `${path} ${flag} `,
          values === undefined ? after(given, commands) : offered(values),
        ]),
      ),
    ],
  )
  const found = await replies(
    shells(t),
    cases.map(([line]) => line),
  )
  assert.ok(cases.length > 150)
  cases.forEach(([line, expected], index) => {
    assert.deepEqual(found[index]?.toSorted(), expected.toSorted(), line)
  })
})

type Offering = (typeof places)[number]
const offered = (values: Offering['arguments'][number]['values']): readonly string[] =>
  values.kind === 'words' ? values.words : values.kind === 'file' ? FILES : values.kind === 'directory' ? ['bin'] : []
/** What is in the directory in which the shell runs. */
const FILES = ['asked', 'bin', 'known', 'bash', 'zsh', 'fish', 'calls']
const after = ([first]: Offering['arguments'], commands: Offering['commands']): readonly string[] =>
  first === undefined ? commands.map(({ name }) => name) : offered(first.values)

test('a value is no argument, and options end at --', async (t) => {
  const [afterValue, afterArgument, afterEnd, below] = await replies(shells(t, ['10.0.0.1']), [
    'macipctl explain --relay /run/x 10',
    'macipctl explain 10.0.0.1 10',
    'macipctl explain -- --re',
    'macipctl show --relay vni --v',
  ])
  assert.deepEqual(afterValue, ['10.0.0.1'])
  assert.deepEqual(afterArgument, [])
  assert.deepEqual(afterEnd, [])
  assert.deepEqual(below, ['--vni'])
})

test('names of ports are quoted, whatever they are', async (t) => {
  assert.deepEqual(await reply(t, 'macipctl bindings --port ', ['tap1', '$(reboot)', 'a;b', "it's"]), [
    'tap1',
    '\\$\\(reboot\\)',
    'a\\;b',
    "it\\'s",
  ])
})

test('macipctl is asked with the line, as it is typed', async (t) => {
  const it = shells(t)
  await replies(it, [
    'macipctl explain --relay=/run/r.sock 2001:db8::',
    'macipctl bindings --vni=1',
    '/opt/macipctl show vteps ',
    'macipd snoop --exclude tap1 ta',
  ])
  assert.deepEqual(it.asked(), [
    'completion values known 2001:db8:: -- macipctl explain --relay=/run/r.sock 2001:db8::',
    'completion values vni 1 -- macipctl bindings --vni=1',
    'completion values port ta -- macipd snoop --exclude tap1 ta',
  ])
})

test('on a terminal', async (t) => {
  const values = ['bc:24:11:00:00:01', '2001:db8::5', '2001:db8::5:1', '10.0.0.1', '100']
  assert.deepEqual(
    await shells(t, values).typeInto('bash', [
      'macipctl stat\t',
      'macipctl show vn\t--js\t',
      'macipctl explain bc:2\t--vn\t10\t0',
      'macipctl explain 2001:\t:\t',
      'macipctl explain --vni=100 10.\t',
      'macipctl fpm dump --type=ma\t,rou\t',
      'macipctl zapi replay kno\t--ch\t',
      'macipd rel\t--log-level wa\t',
    ]),
    [
      'macipctl status',
      'macipctl show vni --json',
      'macipctl explain bc:24:11:00:00:01 --vni 100',
      'macipctl explain 2001:db8::5:1',
      'macipctl explain --vni=100 10.0.0.1',
      'macipctl fpm dump --type=mac,route',
      'macipctl zapi replay known --check',
      'macipd relay --log-level warn',
    ],
  )
})
