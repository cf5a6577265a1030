import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { frrRelease } from '../../src/zapi/releases.js'
import { openPipe } from '../../src/os/pipe.js'
import { Session, type SessionEvents } from '../../src/relay/session.js'
import { FRAMES_TO_BELIEVE } from '../../src/zapi/boundary-search.js'
import { NUMBERS, OPENINGS, frame, macIpAdd, vniAdd } from '../zapi/build.js'
import { Inbox } from './rig.js'
import { pair } from './socket-pair.js'

type Rig = { session: Session; bgpd: Socket; zebra: Socket; protocolErrors: string[]; uncertainties: string[] }

/** A session between two sockets. */
async function start(t: TestContext, changes: Partial<SessionEvents>): Promise<Rig> {
  const dir = mkdtempSync(join(tmpdir(), 'macipd-session-'))
  const [toZebra, toBgpd] = [openPipe(), openPipe()]
  const [bgpd, zebra] = await Promise.all([pair(join(dir, 'bgpd')), pair(join(dir, 'zebra'))])
  const protocolErrors: string[] = []
  const uncertainties: string[] = []
  const nothing = (): void => undefined
  const events: SessionEvents = {
    onFrame: nothing,
    onPart: nothing,
    onHandshake: nothing,
    onZebra: () => 'pass',
    onBgpd: nothing,
    onUncertain: ({ uncertain }) => uncertainties.push(uncertain ?? ''),
    onProtocolError: (_session, why) => protocolErrors.push(why),
    beforeConsume: nothing,
    onEnded: nothing,
    ...changes,
  }
  const session = new Session({
    id: 1,
    since: 0,
    descriptors: { bgpd: bgpd.fd, zebra: zebra.fd, toZebra, toBgpd },
    inherited: undefined,
    configured: undefined,
    uncertain: undefined,
    zebraVersion: undefined,
    events,
  })
  t.after(() => {
    session.close()
    for (const { outer, inner } of [bgpd, zebra]) {
      outer.destroy()
      inner.destroy()
    }
    for (const { readEnd, writeEnd } of [toZebra, toBgpd]) {
      closeSync(readEnd)
      closeSync(writeEnd)
    }
    rmSync(dir, { recursive: true })
  })
  session.start()
  return { session, bgpd: bgpd.outer, zebra: zebra.outer, protocolErrors, uncertainties }
}

test('a fault in handling a frame costs certainty, not a byte, not the process, and not the next message', async (t) => {
  const heard: string[] = []
  const { session, bgpd, zebra, protocolErrors, uncertainties } = await start(t, {
    onZebra: (_session, { command }) => {
      heard.push(command)
      if (command === 'ZEBRA_VNI_ADD') throw new Error('a mistake of ours')
      return 'pass'
    },
  })
  const [fromBgpd, fromZebra] = [new Inbox(bgpd), new Inbox(zebra)]
  bgpd.write(OPENINGS['8.4'].hello)
  await fromZebra.frame()
  const n = NUMBERS['8.4']
  const said = Buffer.concat([OPENINGS['8.4'].capabilities, vniAdd(n), macIpAdd(n, 'bc:24:11:00:00:01', '')])
  zebra.write(said)
  assert.deepEqual(await fromBgpd.take(said.length), said)
  const why = `command ${n.VNI_ADD} could not be handled: a mistake of ours`
  assert.deepEqual(uncertainties, [why])
  assert.equal(session.uncertain, why)
  assert.deepEqual(heard, ['ZEBRA_VNI_ADD', 'ZEBRA_MACIP_ADD'])
  assert.deepEqual(protocolErrors, [])
  assert.notEqual(session.release, undefined)
})

test('a frame that is deferred for nothing passes, and it is not certain any more what bgpd has', async (t) => {
  const { session, bgpd, zebra, protocolErrors, uncertainties } = await start(t, {
    onZebra: ({ uncertain }, { command }) =>
      command === 'ZEBRA_MACIP_ADD' && uncertain === undefined ? 'defer' : 'pass',
  })
  const [fromBgpd, fromZebra] = [new Inbox(bgpd), new Inbox(zebra)]
  bgpd.write(OPENINGS['8.4'].hello)
  await fromZebra.frame()
  const n = NUMBERS['8.4']
  const said = Buffer.concat([OPENINGS['8.4'].capabilities, vniAdd(n), macIpAdd(n, 'bc:24:11:00:00:01', '')])
  zebra.write(said)
  assert.deepEqual(await fromBgpd.take(said.length), said)
  assert.deepEqual(uncertainties, ['a frame could not be passed on'])
  assert.deepEqual(protocolErrors, [])
  assert.notEqual(session.release, undefined)
})

test('boundaries that are lost cost certainty twice: when they are lost, and when they are found', async (t) => {
  const { session, bgpd, zebra, protocolErrors, uncertainties } = await start(t, {})
  const [fromBgpd, fromZebra] = [new Inbox(bgpd), new Inbox(zebra)]
  bgpd.write(OPENINGS['8.4'].hello)
  await fromZebra.frame()
  const n = NUMBERS['8.4']
  const lost = Buffer.concat([OPENINGS['8.4'].capabilities, Buffer.alloc(30)])
  const found = new Array<Buffer>(FRAMES_TO_BELIEVE).fill(frame(n.ROUTE_ADD, Buffer.from('after')))
  for (const [said, whys] of [
    [lost, [/^it is not known where messages begin: frame length 0 is below 10$/]],
    [Buffer.concat(found), [/^it is not known/, /^messages have passed while .*: frame length 0 is below 10$/]],
  ] as const) {
    zebra.write(said)
    assert.deepEqual(await fromBgpd.take(said.length), said)
    assert.equal(uncertainties.length, whys.length)
    for (const [index, why] of whys.entries()) assert.match(uncertainties[index] ?? '', why)
  }
  assert.equal(session.inSync, true)
  assert.deepEqual(protocolErrors, [])
  assert.notEqual(session.release, undefined)
})

test('what zebra tells of interfaces, VRFs and other clients before it answers HELLO is not its answer', async (t) => {
  const heard: string[] = []
  const { session, bgpd, zebra } = await start(t, {
    onZebra: (_session, { command }) => {
      heard.push(command)
      return 'pass'
    },
  })
  const [fromBgpd, fromZebra] = [new Inbox(bgpd), new Inbox(zebra)]
  bgpd.write(OPENINGS['8.4'].hello)
  await fromZebra.frame()
  const n = NUMBERS['8.4']
  const early = [
    'ZEBRA_INTERFACE_UP',
    'ZEBRA_INTERFACE_ADDRESS_ADD',
    'ZEBRA_VRF_ADD',
    'ZEBRA_CLIENT_CLOSE_NOTIFY',
  ] as const
  const release = frrRelease('8.4')
  const frames = early.map((name) => frame(release?.commandNumber(name) ?? -1, Buffer.alloc(64)))
  const said = Buffer.concat([...frames, OPENINGS['8.4'].capabilities, vniAdd(n)])
  zebra.write(said)
  assert.deepEqual(await fromBgpd.take(said.length), said)
  assert.deepEqual(heard, ['ZEBRA_VNI_ADD'])
  assert.notEqual(session.release, undefined)
})

test('a batch that was begun is written to its end although the queue is gone, and only then counts as done', async (t) => {
  const { session, bgpd } = await start(t, {})
  const batch = Buffer.alloc(4 << 20, 1)
  const calls: string[] = []
  session.toBgpd.injections = {
    pending: true,
    next: () => {
      calls.push('next')
      return [batch]
    },
    done: () => calls.push('done'),
  }
  session.toBgpd.run()
  session.toBgpd.injections = undefined
  assert.deepEqual(calls, ['next'])
  assert.deepEqual(await new Inbox(bgpd).take(batch.length), batch)
  assert.deepEqual(calls, ['next', 'done'])
})
