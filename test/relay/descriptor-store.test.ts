// A relay that a service manager runs, which keeps its descriptors: it ends, in order or not, and the next one goes on with
// its connections. Neither end notices, and every byte passes exactly once.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { FakeServiceManager } from '../../lab/fake-service-manager.js'
import { OPENINGS } from '../zapi/build.js'
import {
  type Ends,
  connected,
  assertPasses,
  Load,
  descriptors,
  descriptorsFall,
  kill,
  hasEnded,
  served,
  sessionIds,
} from './ends.js'
import { type FakeZebra, RelayRig } from './rig.js'

const { hello } = OPENINGS['8.4']
/** What is kept without connections: the listener and the probe; and for each connection six ends and a note. */
const KEPT = 2
const KEPT_EACH = 7

/** As systemd kills all of a unit that has failed. */
async function killAll(rig: RelayRig): Promise<void> {
  const worker = await served(rig)
  rig.signal('SIGKILL')
  process.kill(worker, 'SIGKILL')
  await rig.exited()
}

/** A relay that a service manager runs. */
class Unit implements AsyncDisposable {
  private constructor(
    readonly rig: RelayRig,
    readonly manager: FakeServiceManager,
    readonly zebra: FakeZebra,
  ) {}

  static async start(options: Parameters<typeof FakeServiceManager.at>[1] = {}): Promise<Unit> {
    const dir = mkdtempSync(join(tmpdir(), 'macipd-unit-'))
    const manager = FakeServiceManager.at(join(dir, 'notify'), options)
    const rig = new RelayRig(dir, manager)
    const unit = new Unit(rig, manager, await rig.startZebra())
    await rig.start()
    return unit
  }

  connected(): Promise<Ends> {
    return connected(this.rig, this.zebra)
  }

  /** Ends the relay in order, and starts the next one with what was kept. */
  async restart(): Promise<void> {
    this.rig.signal('SIGTERM')
    assert.equal(await this.rig.exited(), 0)
    await this.rig.start()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.rig[Symbol.asyncDispose]()
    this.manager[Symbol.dispose]()
  }
}

suite('a relay whose descriptors the service manager keeps', () => {
  test('is restarted and killed, ten times each, under load', async () => {
    await using unit = await Unit.start()
    const { rig, manager } = unit
    const load = new Load(await unit.connected())
    await served(rig)
    const ids = await sessionIds(rig)
    const kept = [...manager.kept.keys()].sort()
    assert.equal(kept.length, KEPT + KEPT_EACH)
    const counts: number[] = []
    for (let round = 0; round < 20; round++) {
      await load.more()
      if (round % 2 === 0) await unit.restart()
      else {
        await killAll(rig)
        await rig.start()
      }
      await served(rig)
      await load.more()
      counts.push(descriptors(rig.keeperPid))
    }
    assert.deepEqual(await sessionIds(rig), ids)
    assert.deepEqual([...manager.kept.keys()].sort(), kept)
    await load.stop()
    await descriptorsFall(rig.keeperPid, Math.min(...counts))
    await assertPasses(await unit.connected())
    assert.ok(Math.max(...(await sessionIds(rig))) > (ids[0] ?? 0))
  })

  test('takes what bgpd has begun while no relay ran', async () => {
    await using unit = await Unit.start()
    const { rig } = unit
    rig.signal('SIGTERM')
    await rig.exited()
    const bgpd = await rig.bgpd()
    bgpd.socket.write(hello)
    await rig.start()
    assert.deepEqual(await (await unit.zebra.accept()).take(hello.length), hello)
  })

  test('keeps nothing of a connection that has ended, and lets the other end know at once', async () => {
    await using unit = await Unit.start()
    const { rig, manager } = unit
    for (const end of ['bgpd', 'zebra'] as const) {
      const ends = await unit.connected()
      await manager.until(() => manager.kept.size === KEPT + KEPT_EACH)
      // it hears nothing more for now, and has copies of both sockets
      manager.busy = true
      ends[end].socket.destroy()
      await ends[end === 'bgpd' ? 'zebra' : 'bgpd'].end()
      ends.bgpd.socket.destroy()
      ends.zebra.socket.destroy()
      await rig.keeperUntil('the connection to end', ({ connections }) => connections === 0)
      manager.busy = false
      await manager.until(() => manager.kept.size === KEPT)
    }
  })

  test('goes on storing when the service manager was busy', async () => {
    await using unit = await Unit.start()
    const { rig, manager } = unit
    manager.busy = true
    const all: Ends[] = []
    for (let count = 0; count < 5; count++) all.push(await unit.connected())
    manager.busy = false
    await manager.until(() => manager.kept.size === KEPT + 5 * KEPT_EACH)
    await killAll(rig)
    await rig.start()
    for (const ends of all) await assertPasses(ends)
  })

  test('closes a connection of which a part was not kept, and says so', async () => {
    await using unit = await Unit.start()
    const { rig, manager } = unit
    const whole = await unit.connected()
    const part = await unit.connected()
    const [, id = 0] = await sessionIds(rig)
    const name = [...manager.kept.keys()].find((it) => it.startsWith(`${id}-`) && it.endsWith('-toBgpdReadEnd'))
    assert.ok(name !== undefined)
    await killAll(rig)
    manager.drop(name)
    await rig.start()
    await part.bgpd.end()
    await part.zebra.end()
    await assertPasses(whole)
    assert.match(rig.log, /"msg":"a connection was kept in part; it is closed"/)
    await manager.until(() => manager.kept.size === KEPT + KEPT_EACH)
  })

  test('ends its connections when nobody comes after it', async () => {
    await using unit = await Unit.start()
    const { rig, manager } = unit
    const { bgpd, zebra } = await unit.connected()
    rig.signal('SIGTERM')
    assert.equal(await rig.exited(), 0)
    manager.drop()
    await bgpd.end()
    await zebra.end()
    await rig.start()
    // what was known of them is of no use any more
    assert.deepEqual(await sessionIds(rig), [])
    await assertPasses(await unit.connected())
  })

  test('knows after it was killed that bytes have passed unseen, and what began meanwhile', async () => {
    await using unit = await Unit.start()
    const { rig } = unit
    const ends = await unit.connected()
    for (;;) {
      const { plain, worker } = await rig.keeper()
      if (plain !== null) break
      if (worker.pid !== null && worker.state !== 'gone') kill(worker.pid)
    }
    await assertPasses(ends)
    const begun = await unit.connected()
    rig.signal('SIGKILL')
    await rig.exited()
    await rig.start()
    await served(rig)
    const { sessions } = await (await rig.control()).status()
    assert.equal(sessions?.length, 2)
    for (const { uncertain, kind } of sessions) {
      assert.match(uncertain ?? '', /no worker served/)
      assert.equal(kind, 'main')
    }
    for (const each of [ends, begun]) await assertPasses(each)
  })

  const lost: [what: string, lose: (journal: string) => void, why: RegExp][] = [
    [
      'is missing',
      (journal) => {
        rmSync(journal)
      },
      /the journal cannot be trusted: there is none/,
    ],
    [
      'is of another version',
      (journal) => {
        writeFileSync(journal, 'MACIPD of old')
      },
      /it is of another version/,
    ],
  ]
  for (const [what, lose, why] of lost)
    test(`knows what a connection is for when the journal ${what}, and that nothing else is certain`, async () => {
      await using unit = await Unit.start()
      const { rig } = unit
      const ends = await unit.connected()
      rig.signal('SIGTERM')
      await rig.exited()
      lose(rig.path('journal'))
      await rig.start()
      const { injecting, release, sessions } = await (await rig.control()).status()
      assert.deepEqual([injecting, sessions?.[0]?.kind], [false, 'main'])
      assert.match(release ?? '', /^8\.4/)
      assert.match(sessions?.[0]?.uncertain ?? '', why)
      await assertPasses(ends)
    })

  test('does not know what a connection is for when journal and note are lost, and says so', async () => {
    await using unit = await Unit.start()
    const { rig, manager } = unit
    const ends = await unit.connected()
    await manager.until(() => manager.kept.size === KEPT + KEPT_EACH)
    rig.signal('SIGTERM')
    await rig.exited()
    rmSync(rig.path('journal'))
    const note = [...manager.kept.keys()].find((name) => name.endsWith('-note'))
    assert.ok(note !== undefined)
    manager.drop(note)
    await rig.start()
    const { releaseReason } = await (await rig.control()).status()
    assert.match(releaseReason ?? '', /the first frames of a session have passed unseen/)
    await assertPasses(ends)
    // another one has taken its place
    await manager.until(() => manager.kept.size === KEPT + KEPT_EACH)
  })

  test('warns once when there is no room for all descriptors, and then ends as without a service manager', async () => {
    await using unit = await Unit.start({ limit: KEPT + KEPT_EACH })
    const { rig, manager } = unit
    await unit.connected()
    await manager.until(() => manager.kept.size === KEPT + KEPT_EACH)
    assert.doesNotMatch(rig.log, /does not keep all descriptors/)
    await unit.connected()
    await unit.connected()
    await manager.until(() => manager.said.some((it) => it.endsWith('; a restart would cost bgpd zebra')))
    assert.equal(rig.log.match(/does not keep all descriptors/g)?.length, 1)
    rig.signal('SIGTERM')
    assert.equal(await rig.exited(), 0)
    assert.equal(existsSync(rig.path('bgpd')), false)
  })

  test('ends a worker that has outlived its keeper before it serves itself', async () => {
    await using unit = await Unit.start()
    const { rig } = unit
    const ends = await unit.connected()
    const load = new Load(ends)
    for (const stopped of [false, true]) {
      const worker = await served(rig)
      if (stopped) process.kill(worker, 'SIGSTOP')
      rig.signal('SIGKILL')
      await rig.exited()
      if (!stopped) await load.more()
      await rig.start()
      await load.more()
      assert.ok(hasEnded(worker))
    }
    await load.stop()
  })

  test('tells it that it lives, and gives no child process what is meant for itself', async () => {
    await using unit = await Unit.start({ watchdogMs: 400 })
    const { rig, manager } = unit
    await unit.connected()
    await manager.hears('WATCHDOG=1')
    await manager.until(() => manager.said.some((it) => it.startsWith('STATUS=1 connections of bgpd; worker')))
    await unit.restart()
    const worker = await served(rig)
    assert.doesNotMatch(readFileSync(`/proc/${worker}/environ`, 'latin1'), /LISTEN_|NOTIFY_|WATCHDOG_/)
    rig.signal('SIGTERM')
    await manager.hears('STOPPING=1')
  })
})
