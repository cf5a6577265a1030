import assert from 'node:assert/strict'
import { closeSync, readSync } from 'node:fs'
import { test } from 'node:test'
import { NonBlockingWriter } from '../../src/os/log.js'
import { openPipe } from '../../src/os/pipe.js'

test('a log that nobody reads does not stop the process; when it is read again, it says how many lines are missing', () => {
  const { readEnd, writeEnd } = openPipe()
  const writer = new NonBlockingWriter(writeEnd)
  const line = `${JSON.stringify({ msg: 'x'.repeat(980) })}\n`
  for (let count = 0; count < 1000; count++) writer.write(line)
  const read = (): string => {
    const bytes = Buffer.alloc(1 << 20)
    return bytes.toString('utf8', 0, readSync(readEnd, bytes))
  }
  const kept = read()
    .split('\n')
    .filter((text) => `${text}\n` === line).length
  writer.write('{"msg":"after"}\n')
  const [dropped = '', after] = read().trim().split('\n')
  assert.equal((JSON.parse(dropped) as { dropped: number }).dropped, 1000 - kept)
  assert.equal(after, '{"msg":"after"}')
  for (const fd of [readEnd, writeEnd]) closeSync(fd)
})
