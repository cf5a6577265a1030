// The log in systemd's journal: a real one, of a mount namespace of its own.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { JournalWriter } from '../../src/os/journal.js'
import { leadsToJournal } from '../../src/os/journal-stream.js'
import { createLogger } from '../../src/os/log.js'
import { decodeJournalEntry } from '../base/journal-decode.js'
import { MACIPD } from '../../lab/programs.js'
import { FakeJournal } from './fake-journal.js'

const url = (file: string): string => JSON.stringify(new URL(file, import.meta.url).href)

const TIMEOUT_MS = 60_000

/** What a unit's process does. */
const PROGRAM = `
  import { createLogger } from ${url('../../src/os/log.js')}
  const log = createLogger('macipd-snoop', 'info')
  log.info({ port: 'tap1', bridge: 'br0' }, 'port snooped')
  log.warn({ vni: 100, ip: '10.0.0.1', mac: '02:00:00:00:00:01', reason: 'duplicate', holdDownMs: 3 }, 'a\\nb')
  log.debug('not at this level')
`

/**
 * systemd-journald with a namespace makes its sockets itself. A unit's standard error is a connection to stdout, whose
 * inode JOURNAL_STREAM names: systemd-cat makes it.
 */
const SCRIPT = `
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/journald@t.conf.d
printf '[Journal]\\nStorage=volatile\\nRateLimitIntervalSec=0\\n' >/run/systemd/journald@t.conf.d/t.conf
SYSTEMD_LOG_TARGET=null setpriv --pdeathsig KILL /usr/lib/systemd/systemd-journald t &
journald=$!
until [ -S /run/systemd/journal.t/socket ] && [ -S /run/systemd/journal.t/stdout ]; do sleep 0.05; done
ln -s journal.t /run/systemd/journal
entries() { journalctl --namespace=t --output=json --no-pager "$match"; }
match=$1 last=$2
shift 2
systemd-cat sh -c 'JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) exec "$0" "$@"' "$@" || true
until entries | grep -q "$last"; do sleep 0.05; done
entries
kill $journald
`

/** Runs a command as a unit would; returns the entries that match, once one of them contains the text `last`. */
function journalOf(match: string, last: string, command: readonly string[]): Record<string, string>[] {
  const unshare = ['--mount', '--propagation', 'private', 'sh', '-c', SCRIPT, 'sh', match, last, ...command]
  return execFileSync('unshare', unshare, { encoding: 'utf8', timeout: TIMEOUT_MS })
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, string>)
}

test('a real journal has the entries with text, priority and fields', () => {
  const node = [process.execPath, '--input-type=module', '--eval', PROGRAM]
  const entries = journalOf('SYSLOG_IDENTIFIER=macipd-snoop', '02:00', node)
  const shown = entries.map((entry) =>
    Object.fromEntries(Object.entries(entry).filter(([name]) => /^(MESSAGE|PRIORITY|MACIPD_.*)$/.test(name))),
  )
  assert.deepEqual(shown, [
    { MESSAGE: 'port snooped: tap1, bridge br0', PRIORITY: '6', MACIPD_PORT: 'tap1', MACIPD_BRIDGE: 'br0' },
    {
      MESSAGE: 'a\nb: 10.0.0.1, 02:00:00:00:00:01, vni 100, reason duplicate, holdDownMs 3',
      PRIORITY: '4',
      MACIPD_VNI: '100',
      MACIPD_IP: '10.0.0.1',
      MACIPD_MAC: '02:00:00:00:00:01',
      MACIPD_REASON: 'duplicate',
      MACIPD_HOLD_DOWN_MS: '3',
    },
  ])
})

test('why a daemon does not start is an error there', () => {
  const [entry, ...others] = journalOf('PRIORITY=3', 'macipd', [process.execPath, MACIPD, 'snoop', '--age', '5x'])
  assert.deepEqual(others, [])
  assert.match(entry?.['MESSAGE'] ?? '', /^macipd: .*--age.* \(see macipd snoop --help\)$/)
})

test('standard error that was redirected does not lead to the journal, whatever the environment says', () => {
  const fd = openSync('/dev/null', 'r')
  const { dev, ino } = fstatSync(fd)
  assert.equal(leadsToJournal(fd, `${dev}:${ino}`), true)
  assert.equal(leadsToJournal(fd, `${dev}:${ino + 1}`), false)
  assert.equal(leadsToJournal(fd, undefined), false)
  closeSync(fd)
  assert.equal(leadsToJournal(fd, `${dev}:${ino}`), false)
})

test('without a journal the log is JSON on standard error', async () => {
  const program = `
    import { fstatSync } from 'node:fs'
    const { dev, ino } = fstatSync(2)
    process.env.JOURNAL_STREAM = dev + ':' + (ino + 1)
    ${PROGRAM}`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  await once(child, 'close')
  const messages = said
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { msg: string }).msg)
  assert.deepEqual(messages, ['port snooped', 'a\nb'])
})

test('a journal that does not read does not stop the process; when it reads again, it hears how many entries are missing', () => {
  const directory = mkdtempSync(join(tmpdir(), 'macipd-journal-'))
  const path = join(directory, 'socket')
  assert.equal(JournalWriter.open('macipd-relay', path), undefined)
  const journal = new FakeJournal(path)
  const writer = JournalWriter.open('macipd-relay', path)
  assert.ok(writer)
  for (let count = 0; count < 2000; count++) writer.write(JSON.stringify({ level: 30, msg: 'x'.repeat(500) }))
  const kept = journal.read().length
  assert.ok(kept > 0 && kept < 2000, `${kept} kept`)
  writer.write('{"level":30,"msg":"after"}')
  const [dropped, after] = journal.read().map((bytes) => new Map(decodeJournalEntry(bytes)))
  assert.deepEqual([dropped?.get('MACIPD_DROPPED'), dropped?.get('PRIORITY')], [`${2000 - kept}`, '4'])
  assert.equal(after?.get('MESSAGE'), 'after')

  // systemd makes the socket anew
  journal.close()
  writer.write('{"level":30,"msg":"lost"}')
  const another = new FakeJournal(path)
  writer.write('no JSON')
  const texts = another.read().map((bytes) => new Map(decodeJournalEntry(bytes)).get('MESSAGE'))
  assert.deepEqual(texts, ['log entries were dropped: the journal did not take them: dropped 1', 'no JSON'])
  another.close()
  writer.close()
  rmSync(directory, { recursive: true })
})

test('a name in the log may differ from the one in the journal', () => {
  const { name } = createLogger('macipd-relay-worker', 'info', 'macipd-relay').bindings()
  assert.equal(name, 'macipd-relay-worker')
})
