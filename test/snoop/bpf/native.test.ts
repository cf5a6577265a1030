// The addon itself: records, maps, wrong arguments, failures, and what is left behind.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ExitCode, FatalError } from '../../../src/base/exit.js'
import { createLogger } from '../../../src/os/log.js'
import { OUTCOMES, RECORD_BYTES, encodeConfig, encodeKeys } from '../../../src/snoop/bpf/layout.js'
import { type BpfObject, isBpfError, loadAddon } from '../../../src/snoop/bpf/native.js'
import { BpfSnooper } from '../../../src/snoop/bpf/snooper.js'
import { withProgram } from './clang.js'
import { VM_IP, VM_IP6, VM_MAC, arp, evidenceOf, na } from './frames.js'
import { ATTACH_MODES, createVeth, enterNewNetns, run } from '../packet.js'

enterNewNetns()

const addon = loadAddon()
const log = createLogger('test', 'fatal')
const OBJECT = fileURLToPath(new URL('../../../bpf/snoop.bpf.o', import.meta.url))
const KEY = Buffer.alloc(4)
const ALWAYS = encodeConfig({ repeatIntervalMs: 0 })
const HOUR = encodeConfig({ repeatIntervalMs: 3600_000 })

function withObject(use: (object: BpfObject) => void, path = OBJECT): void {
  const object = addon.open(path, () => undefined, false)
  try {
    use(object)
  } finally {
    addon.close(object)
  }
}

function counter(object: BpfObject, name: (typeof OUTCOMES)[number]): number | undefined {
  return addon.counters(object, 'percpu_scratch', OUTCOMES.length)[OUTCOMES.indexOf(name)]
}

suite('ring buffer', () => {
  test('as many whole records are drained as fit', () => {
    withObject((object) => {
      addon.testRun(object, arp(), 5, undefined)
      const into = Buffer.alloc(2 * RECORD_BYTES + 1, 0xee)
      assert.deepEqual(
        [1, 2, 3, 4].map(() => addon.drain(object, into, RECORD_BYTES)),
        [2, 2, 1, 0],
      )
      assert.equal(evidenceOf(into).ip, VM_IP)
      assert.equal(into[2 * RECORD_BYTES], 0xee)
    })
  })

  test('what finds it full is counted, and passed on when it comes again', () => {
    withObject((object) => {
      addon.testRun(object, arp(), 100_000, undefined)
      const passed = counter(object, 'passed') ?? 0
      assert.ok(passed > 1000 && passed < 100_000, `${passed} records`)
      assert.equal(counter(object, 'ring-full'), 100_000 - passed)

      addon.mapSet(object, '.bss', KEY, HOUR)
      addon.testRun(object, na(), 1, undefined)
      assert.equal(counter(object, 'ring-full'), 100_000 - passed + 1)

      const into = Buffer.alloc(1000 * RECORD_BYTES)
      let drained = 0
      for (let count = -1; count !== 0; drained += count) count = addon.drain(object, into, RECORD_BYTES)
      assert.equal(drained, passed)

      addon.testRun(object, na(), 2, undefined)
      assert.deepEqual([counter(object, 'passed'), counter(object, 'repeated')], [passed + 1, 1])
      assert.equal(addon.drain(object, into, RECORD_BYTES), 1)
    })
  })

  test('an object without one can be run, not drained', () => {
    withProgram('return 7;', (path) => {
      withObject((object) => {
        assert.equal(addon.testRun(object, arp(), 1, undefined).retval, 7)
        assert.throws(() => addon.drain(object, Buffer.alloc(RECORD_BYTES), RECORD_BYTES), { code: 'ENOENT' })
        assert.throws(() => addon.ringFd(object), { code: 'ENOENT' })
      }, path)
    })
  })
})

suite('maps', () => {
  test('entries are listed, set and deleted', () => {
    withObject((object) => {
      assert.deepEqual(addon.mapEntries(object, 'seen'), [])
      addon.testRun(object, na(), 1, undefined)
      addon.testRun(object, arp(), 1, undefined)
      const entries = addon.mapEntries(object, 'seen')
      assert.equal(entries.length, 2)
      const hex = (keys: Buffer[]) => keys.map((key) => key.toString('hex')).sort()
      const expected = [...encodeKeys(1, 0, VM_MAC, VM_IP6), ...encodeKeys(1, 0, VM_MAC, VM_IP)]
      assert.deepEqual(hex(entries.map(([key]) => key)), hex(expected))
      const [key, value] = entries[0] ?? assert.fail()
      assert.equal(value.length, 16)

      assert.equal(addon.mapDelete(object, 'seen', key), true)
      assert.equal(addon.mapDelete(object, 'seen', key), false)
      addon.mapSet(object, 'seen', key, value)
      assert.equal(addon.mapEntries(object, 'seen').length, 2)

      addon.mapSet(object, '.bss', KEY, HOUR)
      assert.deepEqual(addon.mapEntries(object, '.bss'), [[KEY, HOUR]])
      assert.deepEqual(addon.mapGet(object, '.bss', KEY), HOUR)
      addon.mapDelete(object, 'seen', key)
      assert.equal(addon.mapGet(object, 'seen', key), undefined)
    })
  })

  test('one that does not exist is named by the failure', () => {
    withObject((object) => {
      const failure = { code: 'ENOENT', errno: 2, call: 'bpf_object__find_map_by_name' }
      assert.throws(() => addon.mapEntries(object, 'nonesuch'), failure)
      assert.throws(() => addon.counters(object, 'nonesuch', OUTCOMES.length), failure)
    })
  })

  test('a key the kernel refuses is its failure', () => {
    withObject((object) => {
      const failure = { code: 'E2BIG', call: 'bpf_map_update_elem' }
      assert.throws(() => {
        addon.mapSet(object, '.bss', Buffer.alloc(4, 1), ALWAYS)
      }, failure)
    })
  })
})

suite('test run', () => {
  /** struct __sk_buff, of which only the port is set. */
  function receivedBy(ifindex: number): Uint8Array {
    const context = new Uint32Array(48)
    context[10] = ifindex
    return new Uint8Array(context.buffer)
  }

  test('a context names the port', () => {
    const { port } = createVeth('vm', 'port')
    withObject((object) => {
      addon.testRun(object, arp(), 1, receivedBy(port))
      const into = Buffer.alloc(RECORD_BYTES)
      assert.equal(addon.drain(object, into, RECORD_BYTES), 1)
      assert.equal(evidenceOf(into).ifindex, port)
    })
    run('ip', 'link', 'del', 'vm')
  })

  test('the kernel refuses a frame without an Ethernet header, and a port that does not exist', () => {
    withObject((object) => {
      const failure = { code: 'EINVAL', call: 'bpf_prog_test_run_opts' }
      assert.throws(() => addon.testRun(object, Buffer.alloc(13), 1, undefined), failure)
      assert.throws(() => addon.testRun(object, arp(), 1, receivedBy(1_000_000)), { code: 'ENODEV' })
    })
  })
})

test('wrong arguments throw a TypeError', () => {
  const call = (name: keyof typeof addon, ...args: unknown[]) => {
    ;(addon[name] as (...args: unknown[]) => unknown)(...args)
  }
  const buffer = Buffer.alloc(64)
  const ignore = () => undefined
  withObject((object) => {
    const wrong: [keyof typeof addon, ...unknown[]][] = [
      ['open'],
      ['open', OBJECT],
      ['open', OBJECT, 1],
      ['open', '', ignore],
      ['open', 'a\0b', ignore],
      ['open', 'a'.repeat(5000), ignore],
      ['open', 7, ignore],
      ['open', OBJECT, ignore, 1],
      ...(
        ['close', 'attach', 'detach', 'ringFd', 'drain', 'counters', 'mapEntries', 'mapGet', 'mapSet'] as const
      ).flatMap((name): [typeof name, ...unknown[]][] =>
        [undefined, null, 1, 'x', {}, ignore, buffer].map((first) => [name, first, 1, 'tcx', 1].slice(0, 4) as never),
      ),
      ['close', {}],
      ['ringFd', {}],
      ['drain', {}, buffer],
      ['counters', {}, 'percpu_scratch'],
      ['attach', object, 0, 'tcx'],
      ['attach', object, -1, 'tcx'],
      ['attach', object, 1.5, 'tcx'],
      ['attach', object, NaN, 'tcx'],
      ['attach', object, 2 ** 31, 'tcx'],
      ['attach', object, 2 ** 32 + 1, 'tcx'],
      ['attach', object, '1', 'tcx'],
      ['attach', object, 1, 'xdp'],
      ['attach', object, 1, 'a much longer word'],
      ['attach', object, 1],
      ['detach', object, 0],
      ['detach', object],
      ['drain', object, Buffer.alloc(RECORD_BYTES - 1)],
      ['drain', object, new Uint16Array(64)],
      ['drain', object, new ArrayBuffer(64)],
      ['drain', object, undefined],
      ['counters', object, 'seen'],
      ['counters', object, 'x'.repeat(64)],
      ['mapEntries', object, 'ring'],
      ['mapEntries', object, 'percpu_scratch'],
      ['mapSet', object, 'seen', Buffer.alloc(31), Buffer.alloc(16)],
      ['mapSet', object, 'seen', Buffer.alloc(32), Buffer.alloc(17)],
      ['mapSet', object, 'percpu_scratch', KEY, ALWAYS],
      ['mapGet', object, 'seen', Buffer.alloc(33)],
      ['mapGet', object, 'seen', 'key'],
      ['mapGet', object, 'percpu_scratch', KEY],
      ['mapDelete', object, 'seen', Buffer.alloc(33)],
      ['mapDelete', object, 'seen', 'key'],
      ['testRun', object, arp(), 0, undefined],
      ['testRun', object, arp(), 2 ** 31, undefined],
      ['testRun', object, arp(), 1, 'context'],
      ['testRun', object, 'frame', 1, undefined],
      ['testRun', object, Buffer.alloc(65536), 1, undefined],
      ['testRun', object, arp(), 1],
    ]
    for (const [name, ...args] of wrong)
      assert.throws(
        () => {
          call(name, ...args)
        },
        TypeError,
        `${name}(${args.map(String).join(', ')})`,
      )
  })
})

test('a closed object can be used no more', () => {
  const object = addon.open(OBJECT, () => undefined, false)
  addon.close(object)
  assert.throws(() => {
    addon.close(object)
  }, /closed/)
  assert.throws(() => addon.ringFd(object), /closed/)
  assert.throws(() => addon.testRun(object, arp(), 1, undefined), /closed/)
})

suite('messages of libbpf', () => {
  test('come with their level', () => {
    const levels = new Set<string>()
    addon.close(
      addon.open(
        OBJECT,
        (level, text) => {
          levels.add(level)
          assert.doesNotMatch(text, /\n$|^$/)
        },
        false,
      ),
    )
    assert.ok(levels.has('debug'), [...levels].join())
  })

  test('may be received by a function that throws, or that calls back', () => {
    assert.throws(
      () =>
        addon.open(
          OBJECT,
          () => {
            throw new Error('enough')
          },
          false,
        ),
      /enough/,
    )
    const { port } = createVeth('vm', 'port')
    run('tc', 'qdisc', 'add', 'dev', 'port', 'clsact')
    const opened: BpfObject[] = []
    const closeAll = (): void => {
      opened.splice(0).forEach((one) => {
        addon.close(one)
      })
    }
    const object = addon.open(OBJECT, closeAll, false)
    opened.push(object)
    // The kernel mentions that there is a qdisc already.
    addon.attach(object, port, 'clsact')
    run('ip', 'link', 'del', 'vm')
    assert.throws(() => addon.ringFd(object), /closed/)
  })
})

suite('failures', () => {
  const open = (path: string) => BpfSnooper.open({ object: path, repeatIntervalMs: 0, log })

  test('no such object file, and a file that is no object', () => {
    const path = join(tmpdir(), `macipd-${process.pid}.o`)
    assert.throws(() => open(path), { exitCode: ExitCode.internal, message: /macipd-\d+\.o is not .* "npm run build"/ })
    writeFileSync(path, 'not an ELF file')
    assert.throws(() => open(path), { exitCode: ExitCode.internal })
    assert.throws(() => addon.open(path, () => undefined, false), { call: 'bpf_object__open_file' })
    run('rm', path)
  })

  test('the verifier rejects the program: its report comes with the error', () => {
    withProgram('return *(int *)(long)skb->data;', (path) => {
      assert.throws(
        () => open(path),
        (error: unknown) => {
          assert.ok(error instanceof FatalError && isBpfError(error.cause))
          assert.equal(error.exitCode, ExitCode.kernel)
          assert.doesNotMatch(error.message, /\n/)
          assert.deepEqual([error.cause.call, error.cause.code], ['bpf_object__load', 'EACCES'])
          assert.match(error.cause.verifierLog ?? '', /invalid access to packet/)
          return true
        },
      )
    })
  })

  test('the wrong program type', () => {
    withProgram('return 0; } SEC("xdp") int second(struct xdp_md *ctx) { return 2;', (path) => {
      assert.throws(() => open(path), { exitCode: ExitCode.kernel })
      assert.throws(() => addon.open(path, () => undefined, false), {
        call: 'bpf_object__next_program',
        code: 'ENOEXEC',
      })
    })
  })

  test('a device is attached to once, and detached from only if it was', () => {
    const { port } = createVeth('vm', 'port')
    withObject((object) => {
      addon.attach(object, port, 'clsact')
      assert.throws(
        () => {
          addon.attach(object, port, 'clsact')
        },
        { code: 'EEXIST' },
      )
      addon.detach(object, port)
      assert.throws(
        () => {
          addon.detach(object, port)
        },
        { code: 'ENOENT' },
      )
    })
    run('ip', 'link', 'del', 'vm')
  })
})

/** Code of another process that opens a snooper. */
function script(then: string): string[] {
  const url = (path: string) => JSON.stringify(new URL(path, import.meta.url).href)
  return [
    '--input-type=module',
    '-e',
    `import { execFileSync } from 'node:child_process'
     import { BpfSnooper } from ${url('../../../src/snoop/bpf/snooper.js')}
     import { createLogger } from ${url('../../../src/os/log.js')}
     import { VxlanSnooper } from ${url('../../../src/snoop/bpf/vxlan-snooper.js')}
     const log = createLogger('test', 'fatal')
     const open = (attach) => BpfSnooper.open({ repeatIntervalMs: 0, log, attach })
     const openVxlan = (attach) => VxlanSnooper.open({ log, attach })
     ${then}`,
  ]
}

suite('privileges', () => {
  const asRootWith = (capabilities: string, then: string) =>
    spawnSync('setpriv', [`--bounding-set=${capabilities}`, process.execPath, ...script(then)], { encoding: 'utf8' })

  test('without any: one line and the exit code of its own', () => {
    const child = asRootWith(
      '-all',
      'try { open() } catch (error) { console.log("%d %s", error.exitCode, error.message) }',
    )
    assert.match(child.stdout, /^3 no permission .* CAP_BPF and CAP_NET_ADMIN .*\n$/)
  })

  for (const mode of ATTACH_MODES)
    test(`CAP_BPF and CAP_NET_ADMIN suffice for ${mode}, of both programs on one device`, () => {
      const { port } = createVeth('vm', 'port')
      const child = asRootWith(
        '-all,+bpf,+net_admin',
        `const snoopers = [open('${mode}'), openVxlan('${mode}')]
         for (const snooper of snoopers) {
           snooper.attach(${port})
           snooper.start(() => {})
         }
         if ('${mode}' === 'clsact') console.log(execFileSync('tc', ['filter', 'show', 'dev', 'port', 'ingress'], { encoding: 'utf8' }))
         for (const snooper of snoopers) snooper.close()
         console.log('done')`,
      )
      assert.equal(child.stderr, '')
      assert.match(
        child.stdout,
        mode === 'clsact' ? /handle 0x6d61637[06] [^]*handle 0x6d61637[06] [^]*done\n$/ : /^done\n$/,
      )
      run('ip', 'link', 'del', 'vm')
    })
})

suite('clsact', () => {
  const filters = () => run('tc', 'filter', 'show', 'dev', 'port', 'ingress')
  const qdiscs = () => run('tc', 'qdisc', 'show', 'dev', 'port')
  let port: number
  before(() => {
    port = createVeth('vm', 'port').port
  })
  after(() => {
    run('ip', 'link', 'del', 'vm')
  })

  test('the end of a process that closes nothing leaves no filter', () => {
    const child = spawnSync(process.execPath, script(`open('clsact').attach(${port}); process.exit(0)`))
    assert.equal(child.status, 0)
    assert.equal(filters(), '')
    assert.doesNotMatch(qdiscs(), /clsact/)
  })

  test('the filter of a process that was killed is replaced', async () => {
    const child = spawn(
      process.execPath,
      script(`open('clsact').attach(${port}); console.log(); setInterval(() => {}, 1e6)`),
    )
    await once(child.stdout, 'data')
    child.kill('SIGKILL')
    await once(child, 'exit')
    assert.match(filters(), /snoop\.bpf\.o|snoop/)
    withObject((object) => {
      addon.attach(object, port, 'clsact')
      assert.equal(filters().match(/handle/g)?.length, 1)
    })
    assert.equal(filters(), '')
    run('tc', 'qdisc', 'del', 'dev', 'port', 'clsact')
  })

  test('a qdisc that was there, and the filters of others, stay', () => {
    run('tc', 'qdisc', 'add', 'dev', 'port', 'clsact')
    withObject((object) => {
      addon.attach(object, port, 'clsact')
    })
    assert.match(qdiscs(), /clsact/)
    run('tc', 'qdisc', 'del', 'dev', 'port', 'clsact')

    for (const direction of ['ingress', 'egress']) {
      withProgram('return -1;', (path) => {
        withObject((object) => {
          addon.attach(object, port, 'clsact')
          run(
            'tc',
            'filter',
            'add',
            'dev',
            'port',
            direction,
            'bpf',
            'direct-action',
            'object-file',
            path,
            'section',
            'tc',
          )
        })
      })
      assert.match(run('tc', 'filter', 'show', 'dev', 'port', direction), /program/)
      run('tc', 'qdisc', 'del', 'dev', 'port', 'clsact')
    }
  })

  test('a filter that another process put in the anchor of ours stays', () => {
    withObject((object) => {
      addon.attach(object, port, 'clsact')
      const second = addon.open(OBJECT, () => undefined, false)
      addon.attach(second, port, 'clsact')
      addon.detach(object, port)
      assert.notEqual(filters(), '')
      addon.close(second)
      assert.equal(filters(), '')
    })
    run('tc', 'qdisc', 'del', 'dev', 'port', 'clsact')
  })
})
