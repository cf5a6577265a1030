// `macipctl hook`: the block in FRR's file, what FRR's scripts make of it, and how bgpd is found to reach zebra.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  lstatSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { suite, test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { findTree, RELEASES, ROOT } from '../../lab/frr.js'
import { hookIn, withHook, withoutHook } from '../../src/cli/hook/block.js'
import { zservOption } from '../../src/cli/hook/processes.js'
import { describeState, type Facts, hookState } from '../../src/cli/hook/state.js'
import { macipctl } from '../../lab/in-process.js'
import { notRunning, tempDir } from '../support.js'
import { FakeVty, trailer } from '../vty/fake-vty.js'

const SCRIPT = join(ROOT, 'packaging/frr-daemons.sh')
const ORIGINAL = 'bgpd=yes\nbgpd_options="   -A 127.0.0.1"\n'

function daemonsFile(t: TestContext, text = ORIGINAL): string {
  const path = join(tempDir(t), 'daemons')
  writeFileSync(path, text)
  return path
}

suite('the file', () => {
  test('gets the block once, and loses it again', async (t) => {
    const path = daemonsFile(t)
    const { code, stdout } = await macipctl('hook', 'install', '--daemons', path)
    assert.equal(code, 0)
    assert.match(stdout, /daemons is changed:\n\+ # BEGIN macipd .*\n\+ if .*frr-daemons\.sh.*\n\+ # END macipd\n/)
    const hooked = readFileSync(path, 'utf8')
    assert.ok(hooked.startsWith(ORIGINAL))
    assert.match((await macipctl('hook', 'install', '--daemons', path)).stdout, /has the hook already/)
    assert.equal(readFileSync(path, 'utf8'), hooked)
    assert.match((await macipctl('hook', 'remove', '--daemons', path)).stdout, /\n- # BEGIN macipd/)
    assert.equal(readFileSync(path, 'utf8'), ORIGINAL)
    assert.match((await macipctl('hook', 'remove', '--daemons', path)).stdout, /has no hook/)
  })

  test('keeps its owner, its mode and a link to it, and nothing else is left in its directory', async (t) => {
    const path = daemonsFile(t)
    chownSync(path, 12, 34)
    chmodSync(path, 0o640)
    const link = join(tempDir(t), 'daemons')
    symlinkSync(path, link)
    assert.equal((await macipctl('hook', 'install', '--daemons', link)).code, 0)
    const { uid, gid, mode } = statSync(path)
    assert.deepEqual([uid, gid, mode & 0o7777], [12, 34, 0o640])
    assert.ok(lstatSync(link).isSymbolicLink())
    assert.deepEqual(readdirSync(dirname(path)), [basename(path)])
  })

  test('is not changed by --dry-run, nor if bash would not understand it', async (t) => {
    const path = daemonsFile(t)
    const { stdout } = await macipctl('hook', 'install', '--fpm', '--dry-run', '--daemons', path)
    assert.match(stdout, /daemons would be changed:\n.*\n\+ macipd_fpm=yes\n/)
    assert.equal(readFileSync(path, 'utf8'), ORIGINAL)
    const broken = `${ORIGINAL}if then\n`
    writeFileSync(path, broken)
    const { code, stderr } = await macipctl('hook', 'install', '--daemons', path)
    assert.equal(code, 2)
    assert.match(
      stderr,
      /daemons is not changed, because bash does not understand it: \S+daemons: line 3: syntax error/,
    )
    assert.equal(readFileSync(path, 'utf8'), broken)
    assert.deepEqual(readdirSync(dirname(path)), ['daemons'])
  })

  test('a damaged block is not guessed at', async (t) => {
    const path = daemonsFile(t, `${ORIGINAL}# BEGIN macipd\n`)
    const { code, stderr } = await macipctl('hook', 'remove', '--daemons', path)
    assert.equal(code, 2)
    assert.match(
      stderr,
      /daemons:3: "# BEGIN macipd" without "# END macipd" after it: take the block of macipd out by hand/,
    )
  })

  test('with FPM: a zebra that FPM may crash is not told to connect', async (t) => {
    const path = daemonsFile(t)
    const dir = dirname(path)
    // its name is what it is known by
    const fakeZebra = join(dir, 'zebra')
    copyFileSync('/bin/sleep', fakeZebra)
    const zebra = spawn(fakeZebra, ['60'], { argv0: 'zebra -M dplane_fpm_nl' })
    t.after(() => zebra.kill())
    writeFileSync(join(dir, 'zebra.pid'), `${zebra.pid ?? ''}\n`)
    const config = join(dir, 'macipd.yaml')
    writeFileSync(config, `relay: {zebra: ${join(dir, 'zserv.api')}}\n`)
    await FakeVty.listen(t, join(dir, 'zebra.vty'), (command, socket) => {
      if (command === 'show version') socket.write('FRRouting 8.5.2 (n1).\n')
      if (command === 'show evpn vni json') socket.write('{"4001":{"type":"L3"}}')
      socket.write(trailer())
    })
    const { code, stdout } = await macipctl('hook', 'install', '--fpm', '--daemons', path, '--config', config)
    assert.equal(code, 0)
    assert.match(
      stdout,
      /\nFPM is not configured: this zebra may crash when FPM connects, .*; upgrade FRR, then give this/,
    )
  })

  test('that is missing is said to be', async (t) => {
    const { code, stderr } = await macipctl('hook', 'install', '--daemons', join(tempDir(t), 'daemons'))
    assert.equal(code, 8)
    assert.match(stderr, /daemons does not exist: is FRR installed\?/)
  })

  test('whatever else is in it stays as it is', () => {
    const lines = fc.array(fc.string(), { maxLength: 8 }).filter((all) => !all.some((line) => /macipd/.test(line)))
    const hooks = fc
      .record({
        fpm: fc.boolean(),
        socket: fc.option(fc.constantFrom('/run/a', "/run/it's b"), { nil: undefined }),
      })
      .map((hook) => ({ ...hook }))
    fc.assert(
      fc.property(lines, lines, hooks, hooks, (before, after, hook, other) => {
        const text = [...before, ...after, ''].join('\n')
        const hooked = withHook(text, hook, SCRIPT)
        assert.deepEqual(hookIn(hooked), hook)
        assert.equal(withoutHook(hooked), text)
        // what is written behind the block by others stays there
        const moved = `${hooked}${after.join('\n')}\n`
        assert.deepEqual(hookIn(withHook(moved, other, SCRIPT)), other)
        assert.equal(withoutHook(withHook(moved, other, SCRIPT)), `${text}${after.join('\n')}\n`)
      }),
    )
  })
})

/**
 * Imitates what Proxmox VE's SDN makes of the file whenever it is applied (set_daemon_status, PVE::Network::SDN::Frr): each
 * line that begins with the name of a daemon it manages says whether that one is to run, and all others stay.
 */
const editedBySdn = (text: string, daemons: Readonly<Record<string, boolean>>): string =>
  text.replaceAll(/^([a-z_]+)=.*$/gm, (line, name: string) =>
    daemons[name] === undefined ? line : `${name}=${daemons[name] ? 'yes' : 'no'}`,
  )

type Options = { bgpd: string; zebra: string }

/** What FRR's scripts start the daemons with, when `prepare` has been done to a /run of its own. */
function sourced(daemons: string, prepare: string, suffix = ''): Options {
  const script = `
    mount -t tmpfs tmpfs /run && mkdir -p /run/macipd /run/macipd/blue && { ${prepare || ':'}; } || exit 1
    suffix=${suffix}
    . ${daemons}
    eval bgpd="\\$bgpd_options" zebra="\\$zebra_options"
    printf '%s\\n' "$bgpd_options" "$zebra_options"`
  const [bgpd = '', zebra = ''] = execFileSync('unshare', ['--mount', 'bash', '-c', script], {
    encoding: 'utf8',
  }).split('\n')
  const plain = (text: string): string => text.trim().replaceAll(/ +/g, ' ')
  return { bgpd: plain(bgpd), zebra: plain(zebra) }
}

const SOCKET = '-z /run/macipd/zserv.api'
const LISTEN = `python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("/run/macipd/zserv.api")'`
const LINK = 'ln -s /run/frr/zserv.api /run/macipd/zserv.api'

for (const release of RELEASES) {
  suite(`FRR ${release}: bgpd is started`, () => {
    const file = (t: TestContext, more = '', fpm = false): string => {
      const text = readFileSync(join(findTree(release).path, 'etc/frr/daemons'), 'utf8')
      return daemonsFile(t, withHook(`${text}${more}`, { fpm }, SCRIPT))
    }

    test('with the relay, and with the link to zebra that is there without one, even before zebra is', (t) => {
      assert.equal(sourced(file(t), LISTEN).bgpd, `-A 127.0.0.1 ${SOCKET}`)
      assert.equal(sourced(file(t), LINK).bgpd, `-A 127.0.0.1 ${SOCKET}`)
    })

    test('as without the hook if nothing is at the path, or the package is being removed', (t) => {
      assert.equal(sourced(file(t), '').bgpd, '-A 127.0.0.1')
      assert.equal(sourced(file(t), `${LINK}; touch /run/macipd/disabled`).bgpd, '-A 127.0.0.1')
    })

    test('with the socket of its path space', (t) => {
      const link = 'ln -s /run/frr/blue/zserv.api /run/macipd/blue/zserv.api'
      assert.equal(sourced(file(t), link, '/blue').bgpd, '-A 127.0.0.1 -z /run/macipd/blue/zserv.api')
    })

    test('with the options of the operator: its own socket, or an array', (t) => {
      assert.equal(sourced(file(t, 'bgpd_options="-z /run/other"\n'), LINK).bgpd, '-z /run/other')
      assert.equal(sourced(file(t, 'bgpd_options=("-A ::1")\n'), LINK).bgpd, `-A ::1 ${SOCKET}`)
    })

    test('with the relay after Proxmox VE has edited the file, which then is as it wants it without the hook', async (t) => {
      for (const edits of [
        { ospfd: true, fabricd: true },
        { ospfd: false, fabricd: false, bgpd: true, bfdd: true },
      ]) {
        const before = readFileSync(file(t, '', true), 'utf8')
        const path = daemonsFile(t, editedBySdn(before, edits))
        const edited = readFileSync(path, 'utf8')
        assert.notEqual(edited, before)
        assert.deepEqual(hookIn(edited), { fpm: true, socket: undefined })
        assert.equal(sourced(path, LISTEN).bgpd, `-A 127.0.0.1 ${SOCKET}`)
        assert.equal((await macipctl('hook', 'remove', '--daemons', path)).code, 0)
        assert.equal(readFileSync(path, 'utf8'), editedBySdn(withoutHook(before), edits))
      }
    })

    test('beside a zebra without the FPM module where there is none', (t) => {
      assert.match(sourced(file(t, '', true), LINK).zebra, /^-A 127\.0\.0\.1 -s 90000000$/)
    })
  })
}

suite('how bgpd reaches zebra', () => {
  const listen = '/run/macipd/zserv.api'
  const bgpd = (...words: string[]) => ({ pid: 7, words: ['/usr/lib/frr/bgpd', ...words] })
  const session = { kind: 'main' }
  const relay = (sessions: { kind: string }[], bgpdDirect = false): Facts['relay'] => ({
    ...{ running: true, socket: '/run/macipd/relay.sock' },
    sessions,
    bgpdDirect,
  })
  const none = notRunning('/run/macipd/relay.sock')
  const base: Facts = {
    listen,
    zebra: '/run/frr/zserv.api',
    hook: { fpm: false },
    bgpd: bgpd('-z', listen),
    relay: relay([session]),
    path: 'socket',
  }

  for (const [state, facts, says] of [
    ['relayed', {}, /^bgpd \(process 7\) is connected to zebra through the relay$/],
    ['direct', { relay: relay([], true) }, /directly, so nothing is announced: restart bgpd/],
    ['direct', { relay: none, path: 'link' }, /start the relay \(systemctl start macipd-relay\), then restart bgpd/],
    ['connecting', { relay: relay([]) }, /no connection yet/],
    ['connecting', { relay: none, path: 'nothing' }, /FRR no BGP route: start the relay/],
    ['no-option', { bgpd: bgpd('-A', '::1'), relay: relay([]) }, /started before the hook was there/],
    ['no-option', { bgpd: bgpd(), hook: undefined }, /without -z, .*: macipctl hook install --restart-bgpd$/],
    [
      'no-option',
      { bgpd: bgpd(), zebra: '/run/frr/blue/zserv.api' },
      /: macipctl hook install -N blue --restart-bgpd$/,
    ],
    ['other-option', { bgpd: bgpd('-z/run/other'), relay: relay([]) }, /has -z \/run\/other, which is not the relay's/],
    ['bgpd-not-running', { bgpd: undefined }, /^bgpd does not run$/],
  ] as const) {
    test(`${state}: ${says.source}`, () => {
      const all: Facts = { ...base, ...facts }
      assert.equal(hookState(all), state)
      assert.match(describeState(state, all), says)
    })
  }

  test('every form of the option is understood', () => {
    for (const words of [['-z', '/a'], ['-z/a'], ['--socket', '/a'], ['--socket=/a']])
      assert.equal(zservOption(['bgpd', '-d', ...words, '-A', '::1']), '/a')
    assert.equal(zservOption(['bgpd', '-d']), undefined)
  })

  test('status of a node without bgpd: exit code 11', async (t) => {
    const path = daemonsFile(t)
    const { code, stdout, stderr } = await macipctl('hook', 'status', '--daemons', path, '--json')
    assert.equal(code, 11)
    assert.match(stderr, /bgpd does not run/)
    const report = JSON.parse(stdout) as Record<string, unknown>
    assert.deepEqual([report['state'], report['hook'], report['bgpdPid']], ['bgpd-not-running', null, null])
  })
})
