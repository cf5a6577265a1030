// Bridges that know VLANs, one of which is the VNI. Needs a kernel with VLAN filtering.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BindingReport } from '../../src/cli/report.js'
import { bridge, separate, useSingleDevice, VLAN } from './vlans.js'
import { Fabric } from '../../lab/fabric.js'
import { arpAnnouncement, neighborAdvertisement, question } from '../../lab/frames.js'
import { OLDEST_AND_NEWEST, VNI } from '../../lab/frr.js'
import { PacketSocket } from '../../lab/packet-socket.js'
import type { Router } from '../../lab/router.js'
import type { Vm } from '../../lab/vm.js'

/** A member of no VNI. */
const OTHER_VLAN = 20
/** Seconds. Long enough for an emulated machine to ask three times, and to be answered. */
const AGE = 30

const inVlan = (vlan: number): string => `eth0.${vlan}`

/** The VM's port carries both VLANs, tagged; the VM has its addresses in one of them. */
async function trunk(vm: Vm): Promise<void> {
  for (const vlan of [VLAN, OTHER_VLAN]) {
    await bridge(vm.router, `vlan add dev ${vm.port} vid ${vlan}`)
    await vm.ip(`link add link eth0 name ${inVlan(vlan)} type vlan id ${vlan}`, `link set ${inVlan(vlan)} up`)
  }
  await vm.ip(
    'address flush dev eth0',
    `address add ${vm.ipv4}/24 dev ${inVlan(VLAN)}`,
    `address add ${vm.ipv6}/64 dev ${inVlan(VLAN)} nodad`,
  )
}

async function placeOf(node: Router, ip: string): Promise<unknown> {
  const bindings = await node.bindings(ip)
  return bindings.map(({ vni, port, vlan, state }: BindingReport) => [vni, port, vlan, state])
}

for (const frr of OLDEST_AND_NEWEST) {
  test(`FRR ${frr}: hosts behind access and trunk ports of a bridge with VLANs`, async () => {
    await using fabric = await Fabric.start({ frr, near: { snoop: ['--age', `${AGE}`] } })
    const { lab, near, far, vm } = fabric
    await Promise.all([separate(near), separate(far)])

    // untagged
    await fabric.learn(vm)
    assert.deepEqual(await placeOf(near, vm.ipv4), [[VNI, vm.port, 0, 'active']])

    // tagged; what is in no VLAN of a VNI is nobody's business
    const guest = await fabric.addVm(near)
    await trunk(guest)
    using tagged = PacketSocket.open(guest.namespaces, inVlan(VLAN), { receive: true })
    using elsewhere = PacketSocket.open(guest.namespaces, inVlan(OTHER_VLAN), { receive: false })
    const stray = { mac: guest.mac, ipv4: '10.2.1.77', ipv6: guest.ipv6 }
    guest.send(arpAnnouncement(stray))
    elsewhere.send(arpAnnouncement(stray))
    for (const frame of [arpAnnouncement(guest), neighborAdvertisement(guest)]) tagged.send(frame)
    await fabric.farRoutes([guest.ipv4, guest.ipv6], guest)
    assert.deepEqual(await placeOf(near, guest.ipv4), [[VNI, guest.port, VLAN, 'active']])
    assert.deepEqual(await placeOf(near, stray.ipv4), [])
    assert.equal((await near.snoopStatus()).refused['no-vni'], 2)

    // silent hosts are asked in their VLAN, and stay
    const [learned] = await near.bindings(guest.ipv4)
    assert.ok(learned)
    await tagged.waitForFrame('a question for the tagged host', ({ outgoing, bytes }) => {
      return !outgoing && question(bytes)?.ip === guest.ipv4
    })
    await lab.waitFor(
      'its answer',
      () => near.bindings(guest.ipv4),
      ([binding]) => binding !== undefined && binding.lastSeen > learned.lastSeen,
    )
    await fabric.farRoutes([guest.ipv4, guest.ipv6], guest)

    // the port leaves the VLAN
    await bridge(near, `vlan del dev ${guest.port} vid ${VLAN}`)
    await fabric.farRoutes([], guest)
    assert.deepEqual(await placeOf(near, guest.ipv4), [])
    await fabric.farRoutes([vm.ipv4, vm.ipv6])
    if (frr === '8.4') return

    // the VNI goes and is back: the VM is asked, and says nothing by itself
    await useSingleDevice(near)
    await useSingleDevice(far)
    await lab.converged()
    await fabric.farRoutes([vm.ipv4, vm.ipv6])
    assert.deepEqual(await placeOf(near, vm.ipv4), [[VNI, vm.port, 0, 'active']])
  })
}
