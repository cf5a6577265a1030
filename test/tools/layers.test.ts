// The linter refuses what goes against the layers of tools/lint/layers.mjs, and circles.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { ESLint } from 'eslint'
import { ROOT } from '../../lab/frr.js'
import { tempDir } from '../support.js'

const eslint = new ESLint({ cwd: ROOT })

/** What the rules about imports say of `code` as the content of `file`, which must exist. */
async function refusals(file: string, code: string): Promise<string[]> {
  const [result] = await eslint.lintText(code, { filePath: join(ROOT, file) })
  const messages = result?.messages ?? assert.fail()
  assert.ok(!messages.some(({ fatal }) => fatal), JSON.stringify(messages))
  return messages
    .filter(({ ruleId }) => ruleId === 'layers/imports' || ruleId === 'no-restricted-imports')
    .map(({ message }) => message)
}

test('an import against the layers is refused, and the message says what is allowed', async () => {
  const refused = await refusals(
    'src/bindings/model.ts',
    "import { Overlay } from '../relay/overlay/overlay.js'\nexport const overlay = Overlay\n",
  )
  assert.deepEqual(refused, [
    'src/bindings may not import src/relay/overlay; it may import src/base (tools/lint/layers.mjs)',
  ])
})

const AGAINST = [
  { file: 'src/base/vni.ts', code: "export { step } from '../bindings/step.js'" },
  { file: 'src/netlink/error.ts', code: "export * from '../rtnetlink/link.js'" },
  { file: 'src/rtnetlink/socket.ts', code: "import type { Policy } from '../bindings/policy.js'" },
  { file: 'src/zapi/frame.ts', code: "export type Session = import('../relay/session.js').Session" },
  { file: 'src/relay/overlay/overlay.ts', code: "import { Engine } from '../engine.js'" },
  { file: 'src/relay/engine.ts', code: "export const snooper = await import('../snoop/snooper.js')" },
  { file: 'src/control/server.ts', code: "import '../snoop/history.js'" },
  { file: 'src/cli/queries.ts', code: "import { MAX_REFUSALS } from '../snoop/refusals.js'" },
  { file: 'src/bin/macipd.ts', code: "import { Lab } from '../../lab/lab.js'" },
  { file: 'src/bin/macipctl.ts', code: "import { runSnooper } from '../snoop/main.js'" },
  { file: 'lab/lab.ts', code: "import { silent } from '../test/support.js'" },
  { file: 'src/rtnetlink/socket.ts', code: "import koffi from 'koffi'" },
  { file: 'src/base/vni.ts', code: "import { x } from '../nowhere/x.js'" },
] as const

for (const { file, code } of AGAINST) {
  test(`refused in ${file}: ${code}`, async () => {
    assert.equal((await refusals(file, `${code}\n`)).length, 1)
  })
}

const ALLOWED = [
  { file: 'src/base/vni.ts', code: "import { reason } from './exit.js'" },
  { file: 'src/bindings/model.ts', code: "import { MacIpFlag } from '../base/macip-flags.js'" },
  { file: 'src/relay/engine.ts', code: "import { Overlay } from './overlay/overlay.js'" },
  { file: 'src/snoop/snooper.ts', code: "import { step } from '../bindings/step.js'" },
  { file: 'src/base/version.ts', code: "import it from '../../package.json' with { type: 'json' }" },
  { file: 'src/os/libc.ts', code: "import koffi from 'koffi'" },
  { file: 'src/cli/daemon/snoop.ts', code: "export const main = await import('../../snoop/main.js')" },
  { file: 'test/support.ts', code: "import { Lab } from '../lab/lab.js'" },
] as const

for (const { file, code } of ALLOWED) {
  test(`allowed in ${file}: ${code}`, async () => {
    assert.deepEqual(await refusals(file, `${code}\n`), [])
  })
}

/** Runs the check for circles over `files`, path → content. */
function circles(t: TestContext, files: Readonly<Record<string, string>>): { status: number | null; stderr: string } {
  const root = tempDir(t)
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
  return check(root)
}

function check(root: string): { status: number | null; stderr: string } {
  const script = join(ROOT, 'tools/lint/cycles.mjs')
  return spawnSync(process.execPath, [script, root], { encoding: 'utf8' })
}

test('files that import each other in a circle are refused, types alone as well', (t) => {
  const { status, stderr } = circles(t, {
    'src/a.ts': "import { b } from './b.js'\nexport const a = b\n",
    'src/b.ts': "export { c as b } from './c.js'\n",
    'src/c.ts': "import type { A } from './a.js'\nexport const c: A = 1\n",
  })
  assert.equal(status, 1)
  assert.match(stderr, /in a circle: src\/a\.ts → src\/b\.ts → src\/c\.ts → src\/a\.ts/)
})

test('directories that import each other in a circle are refused', (t) => {
  const { status, stderr } = circles(t, {
    'src/one/a.ts': "import '../two/b.js'\n",
    'src/two/b.ts': 'export {}\n',
    'src/two/c.ts': "import '../one/d.js'\n",
    'src/one/d.ts': 'export {}\n',
  })
  assert.equal(status, 1)
  assert.match(stderr, /in a circle: src\/one → src\/two → src\/one/)
})

test('a directory and what is inside it may import each other', (t) => {
  const { status, stderr } = circles(t, {
    'src/cli/a.ts': "import './fpm/b.js'\n",
    'src/cli/fpm/b.ts': "import '../c.js'\n",
    'src/cli/c.ts': 'export {}\n',
  })
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })
})

test('these sources have no circle', () => {
  const { status, stderr } = check(ROOT)
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' })
})
