// What macipd is for, seen from the far node of a fabric of real FRR daemons.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fabric } from '../lab/fabric.js'
import { arpRequest, neighborSolicitation } from '../lab/frames.js'
import { RELEASES } from '../lab/frr.js'
import type { CapturedFrame } from '../lab/packet-socket.js'
import { waitFor } from '../lab/wait.js'
import { ControlPeer } from './relay/rig.js'

const isArp = ({ bytes }: CapturedFrame, operation: number): boolean =>
  bytes.readUInt16BE(12) === 0x0806 && bytes.readUInt16BE(20) === operation
const isNd = ({ bytes }: CapturedFrame, type: number): boolean =>
  bytes.readUInt16BE(12) === 0x86dd && bytes[54] === type
const [ARP_REQUEST, ARP_REPLY, NEIGHBOR_SOLICITATION, NEIGHBOR_ADVERTISEMENT] = [1, 2, 135, 136]

for (const frr of RELEASES) {
  test(`FRR ${frr}: ARP and ND of a VM become MAC+IP routes at the far node, are answered there, and go with its port`, async () => {
    await using fabric = await Fabric.start({ frr })
    const { lab, near, far, vm, farVm } = fabric
    await using monitor = await near.monitor('neigh')
    assert.equal(await near.exec(['ip', '-o', 'address', 'show', 'dev', 'br0']), '')

    const relay = await ControlPeer.connect(near.path('/run/macipd/relay.sock'))
    const { release, injecting } = await relay.status()
    relay.socket.destroy()
    assert.deepEqual({ release, injecting }, { release: frr, injecting: true })

    const routes = await fabric.learn()
    for (const route of routes) assert.equal(route.nextHop, near.address)
    for (const ip of [vm.ipv4, vm.ipv6]) {
      const neighbour = (): Promise<string> => far.exec(['ip', 'neigh', 'show', ip, 'dev', 'br0'])
      await lab.waitFor(`${far.name} to have ${ip} as a neighbour`, neighbour, (text) => text.includes(vm.mac))
    }

    using nearWire = vm.capture('eth0')
    using farWire = farVm.capture('eth0')
    const answered = (what: string, is: (frame: CapturedFrame) => boolean): Promise<unknown> =>
      waitFor(
        `${what} for the far VM`,
        () => farWire.frames(),
        (frames) => frames.some((frame) => !frame.outgoing && is(frame)),
      )
    farVm.sendFrames([arpRequest(farVm, vm.ipv4), neighborSolicitation(farVm, vm.ipv6)])
    await answered('an ARP reply', (frame) => isArp(frame, ARP_REPLY))
    await answered('a neighbour advertisement', (frame) => isNd(frame, NEIGHBOR_ADVERTISEMENT))
    // an unknown address is asked for across the tunnel: what was sent before it would have arrived by then
    farVm.send(arpRequest(farVm, '10.2.1.99'))
    const crossed = await waitFor(
      'the question that nobody answers',
      () => nearWire.frames(),
      (frames) => frames.some((frame) => !frame.outgoing && isArp(frame, ARP_REQUEST)),
    )
    assert.equal(crossed.filter((frame) => !frame.outgoing && isArp(frame, ARP_REQUEST)).length, 1)
    assert.equal(crossed.filter((frame) => !frame.outgoing && isNd(frame, NEIGHBOR_SOLICITATION)).length, 0)

    await near.ip(`link set ${vm.port} down`)
    await fabric.farRoutes([])

    // no kernel neighbour was ever written on the near node
    assert.equal(await near.exec(['ip', 'neigh', 'show', 'dev', 'br0']), '')
    assert.deepEqual(
      monitor.lines.filter((release) => release.includes(`lladdr ${vm.mac}`) && release.includes('dev br0')),
      [],
    )
  })
}
