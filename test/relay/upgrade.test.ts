// The files of macipd are replaced while its relay runs, as an upgrade of a package does.
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT } from '../../lab/frr.js'
import { NUMBERS, OPENINGS, frame } from '../zapi/build.js'
import { type Inbox, RelayRig } from './rig.js'

const { hello, capabilities } = OPENINGS['8.4']

async function assertPasses(from: Inbox, to: Inbox, text: string): Promise<void> {
  const sent = frame(NUMBERS['8.4'].ROUTE_ADD, Buffer.from(text))
  from.socket.write(sent)
  assert.deepEqual(await to.frame(), sent)
}

/** A copy of the compiled program, in a root of its own. */
class Installation implements Disposable {
  private readonly directory = mkdtempSync(join(ROOT, 'dist/installed-'))
  private readonly source = join(this.directory, 'dist/programs')
  readonly program = join(this.source, 'bin/macipd.js')

  constructor() {
    for (const path of ['dist/programs', 'package.json'])
      cpSync(join(ROOT, path), join(this.directory, path), { recursive: true })
  }

  /** To a version whose workers do not understand keepers of this one. */
  upgrade(): void {
    const changed = readdirSync(this.source, { recursive: true, encoding: 'utf8' }).filter((name) => {
      if (!name.endsWith('.js')) return false
      const path = join(this.source, name)
      const before = readFileSync(path, 'utf8')
      const after = before.replace(/WORKER_PROTOCOL = \d+/, 'WORKER_PROTOCOL = 1000')
      if (after !== before) writeFileSync(path, after)
      return after !== before
    })
    assert.equal(changed.length, 1)
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true })
  }
}

test('a new worker refuses an old keeper, which forwards and says what to do; the next relay serves again', async () => {
  using installation = new Installation()
  await using rig = new RelayRig(undefined, undefined, installation.program)
  const server = await rig.startZebra()
  await rig.start()
  const bgpd = await rig.bgpd()
  bgpd.socket.write(hello)
  const zebra = await server.accept()
  await zebra.take(hello.length)
  zebra.socket.write(capabilities)
  await bgpd.take(capabilities.length)
  installation.upgrade()
  // the worker that runs is not concerned
  await assertPasses(zebra, bgpd, 'before')
  process.kill(await rig.workerPid(), 'SIGKILL')
  const { plain, worker } = await rig.keeperUntil('the keeper to forward', ({ plain }) => plain !== null)
  assert.match(plain ?? '', /replaced by another version .* restart the relay/)
  assert.equal(worker.starts, 2)
  await assertPasses(zebra, bgpd, 'plainly')
  await assertPasses(bgpd, zebra, 'plainly')

  await using next = new RelayRig(rig.dir, undefined, installation.program)
  void next.run('--take-over')
  await next.keeperUntil('the next relay', (it) => it.pid === next.keeperPid && it.worker.state === 'serving')
  assert.equal(await rig.exited(), 0)
  await assertPasses(zebra, bgpd, 'after')
  await assertPasses(bgpd, zebra, 'after')
})
