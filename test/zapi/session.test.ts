import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs'
import { type Socket, connect, createServer } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isRawHandle } from '../../src/zapi/relay/ipc.js'
import { Session, type SessionEvents } from '../../src/zapi/relay/session.js'
import { NUMBERS, OPENINGS, macIpAdd, vniAdd } from './build.js'
import { Inbox } from './relay-rig.js'

/** A connected pair of which one end is read by nobody but the session. */
async function pair(path: string): Promise<{ outer: Socket; inner: Socket; fd: number }> {
  const server = createServer({ pauseOnConnect: true }).listen(path)
  await once(server, 'listening')
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const outer = connect(path)
  const [inner] = await accepted
  server.close()
  const handle: unknown = '_handle' in inner ? inner._handle : undefined
  assert.ok(isRawHandle(handle))
  return { outer, inner, fd: handle.fd }
}

test('a fault in handling a frame costs the session its trust, not a byte and not the process', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'macipd-session-'))
  const pipes = [join(dir, 'up'), join(dir, 'down')] as const
  execFileSync('mkfifo', [...pipes])
  const [transitToZebra, transitToBgpd] = pipes.map((path) => openSync(path, constants.O_RDWR | constants.O_NONBLOCK))
  assert.ok(transitToZebra !== undefined && transitToBgpd !== undefined)
  const [bgpd, zebra] = await Promise.all([pair(join(dir, 'bgpd')), pair(join(dir, 'zebra'))])
  const doubts: string[] = []
  const nothing = (): void => undefined
  const events: SessionEvents = {
    onFrame: nothing,
    onPart: nothing,
    onIntroduced: nothing,
    onZebra: () => {
      throw new Error('a mistake of ours')
    },
    onBgpd: nothing,
    onDoubt: (_session, why) => doubts.push(why),
    nextInjection: () => undefined,
    onInjected: nothing,
    beforeConsume: nothing,
    onEnded: nothing,
  }
  const session = new Session({
    id: 1,
    since: 0,
    descriptors: { bgpd: bgpd.fd, zebra: zebra.fd, transitToZebra, transitToBgpd },
    inherited: undefined,
    configured: undefined,
    running: undefined,
    plain: false,
    events,
  })
  t.after(() => {
    session.close()
    for (const { outer, inner } of [bgpd, zebra]) {
      outer.destroy()
      inner.destroy()
    }
    closeSync(transitToZebra)
    closeSync(transitToBgpd)
    rmSync(dir, { recursive: true })
  })
  session.start()
  const [fromBgpd, fromZebra] = [new Inbox(bgpd.outer), new Inbox(zebra.outer)]
  bgpd.outer.write(OPENINGS['8.4'].hello)
  await fromZebra.frame()
  const n = NUMBERS['8.4']
  const said = Buffer.concat([OPENINGS['8.4'].capabilities, vniAdd(n), macIpAdd(n, 'bc:24:11:00:00:01', '')])
  zebra.outer.write(said)
  assert.deepEqual(await fromBgpd.take(said.length), said)
  assert.deepEqual(doubts, [`command ${n.VNI_ADD} could not be handled: a mistake of ours`])
  assert.equal(session.line, undefined)
})
