// Hosts behind an Ethernet segment that this node and another one have: a MAC that both announce is no move, and no claim.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { MacIpFlag } from '../../src/base/macip-flags.js'
import { DUPLICATES, KEY1, KEY2, TAP1, VM1, VM2, claim, driven, evidence, remote, report } from './build.js'

const synced = (mac: string, ip: string | undefined, seq = 0, gone = false) =>
  remote(mac, ip, seq, gone, MacIpFlag.SYNC_PATH)
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
    startsWith(send(claim()), 'probe')
    const lines = wait(DUPLICATES.confirmMs)
    assert.deepEqual(
      lines.filter((line) => !line.includes('probe')).map((line) => line.replace(/^\d+s /, '').split(' 10.')[0]),
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
})
