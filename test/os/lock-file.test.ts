// A lock on a file that somebody may remove, replace or hide.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { LockFile } from '../../src/os/lock-file.js'
import { tempDir } from '../support.js'

/** Released at the end of the block. */
function taken(path: string): { lock: LockFile } & Disposable {
  const lock = LockFile.take(path)
  assert.ok(lock !== undefined)
  return {
    lock,
    [Symbol.dispose]: () => {
      lock.release()
    },
  }
}

/** An empty file system: the numbers of its files are those that an earlier one has given. */
function mounted(dir: string): { path: string } & Disposable {
  execFileSync('mount', ['-t', 'tmpfs', 'macipd-test', dir])
  return { path: join(dir, 'lock'), [Symbol.dispose]: () => execFileSync('umount', ['--lazy', dir]) }
}

test('is renewed where its file was removed, and only then', (t) => {
  const path = join(tempDir(t), 'lock')
  using held = taken(path)
  const { lock } = held
  const { descriptor } = lock
  assert.ok(lock.renew())
  assert.equal(lock.descriptor, descriptor)
  rmSync(path)
  assert.ok(lock.renew())
  assert.equal(LockFile.take(path), undefined, 'it is locked')
})

test('is not taken for that of another process on another file system, although its file has the same number', (t) => {
  const dir = tempDir(t)
  using below = mounted(dir)
  using ours = taken(below.path)
  assert.ok(ours.lock.renew())
  using above = mounted(dir)
  using theirs = taken(above.path)
  assert.equal(ours.lock.renew(), false)
  assert.ok(theirs.lock.renew())
})
