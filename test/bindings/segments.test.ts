// Hosts behind an Ethernet segment that this node and another one have: a MAC that both announce is no move, and no claim.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { MacIpFlag } from '../../src/base/macip-flags.js'
import type { Input } from '../../src/bindings/input.js'
import {
  DUPLICATES,
  type Driven,
  KEY1,
  KEY2,
  TAP1,
  TAP2,
  VM1,
  VM2,
  claim,
  driven,
  evidence,
  remote,
  report,
} from './build.js'

const synced = (mac: string, ip: string | undefined, seq = 0, gone = false) =>
  remote(mac, ip, seq, gone, MacIpFlag.SYNC_PATH)
/** zebra announces the host for the other node, as a proxy. */
const proxied = (seq = 0, gone = false): Input => ({
  type: 'view',
  change: { type: 'macip', by: 'zebra', vni: 100, mac: VM1, ip: KEY1.ip, gone, flags: MacIpFlag.PROXY_ADVERT, seq },
})
const put = (mac: string): string => `put 100 ${mac} 10.0.0.1`
const startsWith = (lines: readonly string[], ...starts: readonly string[]): void => {
  assert.deepEqual(
    lines.map((line, index) => line.slice(0, starts[index]?.length)),
    starts,
  )
}

suite('a host on a segment of two nodes', () => {
  test('is not behind another VTEP, is asked, and neither moves nor counts', () => {
    const { send, seen, connect, noted, table } = driven()
    connect()
    send(evidence({}))
    send(report('announced'))
    send(synced(VM1, undefined))
    send(synced(VM1, KEY1.ip))
    assert.equal(seen()?.reason, 'announced')
    // zebra loses the MAC for a moment: with a remote route nobody would be asked
    startsWith(send(report('mac-not-local')))
    assert.equal(seen()?.reason, 'mac-not-local')
    startsWith(send({ type: 'tick' }), 'probe')
    assert.deepEqual([table.find(100, KEY1.ip)?.moves, table.find(100, KEY1.ip)?.minSeq], [[], 0])
    assert.ok(!noted.includes('moved') && !noted.includes('claiming'))
  })

  test('counts as behind another VTEP when the route is no longer that of the segment', () => {
    const { send, seen, connect } = driven()
    connect()
    send(evidence({}))
    send(report('mac-not-local'))
    for (const ip of [undefined, KEY1.ip]) {
      send(synced(VM1, ip))
      assert.equal(seen()?.reason, 'mac-not-local')
      send(remote(VM1, ip))
      assert.equal(seen()?.reason, 'mac-remote')
      send(synced(VM1, ip))
      assert.equal(seen()?.reason, 'mac-not-local')
      send(remote(VM1, ip))
      send(synced(VM1, ip, 0, true))
      assert.equal(seen()?.reason, 'mac-not-local')
    }
  })

  test('loses its address to another one with a higher sequence number, without being asked a second time', () => {
    const { send, wait, connect, table } = driven()
    connect()
    send(evidence({}))
    send(report('announced'))
    // the other node repeats this one's route, as a proxy
    send(remote(VM1, KEY1.ip, 3, false, MacIpFlag.SYNC_PATH | MacIpFlag.PROXY_ADVERT))
    startsWith(send(claim()), 'probe', 'ask-remote')
    const lines = wait(DUPLICATES.confirmMs)
    assert.deepEqual(
      lines.filter((line) => /put|remove/.test(line)).map((line) => line.replace(/^\d+s /, '').split(' 10.')[0]),
      [`remove 100 ${VM1}`, `put 100 ${VM2}`],
    )
    assert.equal(table.get(KEY2)?.minSeq, 4)
    assert.equal(table.get(KEY2)?.phase, 'known')
    assert.equal(table.get(KEY2)?.moves.length, 1)
  })

  test('is asked when another one here claims its address, and keeps it', () => {
    const { send, wait, connect, table, noted } = driven()
    connect()
    send(synced(VM1, KEY1.ip, 3))
    startsWith(send(claim()), 'ask-remote')
    assert.equal(table.find(100, KEY1.ip)?.phase, 'claiming')
    // its answers come to this node; the first alone does not decide, as it may be giving the address up
    assert.deepEqual(send(evidence({})), [])
    assert.equal(table.find(100, KEY1.ip)?.phase, 'claiming')
    wait(DUPLICATES.confirmMs / 2)
    startsWith(send(evidence({})), put(VM1))
    assert.equal(table.find(100, KEY1.ip)?.anchor.ifindex, TAP1.ifindex)
    assert.ok(noted.includes('defended'))
  })

  test('loses its address to one that claims it here when it does not answer', () => {
    const { send, wait, connect, table } = driven()
    connect()
    send(synced(VM1, KEY1.ip, 3))
    send(claim())
    wait(DUPLICATES.confirmMs)
    assert.deepEqual([table.get(KEY2)?.phase, table.get(KEY2)?.minSeq], ['known', 4])
  })

  test('is asked before another one gets an address that only zebra still announces', () => {
    const { send, wait, connect, table } = driven()
    connect()
    send(proxied(3))
    startsWith(send(claim()), `ask-remote ${VM1}`)
    assert.equal(table.find(100, KEY1.ip)?.phase, 'claiming')
    const lines = wait(DUPLICATES.confirmMs)
    assert.ok(lines.at(-1)?.endsWith(`${put(VM2)} tap2 seq>=4`), lines.join())
  })

  test('keeps an address that only zebra still announces when it answers through the tunnel', () => {
    const { send, wait, connect, table, noted } = driven()
    connect()
    send(proxied(3))
    send(claim())
    wait(DUPLICATES.confirmMs / 2)
    send({ type: 'remote-answer', key: KEY1 })
    assert.equal(table.find(100, KEY1.ip), undefined)
    assert.ok(noted.includes('defended'))
  })

  test('loses its address at once when zebra does not announce it any more while it is asked', () => {
    const { send, connect } = driven()
    connect()
    send(proxied(3))
    send(claim())
    startsWith(send(proxied(3, true)), put(VM2))
  })

  test('is asked through the tunnel, too, and keeps its address when its answers take the other link', () => {
    const { send, wait, connect, table, noted } = driven()
    connect()
    send(evidence({}))
    send(report('announced'))
    send(synced(VM1, undefined))
    const asked = ['probe tap1', `ask-remote ${VM1}`]
    startsWith(send(claim()), ...asked)
    // the first answer alone does not decide
    send({ type: 'remote-answer', key: KEY1 })
    assert.equal(table.get(KEY1)?.phase, 'contested')
    startsWith(
      wait(DUPLICATES.confirmMs / 2).map((line) => line.replace(/^\d+s /, '')),
      ...asked,
    )
    assert.deepEqual(send({ type: 'remote-answer', key: KEY1 }), [])
    assert.equal(table.get(KEY1)?.phase, 'known')
    assert.ok(noted.includes('defended'))
  })

  test('says nothing through the tunnel about the port it is behind', () => {
    const { send, connect, table } = driven()
    connect()
    send(evidence({}))
    send(synced(VM1, KEY1.ip))
    startsWith(send(evidence({ anchor: TAP2 })), 'probe tap1')
    send({ type: 'remote-answer', key: KEY1 })
    assert.equal(table.get(KEY1)?.phase, 'contested')
  })
})

// which link an answer takes is up to the hash of the host (LACP)
suite('a host whose answers take the other link', () => {
  const AGE = 300_000
  const TWO_AGES = 2 * AGE
  /** Heard here, and by the other node, which goes on hearing it. */
  const silent = (): Driven => {
    const it = driven()
    it.connect()
    it.send(evidence({}))
    it.send(report('announced'))
    it.send(synced(VM1, KEY1.ip))
    const removed = it.wait(AGE + 5000).filter((line) => line.includes('remove'))
    assert.equal(removed.length, 1, "zebra's announcement as a proxy takes the place of ours")
    return it
  }
  const probesIn = (lines: readonly string[]): number => lines.filter((line) => line.includes('probe')).length

  test('is not withdrawn while the other node hears it, and is still asked', () => {
    const { wait, seen, table, noted } = silent()
    assert.deepEqual(seen(), { state: 'shadowed', reason: 'proxied' })
    const lines = wait(AGE + TWO_AGES)
    const most = TWO_AGES / (AGE / 3) + 2
    assert.ok(probesIn(lines) > 3 && probesIn(lines) <= most, `${probesIn(lines)} questions`)
    assert.equal(table.get(KEY1)?.isProxied, true)
    assert.ok(!noted.includes('withdrawn'))
  })

  test('is announced again when it is heard here', () => {
    const { send, seen } = silent()
    startsWith(send(evidence({})), put(VM1))
    send(report('announced'))
    assert.deepEqual(seen(), { state: 'active', reason: 'announced' })
  })

  for (const [how, change] of [
    ['withdraws it', synced(VM1, KEY1.ip, 0, true)],
    ['becomes a proxy itself', remote(VM1, KEY1.ip, 0, false, MacIpFlag.SYNC_PATH | MacIpFlag.PROXY_ADVERT)],
  ] as const)
    test(`is asked at once when the other node ${how}, and goes within seconds if it is silent`, () => {
      const { send, wait, seen, table } = silent()
      send(change)
      assert.equal(seen()?.reason, 'unconfirmed')
      assert.ok(probesIn(wait(AGE + 10_000)) === 3)
      assert.equal(table.get(KEY1), undefined)
    })

  test('goes when the other node only repeats what this one says', () => {
    const { send, wait, connect, table, noted } = driven()
    connect()
    send(evidence({}))
    send(report('announced'))
    send(remote(VM1, KEY1.ip, 0, false, MacIpFlag.SYNC_PATH | MacIpFlag.PROXY_ADVERT))
    wait(AGE + 5000)
    assert.equal(table.get(KEY1), undefined)
    assert.ok(noted.includes('withdrawn'))
  })

  test('keeps its address when another one claims it here', () => {
    const { send, wait, table } = silent()
    startsWith(send(claim()), 'probe tap1', `ask-remote ${VM1}`)
    wait(AGE + 5000 + DUPLICATES.confirmMs / 2)
    send({ type: 'remote-answer', key: KEY1 })
    assert.deepEqual([table.get(KEY1)?.phase, table.get(KEY1)?.isProxied], ['known', true])
  })

  test('is asked about a claim to the end when the other node withdraws it meanwhile, and the bridge has its MAC', () => {
    const { send, wait, table } = silent()
    send(claim())
    send(synced(VM1, KEY1.ip, 0, true))
    send({ type: 'fdb', vni: 100, mac: VM1, anchor: TAP1 })
    send({ type: 'tick' })
    assert.deepEqual([table.get(KEY1)?.phase, table.contested.size], ['contested', 1])
    wait(AGE + 5000 + DUPLICATES.confirmMs)
    assert.deepEqual([table.get(KEY2)?.phase, table.contested.size], ['known', 0])
  })

  test('loses its address to another one here when it is silent on both links', () => {
    const { send, wait, table } = silent()
    send(claim())
    wait(AGE + 5000 + DUPLICATES.confirmMs)
    assert.deepEqual([table.get(KEY2)?.phase, table.get(KEY2)?.minSeq], ['known', 1])
  })
})
