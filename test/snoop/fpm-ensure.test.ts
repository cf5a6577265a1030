// fpm.ensure against a stand-in for zebra's vty. (Real ones: test/fpm/ensure.test.ts, test/boot.)
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import type { EnsureState } from '../../src/control/fpm-codec.js'
import { FpmEnsure } from '../../src/snoop/fpm-ensure.js'
import { Awaited, silent, tempDir } from '../support.js'
import { type Answering, FakeVty, trailer } from '../vty/fake-vty.js'

const HERE = { ip: '127.0.0.1', port: 2620 }
const KEPT = ['no fpm use-next-hop-groups', 'fpm address 127.0.0.1']
const NO_MATCH = 2

/** What a zebra has, knows and is. */
type Zebra = { lines: string[]; hasModule: boolean; version: string; vnis: Record<string, { type: string }> }

class Scene {
  readonly news = new Awaited()
  readonly zebra: Zebra = { lines: [], hasModule: true, version: '10.3', vnis: { 100: { type: 'L2' } } }
  readonly path: string
  vty: FakeVty | undefined
  isConnected = false
  private ensure: FpmEnsure | undefined

  constructor(private readonly t: TestContext) {
    this.path = join(tempDir(t), 'zebra.vty')
    t.after(() => {
      this.ensure?.close()
    })
  }

  async listen(): Promise<void> {
    this.vty = await FakeVty.listen(this.t, this.path, this.answer)
  }

  start(listening = [HERE]): FpmEnsure {
    const log = Object.assign(Object.create(silent) as typeof silent, { info: this.changed, warn: this.changed })
    const { path: vty } = this
    this.ensure = new FpmEnsure({ vty, listening: () => listening, isConnected: () => this.isConnected, log })
    return this.ensure
  }

  async until(state: EnsureState): Promise<void> {
    await this.news.until(() => this.ensure?.status.state === state)
  }

  /** How often zebra's configuration was read. */
  get looks(): number {
    return this.vty?.asked.filter((command) => command === 'show running-config').length ?? 0
  }

  private readonly changed = (): void => {
    // what is logged is noted first
    setImmediate(() => {
      this.news.changed()
    })
  }

  private readonly answer: Answering = (command, socket) => {
    const { lines, hasModule, version, vnis } = this.zebra
    const isFpm = /^(?:no )?fpm /.test(command)
    if (isFpm && hasModule) lines.push(command)
    const text =
      command === 'show running-config'
        ? `${lines.join('\n')}\n`
        : command === 'show version'
          ? `FRRouting ${version} (n1).\n`
          : command === 'show evpn vni json'
            ? JSON.stringify(vnis)
            : ''
    socket.write(text)
    socket.write(trailer(isFpm && !hasModule ? NO_MATCH : 0))
    this.changed()
  }
}

suite('zebra’s FPM configuration', () => {
  test('is set where it is missing, and again when a reload took it away', async (t) => {
    const scene = new Scene(t)
    await scene.listen()
    const ensure = scene.start()
    await scene.until('kept')
    assert.deepEqual(scene.zebra.lines, KEPT)
    assert.equal(ensure.status.times, 1)
  })

  test('is left as it is where it is as it is to be, and not read again while zebra is connected', async (t) => {
    const scene = new Scene(t)
    scene.zebra.lines.push(...KEPT)
    scene.isConnected = true
    await scene.listen()
    const ensure = scene.start()
    await scene.until('kept')
    assert.deepEqual(scene.zebra.lines, KEPT)
    assert.deepEqual([ensure.status.times, scene.looks], [0, 1])
    scene.zebra.lines.pop()
    scene.isConnected = false
    ensure.onDisconnected()
    await scene.news.until(() => ensure.status.times === 1)
    assert.deepEqual(scene.zebra.lines, [KEPT[0], ...KEPT])
    assert.equal(scene.looks, 2)
  })

  test('is not touched where zebra has another server, the older module or none, or may crash', async (t) => {
    for (const [state, zebra, why] of [
      ['other-server', { lines: ['fpm address 10.0.0.9 port 7'] }, /another FPM server, 10\.0\.0\.9:7$/],
      ['old-module', { lines: ['fpm connection ip 127.0.0.1 port 2620'] }, /older FPM module/],
      ['no-module', { hasModule: false }, /without its FPM module/],
      ['may-crash', { version: '8.5.2', vnis: { 100: { type: 'L2' }, 4001: { type: 'L3' } } }, /may crash/],
    ] as const) {
      const scene = new Scene(t)
      Object.assign(scene.zebra, zebra)
      const before = [...scene.zebra.lines]
      await scene.listen()
      const ensure = scene.start()
      assert.equal(ensure.status.state, 'looking')
      await scene.until(state)
      assert.match(ensure.status.why, why)
      assert.deepEqual(scene.zebra.lines, before)
    }
  })

  test('is set where a zebra of a version that may crash has no L3VNI', async (t) => {
    const scene = new Scene(t)
    scene.zebra.version = '8.4.4'
    await scene.listen()
    scene.start()
    await scene.until('kept')
    assert.deepEqual(scene.zebra.lines, KEPT)
  })

  test('is set as soon as zebra is there', async (t) => {
    const scene = new Scene(t)
    const ensure = scene.start()
    await scene.until('unreachable')
    assert.match(ensure.status.why, /ENOENT/)
    await scene.listen()
    await scene.until('kept')
    assert.deepEqual(scene.zebra.lines, KEPT)
  })
})
