// An IP that a VM takes over from a VM at the far node, seen from both ends of a fabric of real FRR daemons. The test
// itself owns the overlay: it decides like a snooper.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseIp, parseMac } from '../src/base/address.js'
import { Comparison } from '../src/cli/zapi/replay/check.js'
import { overlay as proto } from '../src/gen/overlay.js'
import { fileRecords } from '../src/record/zapi-records.js'
import { replay } from '../src/relay/replay.js'
import { arpAnnouncement } from '../lab/frames.js'
import { RELEASES } from '../lab/frr.js'
import { Lab } from '../lab/lab.js'
import type { Router } from '../lab/router.js'
import type { Vm } from '../lab/vm.js'
import { ControlPeer } from './relay/rig.js'

const { ANNOUNCED, HELD_REMOTE, OBSERVED } = proto.EntryStatus
const TAKEN = '10.2.1.50'
const OTHER = '10.2.1.51'

/** zebra and bgpd on both nodes, those of n1 through the relay; no snooper. */
async function startFrr(near: Router, far: Router): Promise<void> {
  const nearDaemons = async (): Promise<void> => {
    await near.startZebra()
    await near.startRelay()
    await near.startBgpd({ zapi: '/run/macipd/zserv.api' })
  }
  const farDaemons = async (): Promise<void> => {
    await far.startZebra()
    await far.startBgpd()
  }
  await Promise.all([nearDaemons(), farDaemons()])
}

/** Owns the overlay. */
async function own(near: Router): Promise<ControlPeer> {
  const peer = await ControlPeer.connect(near.path('/run/macipd/relay.sock'))
  peer.say({ own: { client: 'test' } })
  await peer.receive((message) => message.synced)
  return peer
}

/** Puts an entry; resolves when it has the status. */
async function put(
  peer: ControlPeer,
  vm: Vm,
  ip: string,
  more: { minSeq?: number; observe?: boolean },
  expected: proto.EntryStatus,
): Promise<void> {
  const address = parseIp(ip)
  assert.ok(address)
  const key = { vni: 100, mac: parseMac(vm.mac) ?? Buffer.alloc(0), ip: address }
  peer.say({ put: { entries: [{ key, port: vm.port, ...more }] } })
  await status(peer, ip, expected)
}

/** Waits until an entry has the status. */
async function status(peer: ControlPeer, ip: string, expected: proto.EntryStatus): Promise<void> {
  await peer.receive(({ states }) =>
    states?.states?.find(
      ({ key, status: now }) => parseIp(ip)?.equals(key?.ip ?? Buffer.alloc(0)) === true && now === expected,
    ),
  )
}

/** Waits until a node has exactly these routes of a VM: `IP seq`, or `- seq` for the MAC alone. */
function routes(lab: Lab, node: Router, vm: Vm, from: Router, expected: readonly string[]): Promise<unknown> {
  return lab.waitFor(
    `${node.name} to have ${expected.join(', ') || 'nothing'} of ${vm.mac} behind ${from.name}`,
    async () =>
      (await node.macipRoutes())
        .filter(({ mac, nextHop }) => mac === vm.mac && nextHop === from.address)
        .map(({ ip, sequence }) => `${ip ?? '-'} ${sequence}`)
        .sort(),
    (found) => found.join() === [...expected].sort().join(),
  )
}

/** Whether the relay of today does what the recorded one did. */
function checkJournal(near: Router): void {
  const comparison = new Comparison()
  const records = fileRecords(readFileSync(near.path('/run/macipd/journal')))
  for (const act of replay(records, { configured: undefined, entries: [] })) comparison.add(act)
  assert.deepEqual(comparison.differences(false), [])
}

for (const frr of RELEASES) {
  test(`FRR ${frr}: an IP is taken over from the far node, lost to it, and taken over again`, async () => {
    await using lab = await Lab.start({ frr })
    const [near, far] = lab.nodes
    const [vm, farVm] = lab.vms
    await startFrr(near, far)
    await lab.converged()
    const nearRoutes = (...expected: string[]): Promise<unknown> => routes(lab, far, vm, near, expected)
    const farRoutes = (...expected: string[]): Promise<unknown> => routes(lab, near, farVm, far, expected)
    const atFar = `neigh replace ${TAKEN} lladdr ${farVm.mac} dev br0 nud reachable`

    // the far VM has the address, with sequence number 0; zebra itself knows one of the near VM's
    const { mac, ipv6 } = farVm
    farVm.send(arpAnnouncement({ mac, ipv4: TAKEN, ipv6 }))
    await farRoutes('- 0')
    await far.ip(atFar)
    await farRoutes('- 0', `${TAKEN} 0`)
    vm.send(arpAnnouncement(vm))
    await nearRoutes('- 0')
    await near.ip(`neigh replace ${vm.ipv4} lladdr ${vm.mac} dev br0 nud reachable`)
    await nearRoutes('- 0', `${vm.ipv4} 0`)

    let peer = await own(near)
    await put(peer, vm, OTHER, {}, ANNOUNCED)
    await put(peer, vm, TAKEN, {}, HELD_REMOTE)
    await put(peer, vm, TAKEN, { minSeq: 1, observe: true }, OBSERVED)
    await nearRoutes('- 0', `${vm.ipv4} 0`, `${OTHER} 0`)

    // everything of the MAC is announced with more, and the far node gives the address up
    await put(peer, vm, TAKEN, { minSeq: 1 }, ANNOUNCED)
    await nearRoutes('- 1', `${vm.ipv4} 1`, `${OTHER} 1`, `${TAKEN} 1`)
    await farRoutes('- 0')

    // what zebra says with 0 from now on, bgpd hears with 1
    await near.ip(`neigh replace 10.2.1.52 lladdr ${vm.mac} dev br0 nud reachable`)
    await nearRoutes('- 1', `${vm.ipv4} 1`, `${OTHER} 1`, `${TAKEN} 1`, '10.2.1.52 1')
    await near.ip('neigh del 10.2.1.52 dev br0')
    await nearRoutes('- 1', `${vm.ipv4} 1`, `${OTHER} 1`, `${TAKEN} 1`)
    checkJournal(near)

    // the far VM takes it back: its zebra counts on from what it was told
    await far.ip(atFar)
    await farRoutes('- 2', `${TAKEN} 2`)
    await status(peer, TAKEN, HELD_REMOTE)
    await nearRoutes('- 1', `${vm.ipv4} 1`, `${OTHER} 1`)
    await put(peer, vm, TAKEN, { minSeq: 3 }, ANNOUNCED)
    await nearRoutes('- 3', `${vm.ipv4} 3`, `${OTHER} 3`, `${TAKEN} 3`)
    await farRoutes('- 2')
    checkJournal(near)

    // bgpd comes back and hears all of it from zebra again, with 0; the worker's successor knows what bgpd was told
    await near.kill('bgpd')
    await nearRoutes()
    await near.startBgpd({ zapi: '/run/macipd/zserv.api' })
    await nearRoutes('- 3', `${vm.ipv4} 3`, `${OTHER} 3`, `${TAKEN} 3`)
    await killWorker(lab, near)
    peer = await own(near)
    await put(peer, vm, '10.2.1.53', {}, ANNOUNCED)
    await nearRoutes('- 3', `${vm.ipv4} 3`, `${OTHER} 3`, `${TAKEN} 3`, '10.2.1.53 3')
    checkJournal(near)
    peer.socket.destroy()
  })
}

async function killWorker(lab: Lab, near: Router): Promise<void> {
  const worker = (): number | undefined => near.daemon('relay').children()[0]
  const before = worker()
  assert.ok(before !== undefined && before > 0)
  process.kill(before, 'SIGKILL')
  await lab.waitFor('another worker', worker, (pid) => pid !== undefined && pid !== before)
}
