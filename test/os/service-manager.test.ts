// What a service manager gives a process, and what it is told.
import assert from 'node:assert/strict'
import { fstatSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { FakeServiceManager } from '../../lab/fake-service-manager.js'
import { closeDescriptor } from '../../src/os/descriptors.js'
import { openPipe } from '../../src/os/pipe.js'
import { ServiceManager, takeServiceEnvironment, unixAddress } from '../../src/os/service-manager.js'

const PID = 4711

suite('the environment of a service', () => {
  test('is taken out, so that no child process believes it is meant', () => {
    const env = {
      ...{ PATH: '/bin', NOTIFY_SOCKET: '@notify', WATCHDOG_USEC: '3000000', WATCHDOG_PID: `${PID}` },
      ...{ LISTEN_PID: `${PID}`, LISTEN_FDS: '0', LISTEN_FDNAMES: '', FDSTORE: '12', SYSTEMD_EXEC_PID: `${PID}` },
    }
    const { isUnit, manager, kept, watchdogMs } = takeServiceEnvironment(env, PID)
    assert.deepEqual(env, { PATH: '/bin' })
    assert.deepEqual([isUnit, kept, watchdogMs], [true, [], 3000])
    assert.ok(manager !== undefined)
  })

  test('of another process is not ours, and none is none', () => {
    const other = {
      WATCHDOG_USEC: '3000000',
      WATCHDOG_PID: '1',
      SYSTEMD_EXEC_PID: '1',
      LISTEN_PID: '1',
      LISTEN_FDS: '3',
    }
    for (const env of [other, {}, { LISTEN_FDS: '3', NOTIFY_SOCKET: 'vsock:2:1', WATCHDOG_USEC: 'x' }]) {
      const none = { isUnit: false, manager: undefined, kept: [], watchdogMs: undefined }
      assert.deepEqual(takeServiceEnvironment(env, PID), none)
    }
  })

  test('names the descriptors from number 3 on, and leaves out those that are not open', () => {
    const given = (LISTEN_FDS: string): unknown =>
      takeServiceEnvironment({ LISTEN_PID: `${PID}`, LISTEN_FDS, LISTEN_FDNAMES: 'first' }, PID).kept
    const open = openSync('/dev/null', 'r')
    const count = open - 2
    assert.ok((given(`${count}`) as { fd: number }[]).some(({ fd }) => fd === open))
    const names = given('1') as { name: string; fd: number }[]
    assert.ok(names.every(({ name, fd }) => name === 'first' && fd === 3))
    assert.deepEqual(given('many'), [])
    closeDescriptor(open)
    assert.ok((given(`${count}`) as { fd: number }[]).every(({ fd }) => fd !== open))
  })
})

test('a name in the abstract namespace begins with a NUL byte, and a path ends with one', () => {
  assert.deepEqual(unixAddress('@a'), Buffer.from([1, 0, 0, 0x61]))
  assert.deepEqual(unixAddress('/a'), Buffer.from([1, 0, 0x2f, 0x61, 0]))
})

suite('a service manager', () => {
  test('hears assignments, and gets a descriptor that works', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'macipd-notify-'))
    using fake = FakeServiceManager.at(join(dir, 'notify'))
    const manager = ServiceManager.at(join(dir, 'notify'))
    assert.equal(manager?.notify(['READY=1', 'STATUS=well']), true)
    await fake.hears('STATUS=well')
    const { readEnd, writeEnd } = openPipe()
    assert.equal(manager.notify(['FDSTORE=1', 'FDNAME=end', 'FDPOLL=0'], [writeEnd]), true)
    await fake.until(() => fake.kept.has('end'))
    assert.equal(fstatSync(fake.kept.get('end') ?? -1).ino, fstatSync(readEnd).ino)
    for (const fd of [readEnd, writeEnd]) closeDescriptor(fd)
    rmSync(dir, { recursive: true })
  })

  test('that reads nothing makes nobody wait, and one that has gone is an error', () => {
    const dir = mkdtempSync(join(tmpdir(), 'macipd-notify-'))
    const fake = FakeServiceManager.at(join(dir, 'notify'))
    const manager = ServiceManager.at(join(dir, 'notify'))
    fake.busy = true
    let sent = 0
    while (manager?.notify(['STATUS=more']) === true) sent++
    assert.ok(sent > 0)
    fake[Symbol.dispose]()
    assert.throws(() => manager?.notify(['READY=1']), /ENOENT|ECONNREFUSED/)
    rmSync(dir, { recursive: true })
  })
})
