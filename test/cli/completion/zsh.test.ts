import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { places, shells } from './shells.js'

test('each command, option and choice of the programs is there', (t) => {
  const script = readFileSync(join(shells(t).dir, 'zsh'), 'utf8')
  for (const { path, commands, options, arguments: given } of places) {
    const name = `_${path.replaceAll(' ', '_')}`
    const [, body] = new RegExp(`^${name}\\(\\) \\{\\n(.*?)^\\}$`, 'ms').exec(script) ?? []
    assert.ok(body !== undefined, name)
    for (const command of commands) {
      assert.ok(body.includes(`'${command.name}:`), `${path} ${command.name}`)
      assert.ok(body.includes(` ${command.name}) ${name}_${command.name} ;;`), `${path} ${command.name}`)
    }
    for (const { flags, values } of options)
      for (const flag of flags) {
        const end = values === undefined ? '' : flag.startsWith('--') ? '=' : '+'
        const at = body.indexOf(`(${flags.join(' ')})${flag}${end}[`)
        assert.ok(at >= 0, `${path} ${flag}`)
        const words = values?.kind === 'words' ? values.words : []
        assert.ok(body.slice(at).split('\n', 1)[0]?.includes(words.join(' ')), `${path} ${flag}`)
      }
    for (const { name: argument } of given) assert.ok(body.includes(`':${argument}:`), `${path} ${argument}`)
  }
})

test('on a terminal', async (t) => {
  const it = shells(t, ['bc:24:11:00:00:01', '2001:db8::5', '10.0.0.1', '100'])
  assert.deepEqual(
    await it.typeInto('zsh', [
      'macipctl stat\t',
      'macipctl show vn\t--js\t',
      'macipctl explain bc:2\t--vn\t10\t0',
      'macipctl explain 2001:\t',
      'macipctl explain --vni=100 10.\t',
      'macipctl fpm dump --type=ma\t,rou\t',
      'macipctl zapi replay kno\t--ch\t',
      'macipd rel\t--log-level wa\t',
    ]),
    [
      'macipctl status',
      'macipctl show vni --json',
      'macipctl explain bc:24:11:00:00:01 --vni=100',
      'macipctl explain 2001:db8::5',
      'macipctl explain --vni=100 10.0.0.1',
      'macipctl fpm dump --type=mac,route',
      'macipctl zapi replay known --check',
      'macipd relay --log-level warn',
    ],
  )
  assert.equal(it.asked()[0], 'completion values known bc:2 -- macipctl explain bc:2')
})
