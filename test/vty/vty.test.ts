import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type TestContext, suite, test } from 'node:test'
import { Vty, VtyError } from '../../src/vty/vty.js'
import { tempDir } from '../support.js'
import { type Answering, FakeVty, answers, trailer } from './fake-vty.js'

/** Short, for what must not be waited for. */
const SHORT_MS = 100
/** Long enough never to be the reason. */
const LONG_MS = 60_000

async function open(t: TestContext, answering: Answering, timeoutMs = LONG_MS): Promise<Vty> {
  const path = join(tempDir(t), 'zebra.vty')
  await FakeVty.listen(t, path, answering)
  const vty = await Vty.open(path, timeoutMs)
  t.after(() => {
    vty[Symbol.dispose]()
  })
  return vty
}

/** Writes one part after the other, each in a turn of its own. */
async function inParts(socket: Socket, parts: readonly (string | Buffer)[]): Promise<void> {
  for (const part of parts) {
    socket.write(part)
    await sleep(1)
  }
}

const saysVty = (pattern: RegExp) => (error: unknown) => error instanceof VtyError && pattern.test(error.message)

suite('a question on a vty', () => {
  test('is answered, one after another', async (t) => {
    const vty = await open(
      t,
      answers(
        new Map([
          ['show a', 'A\n'],
          ['show b', ''],
          ['show c', 'CC\n'],
        ]),
      ),
    )
    assert.equal(await vty.askForText('show a'), 'A\n')
    assert.equal(await vty.askForText('show b'), '')
    assert.equal(await vty.askForText('show c'), 'CC\n')
  })

  test('is answered in whatever parts the answer comes', async (t) => {
    const whole = Buffer.concat([Buffer.from('one\ntwo\n'), trailer()])
    for (let cut = 0; cut <= whole.length; cut++) {
      const vty = await open(
        t,
        (_command, socket) => void inParts(socket, [whole.subarray(0, cut), whole.subarray(cut)]),
      )
      assert.equal(await vty.askForText('show'), 'one\ntwo\n', `cut after ${cut} bytes`)
    }
    const vty = await open(
      t,
      (_command, socket) =>
        void inParts(
          socket,
          [...whole].map((byte) => Buffer.of(byte)),
        ),
    )
    assert.equal(await vty.askForText('show'), 'one\ntwo\n')
  })

  test('is answered by bytes that are not UTF-8, too', async (t) => {
    const vty = await open(t, (_command, socket) => socket.write(Buffer.from([0xe9, 0xff, 0, 0, 0, 0])))
    assert.equal(await vty.askForText('show'), 'éÿ')
  })

  test('fails with the status of the daemon, and the next one is answered', async (t) => {
    const vty = await open(t, answers(new Map([['show a', 'A']])))
    await assert.rejects(vty.askForText('show x'), saysVty(/"show x" failed with status 2/))
    assert.equal(await vty.askForText('show a'), 'A')
  })

  test('fails when the daemon ends inside its answer, or without one', async (t) => {
    for (const half of ['{"a":', '', Buffer.from([0, 0]), Buffer.from('a\0\0\0')]) {
      const vty = await open(t, (_command, socket) => socket.end(half))
      await assert.rejects(vty.askForText('show'), saysVty(/closed before it had answered "show"/))
      await assert.rejects(vty.askForText('again'), saysVty(/closed before it had answered "again"/))
    }
  })

  test('fails when the daemon resets the connection', async (t) => {
    const vty = await open(t, (_command, socket) => {
      socket.write('a')
      socket.destroy()
    })
    await assert.rejects(vty.askForText('show'), saysVty(/closed before it had answered "show"/))
  })

  test('fails after a bounded time of silence, at the beginning, inside and before the end', async (t) => {
    for (const half of ['', 'a', Buffer.from([65, 0, 0])]) {
      const vty = await open(t, (_command, socket) => socket.write(half), SHORT_MS)
      await assert.rejects(vty.askForText('show'), saysVty(/silent for 100 ms/))
    }
  })

  test('may take longer than the limit of silence if the daemon keeps on speaking', async (t) => {
    const steps = Array.from({ length: 10 }, () => 'a')
    const vty = await open(
      t,
      (_command, socket) =>
        void (async () => {
          for (const step of steps) {
            socket.write(step)
            await sleep(SHORT_MS / 2)
          }
          socket.write(trailer())
        })(),
      SHORT_MS * 2,
    )
    assert.equal(await vty.askForText('show'), 'a'.repeat(10))
  })

  test('may come after a pause of the one who asks, or be read slowly', async (t) => {
    const vty = await open(
      t,
      (_command, socket) => {
        socket.write('a')
        socket.write('b'.repeat(1 << 20))
        socket.write(trailer())
      },
      SHORT_MS,
    )
    await sleep(SHORT_MS * 3)
    let length = 0
    for await (const part of vty.ask('show')) {
      if (length === 0) await sleep(SHORT_MS * 3)
      length += part.length
    }
    assert.equal(length, 1 + (1 << 20))
  })

  test('has a huge answer read in parts, while the daemon waits', async (t) => {
    const total = 64 << 20
    const chunk = Buffer.alloc(1 << 16, 'x')
    let written = 0
    const vty = await open(t, (_command, socket) => {
      void (async () => {
        for (; written < total; written += chunk.length) if (!socket.write(chunk)) await once(socket, 'drain')
        socket.write(trailer())
      })()
    })
    let read = 0
    let ahead = 0
    for await (const part of vty.ask('show')) {
      read += part.length
      ahead = Math.max(ahead, written - read)
    }
    assert.equal(read, total)
    assert.ok(ahead < 8 << 20, `${ahead} bytes were on their way at once`)
  })

  test('fails when its text is longer than expected', async (t) => {
    const vty = await open(t, answers(new Map([['show', 'x'.repeat(2 << 20)]])))
    await assert.rejects(vty.askForText('show', 1 << 20), saysVty(/too long/))
    // the rest of it is no answer to the next question
    await assert.rejects(vty.askForText('show'), saysVty(/closed before/))
  })

  test('fails when what ends the answer is not what ends one', async (t) => {
    const vty = await open(t, (_command, socket) => socket.write(Buffer.from('a\0b\0\0\0\0')))
    await assert.rejects(vty.askForText('show'), saysVty(/a NUL inside the answer to "show"/))
    await assert.rejects(vty.askForText('show'), saysVty(/closed before/))
  })

  test('fails when the vty is disposed of meanwhile', async (t) => {
    const vty = await open(t, () => undefined)
    const asked = vty.askForText('show')
    vty[Symbol.dispose]()
    await assert.rejects(asked, saysVty(/closed before/))
  })
})

suite('a vty that cannot be opened', () => {
  test('because nothing listens', async (t) => {
    const path = join(tempDir(t), 'zebra.vty')
    await assert.rejects(Vty.open(path, LONG_MS), /ENOENT/)
    writeFileSync(path, '')
    chmodSync(path, 0o600)
    await assert.rejects(Vty.open(path, LONG_MS), /ECONNREFUSED|ENOTSOCK/)
  })
})
