// Hosts and addresses that move between two nodes which both run macipd, seen from both ends of a fabric of real FRR.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseMac } from '../src/base/address.js'
import { Fabric } from '../lab/fabric.js'
import { RELEASES } from '../lab/frr.js'
import type { Lab } from '../lab/lab.js'
import type { Router } from '../lab/router.js'
import type { Vm } from '../lab/vm.js'

const MOVES = 10
const VIP = '10.2.1.50'

/** A frame without any address but its MACs: "IEEE Std 802 - Local Experimental Ethertype". */
function dataFrame(from: Vm, to: Vm): Buffer {
  const frame = Buffer.alloc(60)
  parseMac(to.mac)?.copy(frame)
  parseMac(from.mac)?.copy(frame, 6)
  frame.writeUInt16BE(0x88b5, 12)
  return frame
}

/** Waits until this node and nobody else advertises a VM's MAC, alone and with each IP, with this sequence number. */
async function advertised(lab: Lab, node: Router, vm: Vm, sequence: number, ...more: string[]): Promise<void> {
  for (const ip of [undefined, vm.ipv4, vm.ipv6, ...more]) {
    await lab.waitFor(
      `${node.name} to advertise ${vm.mac} ${ip ?? ''} with ${sequence}`,
      async () => (await lab.advertisedBy(node, vm.mac, ip)).sequence,
      (found) => found === sequence,
    )
  }
}

/** Waits until the node knows and tells nothing but these addresses of its own VMs. No move was taken for a quarrel. */
async function hasOnly(lab: Lab, node: Router, ...ips: string[]): Promise<void> {
  const all = (await node.bindings()).map(({ ip }) => ip)
  assert.deepEqual(all.sort(), [...ips].sort())
  const { states, duplicates, refused } = await node.snoopStatus()
  assert.deepEqual([states['active'] ?? 0, duplicates, refused['duplicate']], [ips.length, 0, 0])
  await lab.waitFor(
    `the relay of ${node.name} to have ${ips.length} entries`,
    async () => ((await node.macipctl('status')) as { relay: { overlayEntries: number; announced: number } }).relay,
    ({ overlayEntries, announced }) => overlayEntries === ips.length && announced === ips.length,
  )
}

for (const frr of RELEASES) {
  test(`FRR ${frr}: a VM moves there and back, ten times, and once in silence; then an address fails over`, async () => {
    await using fabric = await Fabric.start({ frr, both: true })
    const { lab, near, far, vm, farVm } = fabric
    vm.announce()
    farVm.announce()
    await advertised(lab, near, vm, 0)
    for (let move = 1; move <= MOVES; move++) {
      const to = vm.router === near ? far : near
      // in two of four moves the new node knows the VM before its old port goes
      await fabric.move(vm, to, move % 4 < 2 ? { until: () => lab.advertisedBy(to, vm.mac) } : {})
      await advertised(lab, to, vm, move)
      for (const ip of [vm.ipv4, vm.ipv6]) await lab.waitForPing(farVm, ip)
    }
    await advertised(lab, far, farVm, 0)
    for (const node of [near, far]) assert.equal((await node.macipRoutes()).length, 6)
    await hasOnly(lab, near, vm.ipv4, vm.ipv6)
    await hasOnly(lab, far, farVm.ipv4, farVm.ipv6)

    // the new node knows the MAC from one frame, and asks for the addresses that it had
    const until = async (): Promise<void> => {
      vm.send(dataFrame(vm, farVm))
      await advertised(lab, far, vm, MOVES + 1)
      const [binding] = await near.bindings(vm.ipv4)
      assert.equal(binding?.state, 'remote')
    }
    await fabric.move(vm, far, { announce: false, until })
    await lab.waitFor(
      'the old node to forget it',
      () => near.bindings(),
      (bindings) => bindings.length === 0,
    )
    await advertised(lab, far, vm, MOVES + 1)

    // a standby takes an address over from the other node
    const standby = await fabric.addVm(near)
    standby.announce()
    await advertised(lab, near, standby, 0)
    await farVm.take(VIP)
    farVm.claim(VIP)
    await advertised(lab, far, farVm, 0, VIP)
    await farVm.giveUp(VIP)
    await standby.take(VIP)
    standby.claim(VIP)
    await advertised(lab, near, standby, 1, VIP)
    await lab.advertisedByNobody(farVm.mac, VIP)
    // its former owner is asked, and does not object
    await lab.waitFor(
      'the former node to forget it',
      () => far.bindings(VIP),
      (bindings) => bindings.length === 0,
    )
    await advertised(lab, far, farVm, 0)

    // zebra counts on from what the far node was told
    await fabric.move(standby, far)
    standby.claim(VIP)
    await advertised(lab, far, standby, 2, VIP)
    await lab.waitForPing(farVm, VIP)
    await hasOnly(lab, near)
    await hasOnly(lab, far, ...[vm, farVm, standby].flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6]), VIP)
  })
}
