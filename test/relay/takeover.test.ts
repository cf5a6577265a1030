// One session after the other on the same sockets, as workers follow each other. The end of a worker is played by closing
// its session in this process, between two turns of the event loop.
import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { closeSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { openPipe } from '../../src/os/pipe.js'
import { Session, type SessionEvents } from '../../src/relay/session.js'
import { NUMBERS, OPENINGS, frame, macIpAdd, u32 } from '../zapi/build.js'
import { Inbox } from './rig.js'
import { pair } from './socket-pair.js'

const N = NUMBERS['8.4']
const { hello, capabilities } = OPENINGS['8.4']
/** Frames of ours, which begin with a command that the stream does not have. */
const INJECTED = 25

type Step = { write: number; turns: number; replace: boolean; inject: boolean; pause: boolean }

const step: fc.Arbitrary<Step> = fc.record({
  write: fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 20_000 })),
  turns: fc.nat(3),
  replace: fc.boolean(),
  inject: fc.boolean(),
  pause: fc.boolean(),
})

/** Numbered frames, every third one watched. */
function streamOf(sizes: readonly number[]): { stream: Buffer; watched: number } {
  const frames = sizes.map((size, number) => {
    if (number % 3 === 0) return macIpAdd(N, `02000000${number.toString(16).padStart(4, '0')}`, '')
    const payload = Buffer.alloc(4 + size, 0xfe)
    payload.writeUInt32BE(number)
    return frame(N.ROUTE_ADD, payload)
  })
  return { stream: Buffer.concat(frames), watched: Math.ceil(sizes.length / 3) }
}

test('whenever workers follow each other: every byte once and in order, every watched message seen, ours between frames', async () => {
  // a watched message that was half through costs the successor its trust, and nothing else does
  const sizes = fc.array(fc.oneof(fc.nat(60), fc.nat(3000)), { minLength: 30, maxLength: 120 })
  await fc.assert(
    fc.asyncProperty(sizes, fc.array(step, { minLength: 20, maxLength: 40 }), async (frameSizes, steps) => {
      const { stream, watched } = streamOf(frameSizes)
      await using life = await Life.begin()
      let offset = 0
      for (const each of [...steps, { write: stream.length, turns: 2, replace: true, inject: true, pause: false }]) {
        life.write(stream.subarray(offset, offset + each.write))
        offset += each.write
        if (each.inject) life.inject()
        for (let turns = 0; turns < each.turns; turns++) await turn()
        if (each.replace) life.replace()
        life.pause(each.pause)
      }
      const { zebras, ours } = await life.received(stream.length)
      assert.deepEqual(zebras, stream)
      assert.deepEqual(
        ours,
        ours.map((_, index) => index),
        'each of ours once and in order',
      )
      assert.equal(life.session.inSync, true)
      if (life.uncertain.size > 0)
        assert.deepEqual([...life.uncertain], ['a message was half through when the worker ended'])
      else assert.equal(life.seen.size, watched)
    }),
    { numRuns: 60 },
  )
})

class Life implements AsyncDisposable {
  session: Session
  /** Watched messages that some session has seen. */
  readonly seen = new Set<string>()
  /** Why sessions did not know what bgpd was told. */
  readonly uncertain = new Set<string>()
  private wanted = 0
  private given = 0
  private readonly inbox: Inbox

  private constructor(
    private readonly dir: string,
    private readonly ends: { bgpd: Awaited<ReturnType<typeof pair>>; zebra: Awaited<ReturnType<typeof pair>> },
    private readonly pipes = { toZebra: openPipe(), toBgpd: openPipe() },
  ) {
    this.inbox = new Inbox(ends.bgpd.outer)
    this.session = this.makeSession(undefined)
  }

  static async begin(): Promise<Life> {
    const dir = mkdtempSync(join(tmpdir(), 'macipd-takeover-'))
    const [bgpd, zebra] = await Promise.all([pair(join(dir, 'bgpd')), pair(join(dir, 'zebra'))])
    const life = new Life(dir, { bgpd, zebra })
    const fromZebra = new Inbox(zebra.outer)
    bgpd.outer.write(hello)
    await fromZebra.frame()
    zebra.outer.write(capabilities)
    await life.inbox.frame()
    return life
  }

  write(bytes: Buffer): void {
    if (bytes.length > 0) this.ends.zebra.outer.write(bytes)
  }

  pause(isPaused: boolean): void {
    if (isPaused) this.ends.bgpd.outer.pause()
    else this.ends.bgpd.outer.resume()
  }

  inject(): void {
    this.wanted++
    this.session.toBgpd.run()
  }

  replace(): void {
    this.session.close()
    const { hello: first, capabilities: answer } = this.session
    this.session = this.makeSession({ hello: first, capabilities: answer })
  }

  /** What has come at bgpd: zebra's bytes, and the numbers of our frames. */
  async received(bytes: number): Promise<{ zebras: Buffer; ours: number[] }> {
    const zebras: Buffer[] = []
    const ours: number[] = []
    const expected = this.wanted
    for (let size = 0; size < bytes || ours.length < expected; ) {
      const one = await this.inbox.frame()
      if (one.readUInt16BE(8) === INJECTED) ours.push(one.readUInt32BE(10))
      else {
        zebras.push(one)
        size += one.length
      }
    }
    return { zebras: Buffer.concat(zebras), ours }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.session.close()
    for (const { outer, inner } of Object.values(this.ends)) {
      outer.destroy()
      inner.destroy()
    }
    for (const { readEnd, writeEnd } of Object.values(this.pipes)) {
      closeSync(readEnd)
      closeSync(writeEnd)
    }
    rmSync(this.dir, { recursive: true })
    return Promise.resolve()
  }

  private makeSession(inherited: { hello: Buffer | undefined; capabilities: Buffer | undefined } | undefined): Session {
    const nothing = (): void => undefined
    const events: SessionEvents = {
      onFrame: nothing,
      onPart: nothing,
      onHandshake: nothing,
      onZebra: (_session, _message, seen) => {
        this.seen.add(seen.toString('hex'))
        return 'pass'
      },
      onBgpd: nothing,
      onProtocolError: (_session, why) => {
        assert.fail(why)
      },
      onUncertain: nothing,
      beforeConsume: nothing,
      onEnded: nothing,
    }
    const session = new Session({
      id: 1,
      since: 0,
      descriptors: { bgpd: this.ends.bgpd.fd, zebra: this.ends.zebra.fd, ...this.pipes },
      inherited,
      configured: undefined,
      uncertain: undefined,
      zebraVersion: undefined,
      events,
    })
    if (session.uncertain !== undefined) this.uncertain.add(session.uncertain)
    session.toBgpd.injections = this.queue()
    session.start()
    return session
  }

  private queue(): { readonly pending: boolean; next(): Buffer[]; done(): void } {
    const isPending = (): boolean => this.given < this.wanted
    return {
      get pending() {
        return isPending()
      },
      next: () => [frame(INJECTED, Buffer.from(u32(this.given++), 'hex'))],
      done: () => undefined,
    }
  }
}
