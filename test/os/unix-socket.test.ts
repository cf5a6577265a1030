// A path at which a process listens, whatever becomes of it.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, readlinkSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
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

test('a file system that is mounted over the path, with a file of the same inode number, is noticed', async (t) => {
  const dir = tempDir(t)
  const mount = (): void => {
    execFileSync('mount', ['-t', 'tmpfs', 'macipd-test', dir])
  }
  mount()
  const path = join(dir, 'socket')
  const troubles: string[] = []
  const socket = await ListeningSocket.open({
    path,
    mode: 0o600,
    createServer: () => createServer(),
    onTrouble: (what) => troubles.push(what),
  })
  const inode = statSync(path).ino
  mount()
  try {
    // the numbers of a new file system begin anew
    const next = (): number => {
      writeFileSync(`${path}.new`, '')
      renameSync(`${path}.new`, path)
      return statSync(path).ino
    }
    while (next() < inode);
    assert.equal(statSync(path).ino, inode)
    assert.equal(socket.isReachable, false)
    await waitFor(
      'a complaint',
      () => troubles.join('; '),
      (all) => all.includes('gone'),
    )
    rmSync(path)
    await waitFor('the socket to be there', () => socket.isReachable, Boolean)
  } finally {
    await socket.close()
    for (let mounts = 0; mounts < 2; mounts++) execFileSync('umount', ['--lazy', dir])
  }
})
