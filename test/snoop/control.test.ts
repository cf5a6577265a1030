import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { askBindings, askSnooper } from '../../src/cli/ask.js'
import { frame } from '../../src/daemon/framing.js'
import { DEFAULT_POLICY } from '../../src/evpn/policy.js'
import { step } from '../../src/evpn/step.js'
import { Table } from '../../src/evpn/table.js'
import { snoop as proto } from '../../src/gen/snoop.js'
import { monotonicMs } from '../../src/snoop/clock.js'
import { listenSnoopControl } from '../../src/snoop/control.js'
import { counters, countStates } from '../../src/snoop/status.js'
import { silent, tempDir } from '../daemon/support.js'
import { evidence, TAP1, VM1 } from '../evpn/build.js'

const UNLIMITED = { ipv4: Infinity, ipv6: Infinity }

async function listening(t: TestContext, bindings: number): Promise<string> {
  const path = join(tempDir(t), 'snoop.sock')
  const table = new Table()
  for (let index = 0; index < bindings; index++) {
    step(
      table,
      evidence({ ip: `10.0.${index >> 8}.${index & 255 || 1}`, vni: 100 + (index & 255 ? 0 : 1) }),
      { ...DEFAULT_POLICY, limits: { ...DEFAULT_POLICY.limits, perMac: UNLIMITED, perPort: UNLIMITED } },
      monotonicMs(),
    )
  }
  const status = (): proto.SnoopStatus.$Properties => ({
    pid: 42,
    bindings: table.size,
    ...countStates(table),
    refused: counters(table.refused),
  })
  const server = await listenSnoopControl(path, table, status, silent)
  t.after(() => server.close())
  return path
}

test('status', async (t) => {
  const answer = await askSnooper(await listening(t, 3))
  assert.ok(answer.running)
  assert.equal(answer.pid, 42)
  assert.equal(answer.bindings, 3)
  assert.deepEqual(answer.states, { pending: 3 })
  assert.deepEqual(answer.reasons, { 'relay-gone': 3 })
  assert.equal(answer.refused['no-vni'], 0)
})

test('bindings of any number come whole', async (t) => {
  for (const number of [0, 1, 500, 12_345]) {
    const answer = await askBindings(await listening(t, number))
    assert.ok(answer.running)
    assert.equal(answer.bindings.length, number)
  }
})

test('a binding says what, where, since when and why', async (t) => {
  const answer = await askBindings(await listening(t, 1))
  assert.ok(answer.running)
  const [binding] = answer.bindings
  assert.ok(binding)
  const { firstSeen, lastSeen, expires, ...rest } = binding
  assert.deepEqual(rest, {
    ...{ vni: 101, ip: '10.0.0.1', mac: VM1, port: 'tap1', vlan: 0, router: false, seq: 0 },
    ...{ state: 'pending', reason: 'relay-gone', evidence: 'arp-request' },
  })
  assert.ok(Math.abs(firstSeen - Date.now()) < 60_000)
  assert.ok(Math.abs(lastSeen - firstSeen) <= 1)
  const third = TAP1.ageingMs / 3
  assert.ok(expires - lastSeen >= 0.9 * third - 1 && expires - lastSeen <= third + 1, 'the first probe')
})

test('questions on top of one another, and none at all, end the connection with a reason', async (t) => {
  const path = await listening(t, 5000)
  const table = frame(proto.ToSnoop.encode({ getBindings: {} }).finish())
  const nothing = frame(proto.ToSnoop.encode({}).finish())
  for (const [bytes, why] of [
    [Buffer.concat([table, table, table]), 'one question at a time'],
    [nothing, 'the message asks nothing that is known here'],
  ] as const) {
    const socket = connect(path)
    socket.write(bytes)
    const chunks: Buffer[] = []
    for await (const chunk of socket) chunks.push(chunk as Buffer)
    assert.ok(Buffer.concat(chunks).includes(why))
  }
})
