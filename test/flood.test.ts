// A VM that claims thousands of addresses as fast as it can, on a fabric of real FRR daemons: it uses up its own share and
// nobody else's, and all of it is gone when it stops.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { isIPv4 } from 'node:net'
import { flood } from '../lab/load.js'
import { hosts } from '../lab/hosts.js'
import type { Explained } from '../src/cli/explain/facts.js'
import type { BindingReport, PortReport, SnooperReport } from '../src/cli/report.js'
import { Fabric } from '../lab/fabric.js'
import { arpAnnouncement, neighborAdvertisement } from '../lab/frames.js'
import type { Release } from '../lab/frr.js'
import type { Router } from '../lab/router.js'
import type { Vm } from '../lab/vm.js'
import { PATIENCE } from '../lab/wait.js'

/** What a flood meets, the eBPF program, the limits and the table, is the same beside every release. */
const RELEASE: Release = '10.7'
const ADDRESSES = 10_000
const SOURCES = 1500
const PER_MAC = 128
const PER_PORT = 256
/** What is claimed and has nobody behind it is gone after this; within it, all may be asked three times. */
const AGE_S = 20 * PATIENCE
const CONFIG = `snoop:
  age: ${AGE_S}s
  probeRate: {perPort: 1000}
  limits: {perPort: {ipv4: ${PER_PORT}, ipv6: ${PER_PORT}}}
`
/** Far above what the tables, the memory of refusals and that of events take when all are full. */
const MAX_GROWTH_MIB = 128
const RECOVERY_MS = 120_000

/** Addresses of both families in a list of bindings. */
const families = (bindings: readonly BindingReport[]): { ipv4: number; ipv6: number } => {
  const ipv4 = bindings.filter(({ ip }) => isIPv4(ip)).length
  return { ipv4, ipv6: bindings.length - ipv4 }
}

const portOf = ({ ports }: SnooperReport, { port }: Vm): PortReport => {
  const found = ports.find(({ name }) => name === port)
  assert.ok(found)
  return found
}

/** Hosts with MACs of their own behind a VM's port announce themselves; resolves when the far node has their routes. */
async function announceHosts({ lab, far }: Fabric, vm: Vm, first: number): Promise<void> {
  const all = hosts(first, 20)
  vm.sendFrames(all.flatMap((host) => [arpAnnouncement(host), neighborAdvertisement(host)]))
  await lab.waitFor(
    `${far.name} to have the routes of ${all.length} hosts from number ${first} on`,
    async () => new Set((await far.macipRoutes()).map(({ mac, ip }) => `${mac} ${ip ?? ''}`)),
    (routes) => all.every(({ mac, ipv4, ipv6 }) => routes.has(`${mac} ${ipv4}`) && routes.has(`${mac} ${ipv6}`)),
    { timeoutMs: 60_000 },
  )
}

/** Waits until a VM's port has at least so many bindings. */
function portHas({ lab, near }: Fabric, vm: Vm, count: number): Promise<unknown> {
  return lab.waitFor(
    `${vm.port} to have ${count} bindings`,
    async () => portOf(await near.snoopStatus(), vm).bindings,
    (bindings) => bindings >= count,
  )
}

function residentMib({ pid }: { pid: number }): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kibibytes) / 1024
}

/** The state of a VM's own two addresses. */
const own = async (node: Router, { mac, ipv4, ipv6 }: Vm): Promise<string[]> =>
  (await node.bindings())
    .filter((it) => it.mac === mac && (it.ip === ipv4 || it.ip === ipv6))
    .map(({ ip, reason }) => `${ip} ${reason}`)
    .sort()

test('a VM that claims 10,000 addresses, then with 1,500 MACs, takes nothing from others', async () => {
  await using fabric = await Fabric.start({ frr: RELEASE, near: { config: CONFIG } })
  const { lab, near, vm } = fabric
  const other = await fabric.addVm()
  await fabric.learn()
  const kept = [`${vm.ipv4} announced`, `${vm.ipv6} announced`].sort()
  await announceHosts(fabric, other, 50_000)
  const before = residentMib(near.daemon('snoop'))

  // while it claims, the hosts of another port are learned, and their routes appear
  const learned = Promise.all([announceHosts(fabric, other, 51_000), portHas(fabric, vm, 2 * PER_MAC)])
  await flood(vm, { addresses: ADDRESSES, until: learned })
  await learned
  // IPv4 by ARP and IPv6 by neighbour advertisements: each has its own limit
  const ofVm = (await near.bindings()).filter(({ port }) => port === vm.port)
  assert.deepEqual(families(ofVm), { ipv4: PER_MAC, ipv6: PER_MAC })
  assert.deepEqual(new Set(ofVm.map(({ mac }) => mac)), new Set([vm.mac]))
  assert.deepEqual(await own(near, vm), kept)
  const first = await near.snoopStatus()
  // many did not even leave the kernel, and only those of that port
  assert.ok(portOf(first, vm).limited > 0)
  assert.equal(portOf(first, other).limited, 0)
  assert.equal(first.frames['ring-full'], 0)
  assert.ok((first.refused['mac-limit'] ?? 0) > 0)
  const { refusals } = (await near.explain(vm.mac)) as Explained
  const [refused] = refusals.filter(({ reason }) => reason === 'mac-limit')
  assert.ok(refused?.port === vm.port)
  await assert.rejects(near.explain(refused.ip), /is not known here[^]*mac-limit/)
  await announceHosts(fabric, other, 52_000)

  // the same with a MAC for each address
  const again = Promise.all([announceHosts(fabric, other, 53_000), portHas(fabric, vm, 2 * PER_PORT)])
  await flood(vm, { addresses: SOURCES, macs: 'many', until: again })
  await again
  const full = (await near.bindings()).filter(({ port }) => port === vm.port)
  assert.deepEqual(families(full), { ipv4: PER_PORT, ipv6: PER_PORT })
  const second = await near.snoopStatus()
  assert.ok((second.refused['port-limit'] ?? 0) > 0)
  assert.equal(portOf(second, other).limited, 0)
  await announceHosts(fabric, other, 54_000)
  assert.deepEqual(await own(near, vm), kept)
  assert.ok(residentMib(near.daemon('snoop')) - before < MAX_GROWTH_MIB)

  // nobody answers for what was invented; the VM does for its own, and new hosts find room on its port again
  const left = await lab.waitFor(
    `${vm.port} to have the VM's own addresses only`,
    async () => (await near.bindings()).filter(({ port }) => port === vm.port),
    (bindings) => bindings.length <= 2,
    { timeoutMs: RECOVERY_MS },
  )
  assert.deepEqual(left.map(({ ip }) => ip).sort(), [vm.ipv4, vm.ipv6].sort())
  await fabric.farRoutes([vm.ipv4, vm.ipv6])
  await announceHosts(fabric, vm, 55_000)
})
