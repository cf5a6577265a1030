// The relay reads what FRR has from daemons that the test plays; their answers are recordings. Its waits are the real ones.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, suite, test } from 'node:test'
import { waitFor } from '../../lab/wait.js'
import type { Key } from '../../src/bindings/model.js'
import { Overlay } from '../../src/relay/overlay/overlay.js'
import { Views, VniView } from '../../src/relay/overlay/views.js'
import { Relearning } from '../../src/relay/relearning.js'
import { type BgpMessage, type ZebraMessage, isFromBgpd } from '../../src/zapi/evpn-codec.js'
import { ZERO_ESI } from '../../src/zapi/messages/macip.js'
import { tempDir } from '../support.js'
import { type Answering, FakeVty, answers, recordedAnswers } from '../vty/fake-vty.js'
import { NUMBERS, OPENINGS, macIpDel, vniAdd } from '../zapi/build.js'
import { RelayRig } from './rig.js'

const N = NUMBERS['8.4']
const M1 = 'bc:24:11:00:00:01'
/** A route that an earlier relay announced. */
const OURS = { vni: 100, mac: M1, ip: '10.2.1.11' }
const ROUTES = 'show bgp l2vpn evpn route rd 192.0.2.1:2 type macip json'
const LONG_MS = 60_000

class Rig {
  readonly views = new Views()
  readonly overlay = new Overlay(this.views)
  readonly orphans: Key[] = []
  readonly failures: string[] = []
  readonly corrected: string[] = []
  session = { inSync: true, isAllRead: true }
  done = 0
  readonly dir: string
  private relearning: Relearning | undefined

  constructor(t: TestContext) {
    this.dir = tempDir(t)
    this.overlay.setGate('relearning')
    t.after(() => this.relearning?.cancel())
  }

  async daemon(
    t: TestContext,
    name: 'zebra' | 'bgpd',
    answering = answers(recordedAnswers('10.7', name)),
  ): Promise<FakeVty> {
    return await FakeVty.listen(t, join(this.dir, `${name}.vty`), answering)
  }

  start(): Relearning {
    this.relearning = new Relearning({
      overlay: this.overlay,
      vtyDir: this.dir,
      delayMs: 0,
      session: this.session,
      onOrphan: ({ vni, mac, ip }) => this.orphans.push({ vni, mac, ip }),
      onCorrection: ({ command }) => this.corrected.push(command),
      onDone: () => this.done++,
      onFailed: (why) => this.failures.push(why),
    })
    return this.relearning
  }

  async finished(): Promise<void> {
    await waitFor(
      'relay and FRR to agree',
      () => this.done,
      (done) => done === 1,
      { timeoutMs: LONG_MS, context: () => this.failures.join('\n') },
    )
  }

  /** The message passes. */
  pass(relearning: Relearning, message: ZebraMessage | BgpMessage): void {
    if (isFromBgpd(message)) this.overlay.onBgpd(message)
    else this.overlay.onZebra(message)
    relearning.onMessage(message)
  }
}

const macDel = (mac: string): ZebraMessage => {
  return { command: 'ZEBRA_MACIP_DEL', vrf: 0, body: { vni: 100, mac, ip: undefined, state: 1 } }
}

const asked = (vty: FakeVty, command: string): number => vty.asked.filter((each) => each === command).length

suite('reading from FRR what bgpd has', { concurrency: true }, () => {
  test('ends with the second reading, which has nothing to correct', async (t) => {
    const rig = new Rig(t)
    await rig.daemon(t, 'zebra')
    const bgpd = await rig.daemon(t, 'bgpd')
    rig.start()
    await rig.finished()
    assert.equal(asked(bgpd, ROUTES), 2)
    assert.deepEqual(rig.failures, [])
    assert.deepEqual(
      [...(rig.views.get(100)?.macs.keys() ?? [])].sort(),
      [1, 3, 4, 5].map((n) => `bc:24:11:00:00:0${n}`),
    )
    assert.ok(rig.corrected.includes('ZEBRA_VNI_ADD') && rig.corrected.includes('ZEBRA_REMOTE_MACIP_ADD'))
    assert.ok(rig.orphans.some(({ mac, ip }) => mac === OURS.mac && ip === OURS.ip))
    assert.ok(!rig.orphans.some(({ mac }) => mac === 'bc:24:11:00:00:03'))
  })

  test('is tried again when a daemon is not there, and ends when it is', async (t) => {
    const rig = new Rig(t)
    await rig.daemon(t, 'zebra')
    rig.start()
    await waitFor(
      'a failure',
      () => rig.failures[0] ?? '',
      (why) => why.includes('bgpd.vty'),
    )
    await rig.daemon(t, 'bgpd')
    await rig.finished()
  })

  test('fails, and changes nothing, when an answer breaks off', async (t) => {
    const rig = new Rig(t)
    const zebra = await rig.daemon(t, 'zebra')
    const table = recordedAnswers('10.7', 'bgpd')
    let isWhole = false
    const half: Answering = (command, socket) => {
      if (isWhole || command !== ROUTES) answers(table)(command, socket)
      else socket.end((table.get(command) ?? '').slice(0, 5000))
    }
    await rig.daemon(t, 'bgpd', half)
    rig.start()
    await waitFor(
      'a failure',
      () => rig.failures[0] ?? '',
      (why) => why.includes('closed before it had answered'),
    )
    assert.deepEqual([...rig.views.entries()], [])
    assert.deepEqual(rig.orphans, [])
    assert.equal(asked(zebra, 'show evpn mac vni all detail json'), 0)
    isWhole = true
    await rig.finished()
  })

  test('leaves alone what a message is about that passes after the reading', async (t) => {
    const rig = new Rig(t)
    const table = recordedAnswers('10.7', 'zebra')
    const relearning = rig.start()
    let gone = false
    await rig.daemon(t, 'bgpd')
    await rig.daemon(t, 'zebra', (command, socket) => {
      answers(table)(command, socket)
      // the last question of a reading: from now on zebra does not have the MAC
      if (command !== 'show evpn arp-cache vni all json' || gone) return
      gone = true
      rig.pass(relearning, macDel('bc:24:11:00:00:04'))
      const macs = table.get('show evpn mac vni all detail json') ?? ''
      table.set('show evpn mac vni all detail json', macs.replace('bc:24:11:00:00:04', 'bc:24:11:00:00:44'))
    })
    await waitFor('the first correction', () => rig.corrected.length, Boolean, { timeoutMs: LONG_MS })
    assert.equal(rig.views.get(100)?.macs.has('bc:24:11:00:00:04'), false)
    await rig.finished()
    assert.equal(rig.views.get(100)?.macs.has('bc:24:11:00:00:04'), false)
  })

  test('believes bgpd of a MAC of another node that zebra goes on showing, as its neighbours refer to it', async (t) => {
    const rig = new Rig(t)
    const body = { vni: 100, mac: 'bc:24:11:00:00:02', ip: undefined, vtep: '192.0.2.2' }
    const relearning = rig.start()
    await rig.daemon(t, 'bgpd')
    await rig.daemon(t, 'zebra', (command, socket) => {
      answers(recordedAnswers('10.7', 'zebra'))(command, socket)
      const isFirst = command === 'show vrf' && rig.corrected.length === 0
      if (isFirst) rig.pass(relearning, { command: 'ZEBRA_REMOTE_MACIP_DEL', vrf: 0, body })
    })
    await rig.finished()
    const { remoteMacs } = rig.views.get(100) ?? new VniView()
    assert.ok(remoteMacs.size > 0)
    assert.equal(remoteMacs.has(body.mac), false)
  })

  test('announces again what bgpd dropped meanwhile for a route that it never announced', async (t) => {
    const rig = new Rig(t)
    const mac = 'bc:24:11:00:00:04'
    const relearning = rig.start()
    const routes = recordedAnswers('10.7', 'bgpd')
    await rig.daemon(t, 'zebra')
    await rig.daemon(t, 'bgpd', (command, socket) => {
      if (command === ROUTES && rig.corrected.length === 0) {
        const body = { vni: 100, mac, ip: undefined, vtep: '192.0.2.2' }
        rig.pass(relearning, { command: 'ZEBRA_REMOTE_MACIP_DEL', vrf: 0, body })
        routes.set(ROUTES, (routes.get(ROUTES) ?? '').replaceAll(mac, 'bc:24:11:00:00:44'))
      }
      answers(routes)(command, socket)
    })
    await rig.finished()
    assert.equal(rig.views.get(100)?.macs.get(mac)?.seq, 0)
    rig.overlay.setGate('open')
    const told = rig.overlay.next(1000).map(({ command, body }) => `${command} ${body.mac} ${body.ip ?? '-'}`)
    assert.ok(told.includes(`ZEBRA_MACIP_ADD ${mac} -`), told.join('\n'))
    assert.equal(rig.overlay.pending, false)
  })

  test('keeps what zebra announces of a neighbour whose route bgpd dropped in that way', async (t) => {
    const rig = new Rig(t)
    const body = { vni: 100, mac: 'bc:24:11:00:00:03', ip: '10.2.1.13' }
    const add = { ...body, flags: 0, seq: 0, esi: ZERO_ESI }
    rig.overlay.onZebra({ command: 'ZEBRA_MACIP_ADD', vrf: 0, body: { ...add, ip: undefined } })
    rig.overlay.onZebra({ command: 'ZEBRA_MACIP_ADD', vrf: 0, body: add })
    rig.overlay.onBgpd({ command: 'ZEBRA_REMOTE_MACIP_DEL', vrf: 0, body: { ...body, vtep: '192.0.2.2' } })
    const routes = recordedAnswers('10.7', 'bgpd')
    assert.ok(routes.get(ROUTES)?.includes(body.ip))
    routes.set(ROUTES, (routes.get(ROUTES) ?? '').replaceAll(body.ip, '10.2.1.99'))
    await rig.daemon(t, 'zebra')
    await rig.daemon(t, 'bgpd', answers(routes))
    rig.start()
    await rig.finished()
    rig.overlay.setGate('open')
    const told = rig.overlay.next(1000).map(({ command, body: { mac, ip } }) => `${command} ${mac} ${ip ?? '-'}`)
    assert.ok(told.includes(`ZEBRA_MACIP_ADD ${body.mac} ${body.ip}`), told.join('\n'))
  })

  test('waits until the daemons have read what was sent to them', async (t) => {
    const rig = new Rig(t)
    await rig.daemon(t, 'zebra')
    const bgpd = await rig.daemon(t, 'bgpd')
    let checks = 0
    rig.session = {
      inSync: true,
      get isAllRead() {
        // nothing has been asked before
        assert.equal(bgpd.asked.length, 0)
        return ++checks === 20
      },
    }
    rig.start()
    await waitFor('the first question', () => bgpd.asked.length, Boolean)
    assert.equal(checks, 20)
  })

  test('is tried again while the beginning of a frame is not known', async (t) => {
    const rig = new Rig(t)
    await rig.daemon(t, 'zebra')
    await rig.daemon(t, 'bgpd')
    rig.session.inSync = false
    rig.start()
    await waitFor(
      'a failure',
      () => rig.failures[0] ?? '',
      (why) => why.includes('beginning of a frame'),
    )
    assert.deepEqual([...rig.views.entries()], [])
    rig.session.inSync = true
    await rig.finished()
  })

  test('does nothing any more after it was cancelled', async (t) => {
    const rig = new Rig(t)
    await rig.daemon(t, 'zebra')
    const table = recordedAnswers('10.7', 'bgpd')
    const bgpd = await rig.daemon(t, 'bgpd', (command, socket) => {
      // in the middle of a reading, which goes on
      if (command === ROUTES) relearning.cancel()
      answers(table)(command, socket)
    })
    const relearning = rig.start()
    await waitFor('the routes to be asked for', () => asked(bgpd, ROUTES), Boolean)
    // what it does not do has had its time when another one is done
    const other = new Rig(t)
    await other.daemon(t, 'zebra')
    await other.daemon(t, 'bgpd')
    other.start()
    await other.finished()
    assert.deepEqual([rig.done, rig.failures, rig.corrected, asked(bgpd, ROUTES)], [0, [], [], 1])
  })

  test('says that FRR and its messages do not agree if they never do', async (t) => {
    const rig = new Rig(t)
    await rig.daemon(t, 'zebra')
    const table = recordedAnswers('10.7', 'bgpd')
    let reading = 0
    await rig.daemon(t, 'bgpd', (command, socket) => {
      if (command !== ROUTES) answers(table)(command, socket)
      else
        answers(new Map([[ROUTES, (table.get(ROUTES) ?? '').replaceAll('10.2.1.13', `10.2.1.${++reading}`)]]))(
          command,
          socket,
        )
    })
    rig.start()
    await waitFor(
      'a failure',
      () => rig.failures[0] ?? '',
      (why) => why.includes('did not agree in 5 readings'),
      {
        timeoutMs: LONG_MS,
      },
    )
    assert.equal(reading, 5)
    assert.equal(rig.done, 0)
  })

  test('a relay whose journal was damaged learns it, tells its owner, and withdraws what is not wanted', async (t) => {
    await using rig = new RelayRig()
    for (const name of ['zebra', 'bgpd'] as const)
      await FakeVty.listen(t, rig.path(`${name}.vty`), answers(recordedAnswers('8.4', name)))
    const { hello, capabilities } = OPENINGS['8.4']
    const server = await rig.startZebra()
    await rig.start()
    const bgpd = await rig.bgpd()
    bgpd.socket.write(hello)
    const zebra = await server.accept()
    await zebra.take(hello.length)
    const opening = Buffer.concat([capabilities, vniAdd(N)])
    zebra.socket.write(opening)
    await bgpd.take(opening.length)

    const pid = await rig.workerPid()
    process.kill(pid, 'SIGSTOP')
    writeFileSync(rig.path('journal'), readFileSync(rig.path('journal')).fill(0, 80, 90))
    process.kill(pid, 'SIGKILL')
    await rig.keeperUntil('another worker', ({ worker }) => worker.pid !== pid && worker.state === 'serving')
    const owner = (await rig.control()).say({ own: { client: 'test' } })
    await owner.receive((message) => message.synced)
    const remote = Buffer.from('bc2411000002', 'hex')
    await owner.receive((message) =>
      message.views?.changes?.find(({ remote: shown }) => remote.equals(shown?.key?.mac ?? Buffer.alloc(0))),
    )
    await waitFor(
      'the relay to be certain',
      () => owner.status(),
      ({ injecting }) => injecting === true,
      { timeoutMs: LONG_MS },
    )
    owner.say({ reconciled: {} })
    const withdrawn = [await bgpd.frame(), await bgpd.frame(), await bgpd.frame(), await bgpd.frame()]
    assert.deepEqual(
      withdrawn.map((frame) => frame.toString('hex')).sort(),
      [
        macIpDel(N, M1, '0a02010b'),
        macIpDel(N, M1, '20010db8000000000000000000000011'),
        macIpDel(N, 'bc:24:11:00:00:05', '0a02010f'),
        macIpDel(N, 'bc:24:11:00:00:05', '20010db8000000000000000000000015'),
      ]
        .map((frame) => frame.toString('hex'))
        .sort(),
    )
  })
})
