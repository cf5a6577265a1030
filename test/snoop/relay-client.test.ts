import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Entry } from '../../src/bindings/model.js'
import { overlay as proto } from '../../src/gen/overlay.js'
import { RelayClient } from '../../src/snoop/relay-client.js'
import { fromEpoch } from '../../src/base/clock.js'
import { Awaited, silent, tempDir } from '../support.js'
import { FakeRelay, keyOf } from './fake-relay.js'

const VM1 = 'bc:24:11:00:00:01'
const VM2 = 'bc:24:11:00:00:02'
const entry = (ip: string, mac = VM1): Entry => ({
  ...{ vni: 100, mac, ip, router: false, port: 'tap1', vlan: 0, minSeq: 0, observe: false },
  ...{ firstSeen: fromEpoch(1_000_000), lastSeen: fromEpoch(2_000_000) },
})

/** A client whose table is a map; events are written down, one line each. */
class Table extends Awaited {
  readonly entries = new Map<string, Entry>()
  readonly heard: string[] = []
  readonly client: RelayClient

  constructor(t: TestContext, path: string) {
    super()
    const hear = (line: string): void => {
      this.heard.push(line)
      this.changed()
    }
    this.client = new RelayClient(
      path,
      'test',
      {
        onConnected: () => {
          hear('connected')
        },
        onLost: () => {
          hear('lost')
        },
        onHandedBack: (entries) => {
          for (const { vni, mac, ip, port, firstSeen } of entries) {
            hear(`handed back ${vni} ${mac} ${ip} ${port} ${Math.round((firstSeen - fromEpoch(0)) / 1000)}`)
          }
        },
        onReport: ({ ip }, status, seq) => {
          hear(`report ${ip} ${status} ${seq}`)
        },
        onViewsReset: () => {
          hear('views reset')
        },
        onViewChange: (change) => {
          hear(`view ${JSON.stringify(change)}`)
        },
        onSynced: () => {
          hear('synced')
        },
        entries: () => this.entries.values(),
      },
      silent,
    )
    t.after(() => {
      this.client.close()
    })
  }

  put(entry: Entry): void {
    this.entries.set(entry.ip, entry)
    this.client.put(entry)
  }

  remove(entry: Entry): void {
    this.entries.delete(entry.ip)
    this.client.remove(entry)
  }
}

test('a new connection: own, what the relay has, then everything there is, then reconciled', async (t) => {
  const path = join(tempDir(t), 'relay.sock')
  const relay = await FakeRelay.listen(t, path)
  relay.views = [
    { vni: { vni: 100, tenantVrf: 7 } },
    { mac: { key: keyOf({ vni: 100, mac: VM2, ip: '10.0.0.254' }), flags: 2 } },
  ]
  relay.hold({ vni: 100, mac: VM1, ip: '10.0.0.1' }, { port: 'tap1', firstSeen: 5000, lastSeen: 6000 })
  const table = new Table(t, path)
  table.put(entry('10.0.0.2'))
  table.client.start()
  await relay.until(() => relay.told.includes('reconciled'))
  assert.deepEqual(table.heard.slice(0, 7), [
    'connected',
    'views reset',
    'view {"type":"vni","vni":100,"gone":false,"tenantVrf":7}',
    `view {"type":"macip","by":"zebra","vni":100,"mac":"${VM2}","ip":"10.0.0.254","gone":false,"flags":2,"seq":0}`,
    `handed back 100 ${VM1} 10.0.0.1 tap1 5`,
    'report 10.0.0.1 announced 7',
    'synced',
  ])
  assert.deepEqual(relay.told, ['own', `put 100 ${VM1} 10.0.0.2`, 'reconciled'])
  const stored = relay.overlay.get(`100 ${VM1} 10.0.0.2`)
  assert.equal(Math.round((stored?.firstSeen ?? 0) / 1000), 1000, 'times are since the epoch at the relay')
  await table.until(() => table.heard.includes('report 10.0.0.2 announced 7'))
})

test('single changes keep their order', async (t) => {
  const path = join(tempDir(t), 'relay.sock')
  const relay = await FakeRelay.listen(t, path)
  const table = new Table(t, path)
  table.client.start()
  await relay.until(() => relay.told.includes('reconciled'))
  table.put(entry('10.0.0.1'))
  table.remove(entry('10.0.0.1'))
  table.put(entry('10.0.0.1', VM2))
  table.put(entry('10.0.0.3'))
  await relay.until(() => relay.told.length === 6)
  assert.deepEqual(relay.told.slice(2), [
    `put 100 ${VM1} 10.0.0.1`,
    `remove 100 ${VM1} 10.0.0.1`,
    `put 100 ${VM2} 10.0.0.1`,
    `put 100 ${VM1} 10.0.0.3`,
  ])
})

test('a relay that is not there yet is waited for; one that comes back is told everything again', async (t) => {
  const path = join(tempDir(t), 'relay.sock')
  const table = new Table(t, path)
  table.client.start()
  table.put(entry('10.0.0.1'))
  const relay = await FakeRelay.listen(t, path)
  await relay.until(() => relay.told.includes('reconciled'))
  await relay.close()
  await table.until(() => table.heard.includes('lost'))
  assert.equal(table.client.connected, false)
  table.remove(entry('10.0.0.1'))
  table.put(entry('10.0.0.2'))
  relay.told.length = 0
  await relay.listen(path)
  await relay.until(() => relay.told.includes('reconciled'))
  assert.deepEqual(relay.told, ['own', `put 100 ${VM1} 10.0.0.2`, 'reconciled'])
})

test('until everything is handed back only removals are said', async (t) => {
  const path = join(tempDir(t), 'relay.sock')
  const relay = await FakeRelay.listen(t, path)
  relay.slow = true
  relay.hold({ vni: 100, mac: VM1, ip: '10.0.0.1' })
  const table = new Table(t, path)
  table.client.start()
  await table.until(() => table.heard.some((line) => line.startsWith('handed back')))
  table.put(entry('10.0.0.2'))
  table.remove(entry('10.0.0.1'))
  await relay.until(() => relay.told.length === 2)
  assert.deepEqual(relay.told, ['own', `remove 100 ${VM1} 10.0.0.1`])
  relay.say({ synced: {} })
  await relay.until(() => relay.told.includes('reconciled'))
  assert.equal(relay.told[2], `put 100 ${VM1} 10.0.0.2`)
  // the same holds for the next connection
  await relay.close()
  await table.until(() => table.heard.includes('lost'))
  relay.told.length = 0
  await relay.listen(path)
  await table.until(() => table.heard.filter((line) => line === 'connected').length === 2)
  table.put(entry('10.0.0.3'))
  table.remove(entry('10.0.0.3'))
  await relay.until(() => relay.told.length === 2)
  assert.deepEqual(relay.told, ['own', `remove 100 ${VM1} 10.0.0.3`])
})

test('a table of many thousands arrives whole, with changes made meanwhile', async (t) => {
  const path = join(tempDir(t), 'relay.sock')
  const relay = await FakeRelay.listen(t, path)
  const table = new Table(t, path)
  const many = Array.from({ length: 20_000 }, (_, index) => entry(`10.1.${index >> 8}.${index & 255}`))
  for (const each of many) table.put(each)
  table.client.start()
  await relay.until(() => relay.told.length > 2000)
  const first = many[0] ?? assert.fail()
  const last = many.at(-1) ?? assert.fail()
  table.remove(first)
  table.remove(last)
  await relay.until(() => relay.told.includes('reconciled') && relay.told.includes(`remove 100 ${VM1} ${last.ip}`))
  assert.equal(relay.overlay.size, many.length - 2)
})

test('bytes that are no message, and addresses of wrong length, only cost the connection', async (t) => {
  const path = join(tempDir(t), 'relay.sock')
  const relay = await FakeRelay.listen(t, path)
  const table = new Table(t, path)
  table.client.start()
  await relay.until(() => relay.told.includes('reconciled'))
  const wrong: proto.FromRelay.$Properties[] = [
    { views: { changes: [{ mac: { key: { vni: 1, mac: Buffer.alloc(5) } } }] } },
    { views: { changes: [{ remote: { key: { vni: 1, mac: Buffer.alloc(6), ip: Buffer.alloc(5) } } }] } },
    { views: { changes: [{}] } },
    { handedBack: { entries: [{}] } },
    { states: { states: [{ status: proto.EntryStatus.ANNOUNCED }] } },
  ]
  for (const message of wrong) {
    const before = relay.told.length
    relay.say(message)
    await relay.until(() => relay.told.slice(before).includes('reconciled'))
  }
  assert.equal(table.heard.filter((line) => line === 'lost').length, wrong.length)
})

test('after close nothing is tried again', async (t) => {
  const path = join(tempDir(t), 'relay.sock')
  const relay = await FakeRelay.listen(t, path)
  const table = new Table(t, path)
  table.client.start()
  await relay.until(() => relay.told.includes('reconciled'))
  table.client.close()
  await relay.until(() => !relay.owned)
  assert.equal(relay.told.filter((line) => line === 'own').length, 1)
})
