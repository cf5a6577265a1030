// The cross-check with FPM: what zebra's FPM stream says of MACs and host routes, beside what it says to bgpd.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Input } from '../../src/bindings/input.js'
import type { FpmUpdate } from '../../src/bindings/input.js'
import { claim, driven, type Driven, evidence, KEY1, remote, report, restored, VM1, VM2 } from './build.js'

const IP = '10.0.0.1'
const VTEP = '192.0.2.2'
const PUT = `put 100 ${VM1} ${IP} tap1`
const REMOVE = `remove 100 ${VM1} ${IP}`
const CONFIRM = `probe tap1 ${VM1} ${IP}`
const WITHHELD = { state: 'remote', reason: 'fpm-remote' }

const fpm = (update: FpmUpdate): Input => ({ type: 'fpm', update })
const programmed = (isRemote = true, mac = VM1): Input => fpm({ kind: 'mac', vni: 100, mac, remote: isRemote })
const routed = (ip = IP): Input => fpm({ kind: 'host-route', vni: 100, ip, vtep: VTEP })
const NO_FPM = fpm({ kind: 'none' })

/** zebra announces the MAC as local. */
const local = (seq: number, gone = false, mac = VM1): Input => ({
  type: 'view',
  change: { type: 'macip', by: 'zebra', vni: 100, mac, ip: undefined, gone, flags: 0, seq },
})

/** A host that is announced, with the relay connected and zebra's MAC at sequence number `seq`. */
function announced(seq = 0, changes: Parameters<typeof driven>[0] = {}): Driven {
  const it = driven(changes)
  it.connect()
  it.send(local(seq))
  it.send(evidence({}))
  it.send(report('announced'))
  return it
}

test('a MAC that zebra programmed as remote is not announced as local', () => {
  const { send, seen, noted, table } = announced()
  assert.deepEqual(send(programmed()), [REMOVE])
  assert.deepEqual(seen(), WITHHELD)
  assert.equal(noted.at(-1), 'state')
  assert.deepEqual(send(programmed()), [], 'once said is enough')
  assert.deepEqual(send(evidence({}), 2000), [], 'a frame on a local port, a loop or a spoof, does not change that')
  assert.deepEqual(send(evidence({ ip: '10.0.0.2' })), [], 'nor is another address of the MAC announced')
  assert.equal(table.size, 2, 'they are known all the same')
})

test('… until zebra no longer has it so', () => {
  const { send, seen } = announced()
  send(programmed())
  assert.deepEqual(send(programmed(false)), [PUT])
  assert.deepEqual(seen(), { state: 'pending', reason: 'not-reported' }, 'what the relay said before is of before')
  send(report('announced'))
  assert.equal(seen()?.state, 'active')
})

test('… or until zebra says local with a higher sequence number than any remote route has had since', () => {
  const { send, seen } = announced(3)
  send(remote(VM1, undefined, 4))
  assert.deepEqual(send(programmed()), [REMOVE])
  assert.deepEqual(send(remote(VM1, IP, 6)), [])
  assert.deepEqual(send(local(6)), [], 'an equal one is not higher')
  assert.deepEqual(seen(), WITHHELD)
  assert.deepEqual(send(local(7)), [PUT])
  assert.deepEqual(send(remote(VM1, undefined, 7)), [REMOVE], 'it moves away again: zebra has it programmed still')
})

test('the sequence number of a remote route counts whether it was told before or after FPM, with an IP or without', () => {
  for (const ip of [undefined, '10.0.0.9']) {
    for (const events of [
      [remote(VM1, ip, 4), programmed()],
      [programmed(), remote(VM1, ip, 4)],
    ]) {
      const { send, seen } = announced(4)
      for (const event of events) send(event)
      assert.deepEqual(seen(), WITHHELD)
      send(local(5))
      assert.notDeepEqual(seen(), WITHHELD)
    }
  }
})

test('a route that is withdrawn counts no more for what is programmed later', () => {
  const { send, seen } = announced(1)
  send(remote(VM1, undefined, 9))
  send(remote(VM1, undefined, 9, true))
  send(programmed())
  assert.equal(seen()?.reason, 'announced')
})

test('zebra forgets a MAC that came back, and counts from 0: what it once programmed does not hold it up', () => {
  const { send, seen } = announced(0)
  send(remote(VM1, undefined, 3))
  send(local(0, true))
  send(programmed())
  send(local(4))
  send(remote(VM1, undefined, 3, true))
  send(local(4, true))
  send(local(0))
  assert.notDeepEqual(seen(), WITHHELD)
  assert.deepEqual(send(remote(VM1, undefined, 0)), [REMOVE], 'the next move is one')
})

test('… also if FPM was late, and told of the first move after the second', () => {
  const { send, seen } = announced(4)
  send(programmed())
  send(local(4, true))
  send(local(0))
  assert.notDeepEqual(seen(), WITHHELD)
})

test('zebra forgets a MAC: that counts even if it is the first that is heard of the VNI since the views are told anew', () => {
  const { send, seen } = announced(0)
  send({ type: 'views-reset' })
  send(programmed())
  send(local(0, true))
  send(local(0))
  assert.notDeepEqual(seen(), WITHHELD)
})

test('a MAC of an Ethernet segment that is here, too, is local whatever was programmed before', () => {
  const { send, seen } = announced(3)
  send(remote(VM1, undefined, 3))
  send(programmed())
  assert.deepEqual(seen(), WITHHELD)
  assert.deepEqual(send(remote(VM1, undefined, 3, false, 0x40)), [PUT])
})

test('what zebra does not announce as local is not suppressedByFpm: the relay does not announce it anyway', () => {
  const { send, seen, connect } = driven()
  connect()
  send(evidence({}))
  assert.deepEqual(send(programmed()), [])
  assert.equal(seen()?.reason, 'not-reported')
  assert.deepEqual(send(local(0)), [REMOVE])
  assert.deepEqual(send(local(0, true)), [PUT])
})

test('another MAC, and the same MAC in another VNI, are not concerned', () => {
  const { send, seen } = announced()
  send(programmed(true, VM2))
  send(fpm({ kind: 'mac', vni: 200, mac: VM1, remote: true }))
  assert.equal(seen()?.reason, 'announced')
})

test('without FPM nothing is suppressedByFpm: what it said before it was lost proves nothing', () => {
  const { send, seen, noted } = announced()
  send(programmed())
  assert.deepEqual(send(NO_FPM), [PUT])
  assert.notDeepEqual(seen(), WITHHELD)
  const before = noted.length
  assert.deepEqual(send(NO_FPM), [])
  assert.equal(noted.length, before)
  assert.deepEqual(send(programmed()), [REMOVE], 'what it says on the next connection counts')
})

test('a host that is learned while its MAC is suppressedByFpm waits', () => {
  const { send, seen, connect } = driven()
  connect()
  send(local(0))
  send(programmed())
  assert.deepEqual(send(evidence({})), [])
  assert.deepEqual(seen(), WITHHELD)
  assert.deepEqual(send(local(1)), [PUT])
})

test('one that the relay hands back is taken from it', () => {
  const { send, connect } = driven()
  connect()
  send(local(0))
  send(programmed())
  assert.deepEqual(send(restored({})), [REMOVE])
  assert.deepEqual(send(restored({})), [REMOVE], 'and as often as it is handed back')
  assert.deepEqual(send(restored({ ip: '10.0.0.2' }, { from: 'file' })), [])
})

test('nobody is asked behind another VTEP; when that is over, asking goes on', () => {
  const { send, wait, table } = announced()
  send(programmed())
  assert.deepEqual(wait(250_000), [])
  assert.equal(table.get(KEY1)?.timer, 'age')
  const [put, ...more] = send(programmed(false))
  assert.deepEqual([put, more], [PUT, []])
  assert.deepEqual(wait(250_001), [`250s ${CONFIRM}`])
})

test('a host that is suppressedByFpm and silent goes with its age', () => {
  const { send, wait, table } = announced()
  send(programmed())
  wait(301_000)
  assert.equal(table.size, 0)
  assert.equal(table.withdrawn.aged, 1)
})

test('a relay that comes back tells its views anew; they are compared with what FPM says', () => {
  const { send, seen, connect } = announced(2)
  send(programmed())
  send(remote(VM1, undefined, 2))
  send({ type: 'relay', connected: false })
  assert.equal(seen()?.reason, 'relay-gone')
  connect()
  assert.deepEqual(send({ type: 'views-reset' }), [PUT], 'which the relay client keeps back until it is in step')
  assert.deepEqual(send(local(2)), [REMOVE])
  assert.deepEqual(seen(), WITHHELD)
  assert.deepEqual(send({ type: 'views-reset' }), [PUT])
  assert.deepEqual(send(local(3)), [])
  assert.equal(seen()?.reason, 'not-reported')
})

test('a VNI that goes takes along what was programmed in it: of a device that is gone FPM says nothing', () => {
  const { send, seen } = announced()
  send(programmed())
  assert.deepEqual(send({ type: 'view', change: { type: 'vni', vni: 100, gone: true, tenantVrf: 0 } }), [PUT])
  send(local(0))
  assert.notDeepEqual(seen(), WITHHELD)
})

test('a report of before does not count, and says nothing of what is suppressedByFpm', () => {
  const { send, seen, noted } = announced()
  send(programmed())
  const before = noted.length
  send(report('shadowed'))
  assert.deepEqual(seen(), WITHHELD)
  assert.equal(noted.length, before)
})

test('static bindings are suppressedByFpm, too; frozen and unconfirmed ones are not put by the end of it', () => {
  const { send, seen, table } = driven()
  send({ type: 'relay', connected: true })
  send({ type: 'static', bindings: [{ vni: 100, mac: VM1, ip: IP, router: false }] })
  send(restored({ ip: '10.0.0.2' }, { from: 'file' }))
  send(local(0))
  assert.deepEqual(send(programmed()), [REMOVE])
  assert.equal(seen({ ...KEY1, ip: '10.0.0.2' })?.reason, 'unconfirmed')
  assert.deepEqual(send(programmed(false)), [`put 100 ${VM1} ${IP} `])
  assert.equal(table.size, 2)
  const frozen = announced(0, { probes: 'off', duplicates: { ...driven().policy.duplicates, moves: 2 } })
  for (const event of [claim(), evidence({})]) frozen.send(event)
  const before = frozen.noted.length
  assert.deepEqual(frozen.send(programmed()), [])
  assert.deepEqual(frozen.send(programmed(false)), [])
  assert.equal(frozen.seen()?.reason, 'duplicate')
  assert.equal(frozen.noted.length, before, 'nothing changes that anybody could see')
})

test('what is remembered of FPM is bounded', () => {
  const { send, table } = announced()
  for (let vni = 1; vni <= 250_001; vni++) table.views.setProgrammed(vni, VM2, true)
  assert.deepEqual(send(programmed()), [], 'no room')
  table.views.setProgrammed(1, VM2, false)
  table.views.setProgrammed(1, VM2, false)
  assert.deepEqual(send(programmed()), [REMOVE])
  send(NO_FPM)
  assert.deepEqual(send(programmed()), [REMOVE])
})

test('a host route to another VTEP: the host is asked, and stays announced meanwhile', () => {
  const { send, seen, wait, noted, table } = announced()
  assert.deepEqual(send(routed(), 2000), [CONFIRM])
  assert.equal(seen()?.state, 'contested')
  assert.deepEqual(wait(2500), [])
  assert.deepEqual(send(evidence({ kind: 'arp-reply' }), 2600), [], 'it answers: the address stays')
  assert.equal(seen()?.reason, 'announced')
  assert.deepEqual(noted.slice(-2), ['contested', 'defended'])
  assert.deepEqual(wait(10_000), [])
  assert.equal(table.get(KEY1)?.moves.length, 0, 'a route is nobody who moved')
  assert.equal(table.refused.defended, 0)
})

test('a host that answers none of three Confirm probes is elsewhere', () => {
  const { send, wait, table } = announced()
  send(routed(), 2000)
  assert.deepEqual(wait(4999), [`3s ${CONFIRM}`, `4s ${CONFIRM}`])
  assert.equal(table.size, 1)
  assert.deepEqual(wait(5000), [`5s ${REMOVE}`])
  assert.equal(table.withdrawn.elsewhere, 1)
  assert.equal(table.contested.size, 0)
})

test('said again while the host is asked, it changes nothing; a claim of another host is decided along with it', () => {
  const { send, wait, table } = announced()
  send(routed(), 2000)
  assert.deepEqual(send(routed(), 2500), [])
  assert.deepEqual(send(claim(), 2600), [])
  wait(5000)
  assert.equal(table.find(100, IP)?.mac, VM2)
  assert.equal(table.withdrawn.elsewhere, 0)
})

test('a route costs nobody the address who cannot be asked: that would be guessing', () => {
  const quiet = announced()
  quiet.send(evidence({ kind: 'arp-probe' }))
  assert.deepEqual(quiet.send(routed()), [], 'the host asks itself')
  assert.ok(!quiet.noted.includes('contested'))

  const asks = announced()
  asks.send(routed(), 2000)
  asks.send(evidence({ kind: 'arp-probe' }), 2100)
  asks.wait(5000)
  assert.equal(asks.seen()?.reason, 'announced', 'the host asks itself now')

  const suppressedByFpm = announced()
  suppressedByFpm.send(routed(), 2000)
  suppressedByFpm.send(programmed(), 2100)
  suppressedByFpm.wait(5000)
  assert.deepEqual(suppressedByFpm.seen(), WITHHELD)
  assert.deepEqual(suppressedByFpm.send(routed()), [])

  const off = announced(0, { probes: 'off' })
  assert.deepEqual(off.send(routed()), [])

  const unseen = driven()
  unseen.send(restored({}, { from: 'file' }))
  assert.deepEqual(unseen.send(routed()), [])

  const fixed = driven()
  fixed.send({ type: 'static', bindings: [{ vni: 100, mac: VM1, ip: IP, router: false }] })
  assert.deepEqual(fixed.send(routed()), [])

  for (const it of [quiet, asks, suppressedByFpm, off, unseen, fixed]) {
    assert.equal(it.table.size, 1)
    assert.equal(it.table.contested.size, 0)
  }
})

test('a route for an address that nobody here has says nothing', () => {
  const { send, table } = announced()
  assert.deepEqual(send(routed('10.0.0.9')), [])
  assert.deepEqual(send(fpm({ kind: 'host-route', vni: 200, ip: IP, vtep: VTEP })), [])
  assert.equal(table.contested.size, 0)
})

test('many routes at once: as many hosts are asked as may be, the others are left to refreshing', () => {
  const { send, table, wait } = driven({ probeRate: { perPort: 8, total: 8 } })
  const ips = Array.from({ length: 50 }, (_, index) => `10.0.1.${index}`)
  for (const ip of ips) send(evidence({ ip }), 0)
  for (const ip of ips) send(routed(ip), 1000)
  assert.ok(table.contested.size > 0 && table.contested.size < 15, `${table.contested.size} are asked`)
  assert.equal(table.refused['confirm-busy'], 50 - table.contested.size)
  wait(20_000)
  assert.ok(table.size >= 35)
  assert.equal(table.contested.size, 0, 'each is asked in the end')
})

test('the VNIs of a tenant, as zebra names its VRF', () => {
  const { send, table } = driven()
  const vni = (id: number, tenantVrf: number, gone = false): void => {
    send({ type: 'view', change: { type: 'vni', vni: id, gone, tenantVrf } })
  }
  const of = (vrf: number): number[] => [...table.views.vnisOfVrf(vrf)]
  vni(100, 7)
  vni(200, 7)
  vni(300, 0)
  assert.deepEqual([of(7), of(0), of(8)], [[100, 200], [300], []])
  vni(200, 8)
  assert.deepEqual([of(7), of(8)], [[100], [200]], 'the VNI has another tenant')
  vni(100, 7, true)
  assert.deepEqual(of(7), [])
  send({ type: 'views-reset' })
  assert.deepEqual([of(8), of(0)], [[], []])
})
