// The dump of a real conversation: FRR's daemons, and what macipd adds to it.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { MACIPCTL } from '../../lab/programs.js'
import { run, spawnMacipctl, tempDir } from '../support.js'
import { Fabric } from '../../lab/fabric.js'
import { RELEASES } from '../../lab/frr.js'

type Message = { type: string; kind: string; direction: string; mark: string; command: string; line: string | null }

for (const frr of RELEASES) {
  test(`FRR ${frr}: what macipd injects is seen as it happens, and Wireshark can read it all`, async (t) => {
    await using fabric = await Fabric.start({ frr })
    const relay = ['--relay', fabric.near.path('/run/macipd/relay.sock')]
    const follow = [MACIPCTL, 'zapi', 'dump', ...relay, '--follow', '--last', 'all', '--command', 'MACIP_ADD']
    const dump = spawn(process.execPath, follow, { stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = once(dump, 'exit')
    const { mac, ipv4, ipv6 } = fabric.vm
    const awaited = new Set([ipv4, ipv6].map((ip) => `← MACIPD MACIP_ADD         INJECTED vni 100 mac ${mac} ip ${ip}`))
    const zebras: string[] = []
    const learned = fabric.learn()
    for await (const line of createInterface(dump.stdout)) {
      if (line.includes(`← zebra  MACIP_ADD         vni 100 mac ${mac}`)) zebras.push(line)
      for (const text of awaited) if (line.includes(text)) awaited.delete(text)
      if (awaited.size === 0) break
    }
    await learned
    dump.kill('SIGINT')
    assert.deepEqual(await ended, [0, null])
    assert.ok(zebras.length > 0, 'zebra announces the MAC itself')

    const file = join(tempDir(t), 'all.pcapng')
    const written = await spawnMacipctl('zapi', 'dump', ...relay, '--write', file)
    assert.equal(written.code, 0)
    // the capture is also a recording: replayed, the relay's logic does what the relay did
    const replayed = await spawnMacipctl('zapi', 'replay', '--check', file)
    assert.equal(replayed.code, 0, replayed.stdout + replayed.stderr)
    const read = await spawnMacipctl('zapi', 'dump', '--read', file, '--json')
    const events = read.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Message)
    assert.match(written.stderr, new RegExp(`^macipctl: ${events.length} records written`))
    const messages = events.filter(({ type }) => type === 'message')
    assert.ok(messages.every(({ line }) => line !== null))
    assert.deepEqual(
      messages.filter(({ mark }) => mark === 'injected').map(({ command, kind }) => `${kind} ${command}`),
      ['main ZEBRA_MACIP_ADD', 'main ZEBRA_MACIP_ADD'],
    )
    for (const [kind, first] of new Map(
      messages.map(({ kind }) => [kind, messages.find((each) => each.kind === kind)]),
    )) {
      assert.equal(first?.command, 'ZEBRA_HELLO', kind)
    }
    const tshark = await run('tshark', ['-r', file, '-Y', 'zebra'])
    assert.equal(tshark.code, 0, `tshark (Debian package tshark) must read the file: ${tshark.stderr}`)
    assert.equal(tshark.stdout.trimEnd().split('\n').length, messages.length)
  })
}
