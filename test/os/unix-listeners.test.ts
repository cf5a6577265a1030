import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { listeningPaths } from '../../src/os/unix-listeners.js'
import { tempDir } from '../support.js'

test('a socket is found by the path that it was bound to, and by that without a number, also when both are gone', async (t) => {
  const dir = tempDir(t)
  const path = join(dir, 'relay.sock.1')
  const server = createServer()
  // also when the test fails: an open server would keep it from ending
  t.after(() => server.close())
  await new Promise<void>((resolve) => server.listen(path, resolve))
  rmSync(path)
  const found = listeningPaths('self')
  assert.deepEqual([found.has(path), found.has(join(dir, 'relay.sock'))], [true, true])
  await new Promise((resolve) => server.close(resolve))
  assert.equal(listeningPaths('self').has(path), false)
})
