// Without a service manager, too, another relay goes on with the connections of one that lives, or whose worker has outlived
// it: neither end notices, and every byte passes exactly once.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { waitFor } from '../../lab/wait.js'
import {
  type Ends,
  connected,
  assertPasses,
  Load,
  descriptors,
  descriptorsFall,
  hasEnded,
  served,
  sessionIds,
} from './ends.js'
import { HAND_OVER_SOCKET, PROTOCOL } from '../../src/relay/hand-over-messages.js'
import { TakeOver, takeOver } from '../../src/relay/take-over.js'
import { silent, tempDir } from '../support.js'
import { type FakeZebra, RelayRig } from './rig.js'

/** Relays that come one after the other on the same run directory. */
class Succession implements AsyncDisposable {
  private constructor(
    public current: RelayRig,
    private readonly zebra: FakeZebra,
  ) {}

  static async start(): Promise<Succession> {
    const rig = new RelayRig()
    const zebra = await rig.startZebra()
    await rig.start()
    return new Succession(rig, zebra)
  }

  connected(): Promise<Ends> {
    return connected(this.current, this.zebra)
  }

  /** Starts the next one; resolves when its worker serves. */
  async next(...args: string[]): Promise<void> {
    const next = new RelayRig(this.current.dir)
    void next.run(...args)
    this.current = next
    await next.keeperUntil('the next keeper', ({ pid, worker }) => pid === next.keeperPid && worker.state === 'serving')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.current[Symbol.asyncDispose]()
    this.zebra.server.close()
  }
}

suite('without a service manager', () => {
  test('a worker that has lost its keeper hands over to the next one, under load', async () => {
    await using relays = await Succession.start()
    const load = new Load(await relays.connected())
    for (let round = 0; round < 5; round++) {
      const { current } = relays
      const orphan = await served(current)
      const ids = await sessionIds(current)
      await load.more()
      current.signal('SIGKILL')
      await current.exited()
      await load.more()
      await relays.next()
      assert.ok(hasEnded(orphan))
      assert.deepEqual(await sessionIds(relays.current), ids)
      await load.more()
    }
    await load.stop()
    await assertPasses(await relays.connected())
  })

  test('another relay takes over from one that lives, under load', async () => {
    await using relays = await Succession.start()
    const load = new Load(await relays.connected())
    for (let round = 0; round < 5; round++) {
      const { current } = relays
      await served(current)
      const ids = await sessionIds(current)
      await load.more()
      await relays.next('--take-over')
      assert.equal(await current.exited(), 0)
      assert.deepEqual(await sessionIds(relays.current), ids)
      await load.more()
    }
    await load.stop()
    await assertPasses(await relays.connected())
  })

  for (const [what, whose, line] of [
    ['said that it has everything', 'holder', 'another relay takes over'],
    ['got everything', 'successor', 'took over from another relay'],
    ['the run directory', 'successor', 'serving connections that began before'],
  ] as const) {
    test(`a relay goes on when its successor is killed as soon as it has ${what}, under load`, async () => {
      await using relays = await Succession.start()
      const load = new Load(await relays.connected())
      const { current } = relays
      const ids = await sessionIds(current)
      for (let round = 0; round < 3; round++) {
        await load.more()
        const successor = new RelayRig(current.dir)
        const ended = successor.run('--take-over')
        if (whose === 'holder') await current.logs(line, round + 1)
        else await successor.logs(line)
        successor.signal('SIGKILL')
        await ended
        await current.logs('this relay goes on', round + 1)
        await served(current)
        assert.deepEqual(await sessionIds(current), ids)
        await load.more()
      }
      await relays.next('--take-over')
      assert.equal(await current.exited(), 0)
      await load.more()
      await load.stop()
      await assertPasses(await relays.connected())
    })
  }

  test('a relay goes on when the one that was about to take over ends before it has everything', async () => {
    await using rig = new RelayRig()
    const server = await rig.startZebra()
    await rig.start()
    const ends = await connected(rig, server)
    const worker = await served(rig)
    const before = descriptors(rig.keeperPid)
    for (const words of ['', 'give\n', 'something else\n', 'x'.repeat(10_000)]) {
      const socket = connect(rig.path('handover.sock'))
      socket.on('error', () => undefined).write(words)
      await once(socket, 'data')
      socket.destroy()
    }
    await assertPasses(ends)
    assert.equal(await served(rig), worker)
    await descriptorsFall(rig.keeperPid, before)
  })

  test('nobody but root and its own user may take over', async () => {
    await using rig = new RelayRig()
    await rig.startZebra()
    await rig.start()
    await served(rig)
    chmodSync(rig.dir, 0o755)
    await waitFor(
      'the socket',
      () => existsSync(rig.path('handover.sock')),
      (exists) => exists,
    )
    chmodSync(rig.path('handover.sock'), 0o666)
    const other = new RelayRig(rig.dir)
    const code = await other.runAs({ uid: 65534, gid: 65534 }, '--take-over')
    assert.notEqual(code, 0)
    await served(rig)
    assert.match(other.log + rig.log, /refused to hand over|cannot be locked/)
  })

  test('a relay that hangs while it hands over is killed, and no other process, whatever it says of itself', async (t) => {
    const dir = tempDir(t)
    const bystander = spawn('sleep', ['60'])
    const holder = spawn(
      process.execPath,
      ['--eval', FAKE_HOLDER, join(dir, HAND_OVER_SOCKET), `${bystander.pid ?? ''}`],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    try {
      await once(holder.stdout, 'data')
      const holderEnds = once(holder, 'exit')
      const from = await TakeOver.connect(dir)
      assert.ok(from !== undefined)
      assert.deepEqual((await takeOver(from, silent)).connections, [])
      from.close()
      assert.deepEqual(await holderEnds, [null, 'SIGKILL'])
      assert.equal(bystander.signalCode, null)
    } finally {
      bystander.kill()
      holder.kill('SIGKILL')
    }
  })
})

/** Gives nothing, and hangs when the successor has taken it; says that it is another process, as one of another PID namespace may. */
const FAKE_HOLDER = `
const [path, pid] = process.argv.slice(1)
require('node:net').createServer((socket) => {
  socket.write(JSON.stringify({ type: 'holder', protocol: ${PROTOCOL}, role: 'keeper', pid: Number(pid) }) + '\\n')
  socket.on('data', (data) => {
    if (data.toString().includes('give')) socket.write('{"type":"all"}\\n')
  })
}).listen(path, () => console.log('listening'))
`
