// A path at which a process listens, whatever becomes of it.
import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { waitFor } from '../../lab/wait.js'
import { ListeningSocket } from '../../src/os/unix-socket.js'
import { tempDir } from '../support.js'

/** How many sockets this process has open. */
const sockets = (): number =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(join('/proc/self/fd', fd)).startsWith('socket:')
    } catch {
      // the one that the directory itself was read with
      return false
    }
  }).length

test('a path that cannot be given to its owner is tried again and again, and that leaves nothing open', async (t) => {
  const dir = tempDir(t)
  const before = sockets()
  let attempts = 0
  const socket = await ListeningSocket.openLater({
    path: join(dir, 'socket'),
    mode: 0o600,
    // stands for one that the kernel refuses to give files to
    owner: { uid: 2 ** 32, gid: 0 },
    createServer: () => {
      attempts++
      return createServer()
    },
    onTrouble: () => undefined,
  })
  await waitFor(
    'another attempt',
    () => attempts,
    (count) => count >= 3,
  )
  // the attempt has ended when nothing of it is left
  await waitFor('the socket of the attempt to be closed', sockets, (count) => count === before)
  assert.deepEqual([socket.bound, readdirSync(dir)], [undefined, []])
  await socket.close()
})
