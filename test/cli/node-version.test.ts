// What a program says where Node is too old for it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MACIPCTL, MACIPD } from '../../lab/programs.js'
import { run } from '../support.js'

const pretending = (version: string): string =>
  `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'${version}'}})`

for (const [name, path] of [
  ['macipd', MACIPD],
  ['macipctl', MACIPCTL],
] as const) {
  test(`${name} says in one line that Node is too old, exit code 4`, async () => {
    for (const version of ['18.20.4', '20.18.9']) {
      const { code, stdout, stderr } = await run(process.execPath, ['--import', pretending(version), path, '--version'])
      assert.deepEqual([code, stdout], [4, ''])
      assert.match(
        stderr,
        new RegExp(`^${name}: Node 20\\.19 or newer is needed, this is ${version} .*macipd-bundled.*\\n$`),
      )
    }
    const { code } = await run(process.execPath, ['--import', pretending('22.0.0'), path, '--version'])
    assert.equal(code, 0)
  })
}
