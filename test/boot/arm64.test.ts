// The packages for arm64, made on another machine and run there: an emulator stands for the processor, and has no bpf(2).
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, suite, test } from 'node:test'
import { labCache, ROOT } from '../../lab/frr.js'
import { ExitCode } from '../../src/base/exit.js'
import type { Result } from '../../src/cli/doctor/result.js'
import { type Result as Ended } from '../../lab/in-process.js'
import { tempDir } from '../support.js'
import { built, lintianErrors, makePackages, NAMES, OWN } from './deb.js'

/** Arguments: the directory that holds macipd, and the command. The programs look for their files in /usr/lib/macipd. */
const INSTALLED = `mount -t overlay -o lowerdir="$1:/usr/lib" overlay /usr/lib && shift && exec "$@"`

const HOME = '/usr/lib/macipd'

suite('the packages for arm64', { skip: OWN === 'arm64' && 'this machine is one' }, () => {
  before(() => {
    makePackages('--arch', 'arm64')
  })

  test('run: addon, libbpf and koffi are loaded', (t) => {
    const directories = NAMES.map((name) => {
      const directory = join(tempDir(t), name)
      mkdirSync(directory)
      execFileSync('dpkg-deb', ['--extract', built(name, 'arm64'), directory])
      return join(directory, 'usr/lib')
    })
    const [, bundled = ''] = directories
    // Debian's Node stands in no tree: that of the other package runs both
    const inside = (lib: string, ...words: string[]): Ended => {
      const view = ['unshare', '--mount', '--net', '--propagation', 'private', 'sh', '-c', INSTALLED, 'sh', lib]
      const emulated = ['qemu-aarch64', '-L', join(labCache(), 'arm64'), join(bundled, 'macipd/node')]
      const [command = '', ...args] = [...view, ...emulated, ...words]
      const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
      return { code: status ?? -1, stdout, stderr }
    }
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
    for (const lib of directories) {
      assert.deepEqual(inside(lib, `${HOME}/dist/programs/bin/macipd.js`, '--version'), {
        ...{ code: 0, stderr: '' },
        stdout: `${version}\n`,
      })
      const { checks } = JSON.parse(
        inside(lib, `${HOME}/dist/programs/bin/macipctl.js`, 'doctor', '--json').stdout,
      ) as {
        checks: Result[]
      }
      const statuses = new Map(checks.map(({ id, status }) => [id, status]))
      assert.deepEqual([statuses.get('libbpf'), statuses.get('node')], ['ok', 'ok'])
    }
    // what libbpf says is logged through koffi
    const sockets = ['--relay', join(bundled, 'relay.sock'), '--control', join(bundled, 'snoop.sock')]
    const { code, stderr } = inside(
      bundled,
      `${HOME}/dist/programs/bin/macipd.js`,
      'snoop',
      '--state',
      'none',
      ...sockets,
    )
    assert.equal(code, ExitCode.kernel, stderr)
    assert.match(stderr, /"from":"libbpf".*Function not implemented/)
    assert.match(stderr, /\nmacipd: the kernel \(.*\) refuses the eBPF program: /)
  })

  test('lintian finds no error', () => {
    for (const name of NAMES) assert.deepEqual(lintianErrors(built(name, 'arm64')), [])
  })
})
