// How soon the whole fabric agrees who has an address.
import type { TestContext } from 'node:test'
import type { Fabric } from '../../lab/fabric.js'
import type { Vm } from '../../lab/vm.js'
import { formatIp } from '../../src/base/address.js'

/** Whether an IPv4 host says that it has the address, in a request or a reply (RFC 5227 3). */
const isAnnouncement = (frame: Buffer, ip: string): boolean =>
  frame.readUInt16BE(12) === 0x0806 &&
  formatIp(frame.subarray(28, 32)) === ip &&
  formatIp(frame.subarray(38, 42)) === ip

/**
 * Waits until the node of this VM, and no other one, announces the address with `mac`, and tells how long that was after
 * the VM announced it. `change` makes the VM do so.
 */
export async function hasConverged(
  { lab }: Fabric,
  t: TestContext,
  { vm, ip, mac = vm.mac }: { vm: Vm; ip: string; mac?: string },
  change: () => Promise<unknown>,
): Promise<void> {
  using wire = vm.capture()
  const changed = change()
  await wire.waitForFrame(`an announcement of ${ip}`, ({ bytes, outgoing }) => outgoing && isAnnouncement(bytes, ip))
  const begin = performance.now()
  await Promise.all([changed, lab.advertisedBy(vm.router, mac, ip)])
  t.diagnostic(`${vm.name} has ${ip} after ${Math.round(performance.now() - begin)} ms`)
}
