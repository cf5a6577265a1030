// `macipctl status` while something is wrong with the relay's processes, its run directory or its sessions: it says which,
// and what to do, whoever hangs.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { appendFileSync, closeSync, existsSync, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { PATIENCE, crowding, waitFor } from '../../lab/wait.js'
import { ExitCode } from '../../src/base/exit.js'
import type { Finding, FindingId } from '../../src/cli/status/finding.js'
import { LockFile } from '../../src/os/lock-file.js'
import { macipctl } from '../../lab/in-process.js'
import { answers, FakeVty } from '../vty/fake-vty.js'
import { NUMBERS, OPENINGS, frame, hex, macIpAdd, vniAdd } from '../zapi/build.js'
import { type Inbox, RelayRig } from './rig.js'

const N = NUMBERS['8.4']
const { hello, capabilities } = OPENINGS['8.4']
const MAC = 'bc:24:11:00:00:01'

type Ends = { readonly bgpd: Inbox; readonly zebra: Inbox }

/** A relay with bgpd's main session, and all well. */
async function connected(rig: RelayRig, first = hello, answer = capabilities): Promise<Ends> {
  const server = await rig.startZebra()
  await rig.start()
  const bgpd = await rig.bgpd()
  bgpd.socket.write(first)
  const zebra = await server.accept()
  await zebra.take(first.length)
  const opening = Buffer.concat([answer, vniAdd(N), macIpAdd(N, MAC, '')])
  zebra.socket.write(opening)
  await bgpd.take(opening.length)
  return { bgpd, zebra }
}

/** Waiting for one that hangs is bounded; a busy machine makes the command itself slower. */
const AT_MOST_MS = 4000

/** Asks twice at once, as people and as programs do; both answers say the same. There is no snooper here. */
async function problems(rig: RelayRig, exitCode: ExitCode = ExitCode.unhealthy): Promise<Finding[]> {
  const options = ['--relay', rig.path('control'), '--run-dir', rig.dir, '--snoop', rig.path('snoop')]
  const began = performance.now()
  const [forPrograms, forPeople] = await Promise.all([
    macipctl('status', '--json', ...options),
    macipctl('status', ...options),
  ])
  assert.ok(performance.now() - began < AT_MOST_MS * PATIENCE * crowding())
  const { healthy, findings } = JSON.parse(forPrograms.stdout) as { healthy: boolean; findings: Finding[] }
  const found = findings.filter(({ severity }) => severity === 'problem')
  assert.deepEqual([healthy, forPrograms.code, forPeople.code], [false, exitCode, exitCode])
  assert.match(forPeople.stdout, new RegExp(`^NOT OK: ${found.length} problems?\n`))
  for (const { todo } of found) assert.ok(forPeople.stdout.includes(`\n      ${todo}\n`), forPeople.stdout)
  return found.filter(({ id }) => id !== 'snooper-not-running')
}

/** Fails unless this is the only problem, with what is to be done. */
async function assertFound(
  rig: RelayRig,
  id: FindingId,
  what: RegExp,
  todo: RegExp,
  exitCode?: ExitCode,
): Promise<void> {
  const isStarved = (other: Finding): boolean => other.id !== id && other.id.endsWith('-hung')
  // on a busy machine a process may not get to its answer in time
  const [found, ...others] = await waitFor(
    'no process to wait for a core',
    () => problems(rig, exitCode),
    (all) => !all.some(isStarved),
  )
  assert.deepEqual([found?.id, others], [id, []])
  assert.match(found?.what ?? '', what)
  assert.match(found?.todo ?? '', todo)
}

const assertNothing = async (rig: RelayRig): Promise<void> => {
  assert.deepEqual(await problems(rig), [])
}

const foundLater = (rig: RelayRig, id: FindingId | undefined, exitCode?: ExitCode): Promise<unknown> =>
  waitFor(
    `status to say ${id ?? 'nothing'}`,
    async () => (await problems(rig, exitCode)).map((found) => found.id),
    (ids) => ids[0] === id,
    { timeoutMs: 30_000, context: () => rig.log },
  )

const prlimit = (pid: number, descriptors: number): void => {
  execFileSync('prlimit', ['--pid', String(pid), `--nofile=${descriptors}:`])
}

const openBelow = (pid: number, limit: number): number =>
  readdirSync(`/proc/${pid}/fd`).filter((fd) => Number(fd) < limit).length

/** The lowest number of a descriptor that the process does not have. */
function firstFree(pid: number): number {
  const open = new Set(readdirSync(`/proc/${pid}/fd`).map(Number))
  let number = 0
  while (open.has(number)) number++
  return number
}

/** Kills the worker, and stops its successor before it serves. */
async function withoutWorker(rig: RelayRig): Promise<number> {
  process.kill(await rig.workerPid(), 'SIGKILL')
  const { worker } = await rig.keeperUntil('a successor to start', ({ worker: { starts } }) => starts === 2)
  assert.ok(worker.state === 'starting' && worker.pid !== null)
  process.kill(worker.pid, 'SIGSTOP')
  return worker.pid
}

suite('processes', () => {
  test('the worker hangs', async () => {
    await using rig = new RelayRig()
    await connected(rig)
    await assertNothing(rig)
    const pid = await rig.workerPid()
    process.kill(pid, 'SIGSTOP')
    await assertFound(
      rig,
      'worker-hung',
      new RegExp(`worker ${pid} hangs`),
      new RegExp(`replaces it within some seconds; .*kill -KILL ${pid}$`),
    )
    // it did
    await foundLater(rig, undefined)
  })

  test('no worker serves; the keeper forwards unseen; the session is uncertain afterwards', async () => {
    await using rig = new RelayRig()
    await connected(rig)
    const pid = await withoutWorker(rig)
    await assertFound(rig, 'worker-gone', /no worker .*ended \d+ s ago \(SIGKILL\)/, /starts another one by itself/)
    await rig.keeperUntil('the keeper to forward', ({ plain }) => plain !== null)
    await assertFound(rig, 'plain-forwarding', /unseen.*: no worker has served for \d+ s; .*\(SIGKILL\)/, /relay’s log/)
    process.kill(pid, 'SIGCONT')
    await rig.keeperUntil('a worker to serve', ({ worker: { state } }) => state === 'serving')
    await assertFound(
      rig,
      'session-uncertain',
      /nothing is announced or withdrawn: frames have passed while no worker served; .* is being read from FRR$/,
      /macipctl status$/,
    )
  })

  test('the keeper is gone, and its worker serves on', async () => {
    await using rig = new RelayRig()
    const { bgpd, zebra } = await connected(rig)
    const [keeper, worker] = [rig.keeperPid, await rig.workerPid()]
    rig.signal('SIGKILL')
    await rig.exited()
    await assertFound(
      rig,
      'keeper-gone',
      new RegExp(`keeper ${keeper} has ended; its worker ${worker} still serves 1 connection`),
      new RegExp(`kill -TERM ${worker}; macipd relay$`),
    )
    const sent = frame(N.ROUTE_ADD, Buffer.from('still'))
    bgpd.socket.write(sent)
    assert.deepEqual(await zebra.frame(), sent)
    // the advice works
    process.kill(worker, 'SIGTERM')
    await bgpd.end()
    await rig.start()
    const again = await rig.bgpd()
    again.socket.destroy()
  })

  test('the keeper hangs', async () => {
    await using rig = new RelayRig()
    await connected(rig)
    await rig.keeper()
    rig.signal('SIGSTOP')
    try {
      const [pid, worker] = [rig.keeperPid, await rig.workerPid()]
      const todo = new RegExp(`kill -CONT ${pid}; if not, .*: kill -KILL ${pid} ${worker}; macipd relay$`)
      await assertFound(rig, 'keeper-hung', new RegExp(`keeper ${pid} hangs`), todo)
    } finally {
      rig.signal('SIGCONT')
    }
    await foundLater(rig, undefined)
  })

  for (const [what, limitOf] of [
    ['all numbers are taken', firstFree],
    ['the limit is below what is open', () => 8],
  ] as const) {
    test(`the keeper may open no descriptor: ${what}`, async () => {
      await using rig = new RelayRig()
      await connected(rig)
      const { keeperPid: pid } = rig
      // nobody connects, whose descriptor would be free soon
      await waitFor('the socket', () => existsSync(rig.path('keeper.sock')), Boolean)
      prlimit(pid, limitOf(pid))
      await assertFound(
        rig,
        'no-descriptor',
        new RegExp(`keeper ${pid} may open no more descriptors: nothing accepts a new connection`),
        new RegExp(`prlimit --pid ${pid} --nofile=4096:$`),
      )
      prlimit(pid, 4096)
      await foundLater(rig, undefined)
    })
  }

  test('the keeper may open too few for a bgpd that comes anew', async () => {
    await using rig = new RelayRig()
    await connected(rig)
    const { keeperPid: pid } = rig
    // numbers that are free below the limit are ten
    let limit = firstFree(pid)
    while (limit - openBelow(pid, limit) < 10) limit++
    prlimit(pid, limit)
    await assertFound(
      rig,
      'no-descriptor',
      new RegExp(`keeper ${pid} may open only \\d+ more descriptors: they do not suffice for bgpd`),
      new RegExp(`prlimit --pid ${pid} --nofile=4096:$`),
    )
    prlimit(pid, 4096)
    await foundLater(rig, undefined)
  })

  test('the worker may open no descriptor', async () => {
    await using rig = new RelayRig()
    await connected(rig)
    const pid = await rig.workerPid()
    prlimit(pid, 8)
    await assertFound(
      rig,
      'no-descriptor',
      new RegExp(`worker ${pid} may open no more descriptors: its sessions go on`),
      new RegExp(`prlimit --pid ${pid} --nofile=4096:$`),
    )
    prlimit(pid, 4096)
    await foundLater(rig, undefined)
  })

  test('both hang', async () => {
    await using rig = new RelayRig()
    await connected(rig)
    const worker = await rig.workerPid()
    rig.signal('SIGSTOP')
    process.kill(worker, 'SIGSTOP')
    try {
      const what = new RegExp(`keeper ${rig.keeperPid} hangs`)
      await assertFound(rig, 'keeper-hung', what, /kill -CONT/, ExitCode.notRunning)
    } finally {
      process.kill(worker, 'SIGCONT')
      rig.signal('SIGCONT')
    }
  })
})

/** A file system of its own, a few times as large as a journal becomes before it is written anew. */
function smallDirectory(): { path: string } & AsyncDisposable {
  const mounted = mkdtempSync(join(tmpdir(), 'macipd-full-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'macipd-test', mounted])
  return {
    path: mkdtempSync(join(mounted, 'run-')),
    [Symbol.asyncDispose]: () => {
      execFileSync('umount', ['--lazy', mounted])
      rmSync(mounted, { recursive: true })
      return Promise.resolve()
    },
  }
}

/** Nothing can be made there, whoever the relay runs as. */
function emptyAndLock(dir: string): void {
  const below = openSync(dir, 'r')
  execFileSync('mount', ['--bind', dir, dir])
  execFileSync('mount', ['-o', 'remount,bind,ro', dir])
  for (const name of readdirSync(dir)) rmSync(`/proc/self/fd/${below}/${name}`, { recursive: true })
  closeSync(below)
}

/** Takes all the room there is; returns the file that has it. */
function fill(rig: RelayRig): string {
  const filler = rig.path('filler')
  assert.throws(() => {
    for (;;) appendFileSync(filler, Buffer.alloc(4096))
  }, /ENOSPC/)
  return filler
}

/** zebra tells bgpd of so many MACs. */
async function tell(count: number, bgpd: Inbox, zebra: Inbox): Promise<void> {
  const macs = Array.from({ length: count }, (_, index) => `bc:24:11:00:${hexByte(index >> 8)}:${hexByte(index & 255)}`)
  const many = Buffer.concat(macs.map((mac) => macIpAdd(N, mac, '')))
  zebra.socket.write(many)
  assert.deepEqual(await bgpd.take(many.length), many)
}

suite('the run directory', () => {
  test('another relay has locked it', async () => {
    await using rig = new RelayRig()
    await connected(rig)
    // the keeper locks its file anew within a second, unless another is faster
    let lock: LockFile | undefined
    while (lock === undefined) {
      rmSync(rig.path('relay.lock'))
      lock = LockFile.take(rig.path('relay.lock'))
    }
    await foundLater(rig, 'lock-lost')
    await assertFound(
      rig,
      'lock-lost',
      new RegExp(`another relay has taken the run directory ${rig.dir}`),
      /^find both: lslocks .*--run-dir DIR$/,
    )
    lock.release()
    await foundLater(rig, undefined)
  })

  test('was emptied, and nothing can be made there', async () => {
    await using small = smallDirectory()
    await using rig = new RelayRig(small.path)
    const { dir } = rig
    await connected(rig)
    emptyAndLock(dir)
    try {
      await foundLater(rig, 'relay-socket', ExitCode.notRunning)
      await assertFound(
        rig,
        'relay-socket',
        new RegExp(`keeper runs, but nobody can connect .* ${dir}/keeper.sock was removed$`),
        new RegExp(`within a second, .*: ls -ld ${dir}; findmnt -T ${dir}$`),
        ExitCode.notRunning,
      )
    } finally {
      execFileSync('umount', [dir])
    }
    await foundLater(rig, undefined)
  })

  test('is full, until there is room again', async () => {
    await using small = smallDirectory()
    await using rig = new RelayRig(small.path)
    const { dir } = rig
    const { bgpd, zebra } = await connected(rig)
    await rig.control()
    const filler = fill(rig)
    // more than fits into the last page of the journal
    await tell(300, bgpd, zebra)
    // what the journal leaves is taken, too
    rmSync(rig.path('journal'), { force: true })
    fill(rig)
    await foundLater(rig, 'run-directory-full')
    await assertFound(
      rig,
      'run-directory-full',
      new RegExp(`the run directory ${dir} is full, so ${dir}/journal cannot be written for \\d+ s`),
      new RegExp(`df -h ${dir}`),
    )
    rmSync(filler)
    await foundLater(rig, undefined)
    // nothing was lost: a successor knows what to think of the session
    await rig.killWorker()
    await assertNothing(rig)
  })

  test('is full although nothing had to be written since', async () => {
    await using small = smallDirectory()
    await using rig = new RelayRig(small.path)
    await connected(rig)
    await rig.control()
    await assertNothing(rig)
    const filler = fill(rig)
    await assertFound(rig, 'run-directory-full', /is full: .*\/journal is still written/, /make room/)
    rmSync(filler)
    await assertNothing(rig)
  })

  test('is full, whoever is replaced and deletes what can be written no longer', async () => {
    await using small = smallDirectory()
    await using rig = new RelayRig(small.path)
    const { bgpd, zebra } = await connected(rig)
    await rig.control()
    // the journal is larger than what it is about
    for (let times = 0; times < 4; times++) await tell(600, bgpd, zebra)
    const filler = fill(rig)
    for (let kills = 0; kills < 2; kills++) {
      await rig.killWorker()
      // longer than it takes to begin the journal anew in the room that the old one took
      for (const end = performance.now() + 2500; performance.now() < end; ) {
        const ids = (await problems(rig)).map(({ id }) => id)
        assert.ok(ids.includes('run-directory-full'), ids.join())
      }
    }
    await rig.killUntilPlain()
    const [plain, full] = await problems(rig, ExitCode.unhealthy)
    assert.deepEqual([plain?.id, full?.id], ['plain-forwarding', 'run-directory-full'])
    rmSync(filler)
    await foundLater(rig, 'session-uncertain')
  })

  test('has lost the journal when the worker is replaced', async () => {
    await using rig = new RelayRig()
    await connected(rig)
    rmSync(rig.path('journal'))
    await rig.killWorker()
    await assertFound(
      rig,
      'session-uncertain',
      /the journal cannot be trusted: there is none; .* is being read/,
      /status$/,
    )
  })
})

suite('bgpd has come past the relay, but for its synchronous connection, which it makes last', () => {
  const synchronous = frame(19, hex('0a', '0000', '00000001', '01'))
  const COLUMNS = 'Name    Connect Time    Last Read  Last Write  IPv4 Routes       IPv6 Routes\n'
  const CLIENT = 'bgp         00:00:05     00:00:05    00:00:05            0/0               0/0\n'

  for (const [name, clients, id] of [
    ['zebra has one more client bgp', 2, 'bgpd-direct'],
    ['zebra has no other client bgp', 1, 'bgpd-not-connected'],
  ] as const) {
    test(name, async (t) => {
      await using rig = new RelayRig()
      const summary = `${COLUMNS}${CLIENT.repeat(clients)}vnc${CLIENT.slice(3)}`
      const table = new Map(Object.entries({ enable: '', 'show zebra client summary': summary }))
      await FakeVty.listen(t, rig.path('zebra.vty'), answers(table))
      const server = await rig.startZebra()
      await rig.start()
      const bgpd = await rig.bgpd()
      bgpd.socket.write(synchronous)
      await (await server.accept()).take(synchronous.length)
      await assertFound(rig, id, /bgpd is/, /-z /)
    })
  }
})

suite('the release is not certain', () => {
  for (const [name, first, answer, what] of [
    ['unknown HELLO', frame(21, hex('0a000000000000 00')), capabilities, /nothing is announced: unknown HELLO/],
    ['unknown CAPABILITIES', hello, frame(19, Buffer.alloc(17)), /nothing is announced: unknown FRR: CAPABILITIES/],
  ] as const) {
    test(name, async () => {
      await using rig = new RelayRig()
      await connected(rig, first, answer)
      const todo = /vtysh -c "show version"; .*macipd relay --frr-release X\.Y$/
      await assertFound(rig, 'release-uncertain', what, todo)
    })
  }
})

const hexByte = (number: number): string => number.toString(16).padStart(2, '0')
