import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import koffi from 'koffi'
import { pollReadable } from '../../src/os/fd-poll.js'

const libc = koffi.load('libc.so.6')
const pipe = libc.func('int pipe(int *ends)') as (ends: Int32Array) => number
const read = libc.func('intptr_t read(int fd, void *bytes, size_t length)') as (...args: unknown[]) => number
const write = libc.func('intptr_t write(int fd, const void *bytes, size_t length)') as (...args: unknown[]) => number
const close = libc.func('int close(int fd)') as (fd: number) => number

function openPipe(): { reading: number; writing: number; send(): void; receive(): void; close(): void } {
  const ends = new Int32Array(2)
  assert.equal(pipe(ends), 0)
  const [reading = -1, writing = -1] = ends
  return {
    reading,
    writing,
    send: () => {
      assert.equal(write(writing, Buffer.alloc(1), 1), 1)
    },
    receive: () => {
      assert.equal(read(reading, Buffer.alloc(1), 1), 1)
    },
    close: () => {
      ends.forEach((end) => close(end))
    },
  }
}

test('what one call leaves is announced again, after other events', async () => {
  const ends = openPipe()
  const events: string[] = []
  await new Promise<void>((resolve) => {
    const poller = pollReadable(ends.reading, () => {
      ends.receive()
      events.push('read')
      setImmediate(() => events.push('other'))
      if (events.filter((event) => event === 'read').length < 3) return
      poller.close()
      resolve()
    })
    for (let i = 0; i < 3; i++) ends.send()
  })
  ends.close()
  assert.deepEqual(events, ['read', 'other', 'read', 'other', 'read'])
})

test('nothing is announced after closing', async () => {
  const closed = openPipe()
  const open = openPipe()
  const poller = pollReadable(closed.reading, () => assert.fail('called'))
  closed.send()
  poller.close()
  await new Promise<void>((resolve) => {
    const other = pollReadable(open.reading, () => {
      other.close()
      resolve()
    })
    open.send()
  })
  closed.close()
  open.close()
})

test('one reader may close another whose descriptor became readable at the same time', async () => {
  const pipes = [openPipe(), openPipe()]
  let calls = 0
  const pollers = pipes.map(({ reading }) =>
    pollReadable(reading, () => {
      calls++
      pollers.forEach((poller) => {
        poller.close()
      })
    }),
  )
  pipes.forEach((ends) => {
    ends.send()
  })
  while (calls === 0) await nextTurn()
  await nextTurn()
  assert.equal(calls, 1)
  pipes.forEach((ends) => {
    ends.close()
  })
})

test('an error is announced until the reader has dealt with it', async () => {
  const ends = openPipe()
  // poll(2): POLLERR for the write end of a pipe that nobody reads
  close(ends.reading)
  await new Promise<void>((resolve) => {
    let calls = 0
    const poller = pollReadable(ends.writing, () => {
      if (++calls < 3) return
      poller.close()
      resolve()
    })
  })
  close(ends.writing)
})

test('an exception of the reader is an uncaught one', async () => {
  const ends = openPipe()
  const poller = pollReadable(ends.reading, () => {
    poller.close()
    throw new Error('of the reader')
  })
  const uncaught = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  const thrown = once(process, 'uncaughtException')
  ends.send()
  const [error] = (await thrown) as [Error]
  for (const listener of uncaught) process.on('uncaughtException', listener)
  assert.equal(error.message, 'of the reader')
  ends.close()
})

test('a result nobody keeps goes on polling', () => {
  const module = JSON.stringify(new URL('../../src/os/fd-poll.js', import.meta.url).href)
  // Standard input is a pipe whose end becomes readable after the garbage was collected.
  const script = `
    import { pollReadable } from ${module}
    const begin = () => { pollReadable(0, () => { console.log('called'); process.exit() }) }
    begin()
    setImmediate(() => { gc(); console.log('collected') })`
  const child = spawnSync(process.execPath, ['--expose-gc', '--input-type=module', '-e', script], {
    encoding: 'utf8',
  })
  assert.equal(child.stdout, 'collected\ncalled\n')
})
