// Bridges and ports in a network namespace of the test's own.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import koffi from 'koffi'
import { arpAnnouncement } from '../../lab/frames.js'
import { enterNewNetworkNamespace, ip } from '../rtnetlink/namespace.js'
import { openSender } from '../snoop/packet.js'

const ifNameToIndex = koffi.load('libc.so.6').func('unsigned int if_nametoindex(const char *name)') as (
  name: string,
) => number

/** The index of a device in the network namespace of this thread. */
export function ifindexOf(name: string): number {
  const ifindex = ifNameToIndex(name)
  assert.notEqual(ifindex, 0, `device ${name}`)
  return ifindex
}

/** A new namespace with br0, which has VNI 100 and the ports tap1 and tap2. Only what `speak` sends is heard there. */
export function enterNamespaceWithBridge(): void {
  enterNewNetworkNamespace()
  for (const scope of ['all', 'default']) writeFileSync(`/proc/sys/net/ipv6/conf/${scope}/disable_ipv6`, '1')
  ip('link add br0 up type bridge', 'link add vx100 up master br0 type vxlan id 100 local 127.0.0.1 dstport 4789')
  for (const tap of ['tap1', 'tap2'])
    ip(`link add ${tap} up type veth peer name vm-${tap}`, `link set ${tap} master br0`, `link set vm-${tap} up`)
}

export const bridge = (...args: string[]): unknown => execFileSync('bridge', args)

export const VM = '02:00:00:00:00:11'

/** A host behind a port announces itself. */
export function speak(port: string, mac = VM, ipv4 = '10.2.1.11'): void {
  const sender = openSender(ifindexOf(`vm-${port}`))
  sender.send(arpAnnouncement({ mac, ipv4, ipv6: '2001:db8::11' }))
  sender.close()
}
