// `macipd proxy`, as far as it starts nothing: what --check shows, and what the process is handed.
import assert from 'node:assert/strict'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { run } from '../../src/cli/command.js'
import { proxyCommand, type RunProxy } from '../../src/cli/daemon/proxy.js'
import { LEAST } from '../../src/config/proxy/settings.js'
import { FakeIo, type Result } from '../../lab/in-process.js'
import { tempDir } from '../support.js'

const unexpected: RunProxy = () => assert.fail('the proxy was started')

async function proxy(...args: string[]): Promise<Result> {
  const io = new FakeIo()
  const code = await run(proxyCommand(io, unexpected), args, io)
  return { code, stdout: io.stdout.text, stderr: io.stderr.text }
}

function fileWith(t: TestContext, source: string): string {
  const file = join(tempDir(t), 'macipd.yaml')
  writeFileSync(file, source)
  return file
}

test('--check shows what a configuration means', async (t) => {
  const key = join(tempDir(t), 'bgp.key')
  writeFileSync(key, 'secret\n')
  chmodSync(key, 0o644)
  const file = fileWith(
    t,
    `proxy:
  as: 65000
  routerId: 192.0.2.3
  source: 192.0.2.3
  neighbors: [{ address: 192.0.2.1, passwordFile: ${key} }, { address: 192.0.2.2, as: 65001, holdTime: 9 }]
  interfaces: [uplink, 'bond*']
  discover: { from: [192.0.2.0/24] }
  vnis:
    100: { vteps: { 192.0.2.101: { hosts: [{ mac: 02:00:00:00:01:01, ips: [10.0.0.101, 10.0.0.102] }] } } }
    70000:
`,
  )
  const text = await proxy('--check', '--config', file)
  assert.deepEqual(text, {
    code: 0,
    stdout: `AS 65000, router id 192.0.2.3, from 192.0.2.3
neighbor 192.0.2.1: AS 65000 (iBGP), hold time 90 s, with a password
neighbor 192.0.2.2: AS 65001 (eBGP), hold time 9 s, without a password
VNI 100: RD 192.0.2.3:100, RT 65000:100, 1 VTEP configured
  192.0.2.101: 1 host with 2 IPs
VNI 70000: RD 192.0.2.3:65535, RT 65000:70000, 0 VTEPs configured
finds up to 64 other VTEPs in a VNI, in 192.0.2.0/24
looks at UDP 4789 on uplink, bond*; announces MACs and IPs
withdraws what is silent for 1200 s, after probes
keeps hosts in /var/lib/macipd/proxy
`,
    stderr: `macipd: proxy.neighbors.0.passwordFile: everyone can read ${key}; its mode should be 0600\n`,
  })
  const { code, stdout } = await proxy('--check', '--json', '--config', file, '--state', 'none')
  assert.equal(code, 0)
  assert.ok(!stdout.includes('secret'))
  const json = JSON.parse(stdout) as Record<string, unknown>
  assert.equal(json['stateFile'], null)
  assert.deepEqual(json['vnis'], [
    {
      ...{ vni: 100, rd: '192.0.2.3:100', routeTargets: ['65000:100'] },
      vteps: [
        {
          vtep: '192.0.2.101',
          hosts: [{ mac: '02:00:00:00:01:01', ips: ['10.0.0.101', '10.0.0.102'], isSticky: false }],
        },
      ],
    },
    { vni: 70_000, rd: '192.0.2.3:65535', routeTargets: ['65000:70000'], vteps: [] },
  ])
  assert.deepEqual(json['discover'], { from: ['192.0.2.0/24'], limit: 64 })
})

test('what is wrong is one line, and nothing starts', async (t) => {
  const empty = fileWith(t, '')
  const mistaken = fileWith(t, `${LEAST.slice(0, -1)}, ports: [0] }\n`)
  for (const [args, message] of [
    [['--config', empty], /^proxy: the configuration has no section proxy; the least that it needs: proxy: \{ /],
    [['--check', '--config', mistaken], /^proxy: .*:1:\d+: proxy\.ports\.0: expected a whole number from 1 to 65535/],
    [['--json', '--config', empty], /^proxy: --json: only with --check/],
    [['--check', '--config', empty, '--log-level', 'loud'], /Allowed choices are trace, debug/],
  ] as const) {
    const { code, stdout, stderr } = await proxy(...args)
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, message)
    assert.match(stderr, /^.*\n$/, 'exactly one line')
  }
})

test('the process gets the options, and can read them again', async (t) => {
  const file = fileWith(t, LEAST)
  const seen: string[] = []
  const io = Object.assign(new FakeIo(), { onDefect: () => undefined })
  const command = proxyCommand(io, async (options, reload) => {
    seen.push(options.control)
    writeFileSync(file, `pathspace: blue\n${LEAST}\n`)
    seen.push((await reload()).control)
    writeFileSync(file, 'proxy: {}\n')
    await assert.rejects(reload(), /proxy\.as: is missing/)
  })
  assert.equal(await run(command, ['--config', file], io), 0)
  assert.deepEqual(seen, ['/run/macipd/proxy.sock', '/run/macipd/blue/proxy.sock'])
})
