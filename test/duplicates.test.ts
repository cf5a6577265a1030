// Two hosts, one address, on two nodes and on two ports of one node, in a fabric of real FRR daemons. Like real hosts
// they go on telling everyone that they have it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fabric } from '../lab/fabric.js'
import { RELEASES } from '../lab/frr.js'
import type { JsonLines } from '../lab/json-lines.js'
import type { Lab } from '../lab/lab.js'
import type { Router } from '../lab/router.js'
import type { Vm } from '../lab/vm.js'
import { waitFor } from '../lab/wait.js'

const CONFIRM_MS = 300
const config = (more = ''): string => `snoop: {duplicates: {confirm: ${CONFIRM_MS}ms${more}}}\n`

type EventLine = { readonly event: string; readonly time: number; readonly mac: string; readonly detail: string }

/**
 * All tell everyone that they have the address, until one of their nodes believes one of them no longer; resolves to that
 * node. Its event is awaited: the state may have passed again before it is looked at.
 */
async function quarrel(lab: Lab, vms: readonly Vm[], ip: string): Promise<Router> {
  const nodes = [...new Set(vms.map(({ router }) => router))]
  const events = await Promise.all(nodes.map((node) => node.follow('events', ip, '--follow', '--last', 'all')))
  const holding = (): Router | undefined =>
    nodes[events.findIndex((it) => (it.lines() as readonly EventLine[]).some(({ event }) => event === 'held-down'))]
  try {
    await lab.waitFor(
      `a quarrel about ${ip} to be over`,
      () => {
        for (const vm of vms) vm.claim(ip)
        return holding()?.name
      },
      (name) => name !== undefined,
    )
  } finally {
    await Promise.all(events.map((it) => it[Symbol.asyncDispose]()))
  }
  const node = holding()
  assert.ok(node)
  return node
}

/** A VM tells everyone that it has the address until its node, and nobody else, advertises it. */
function regain(lab: Lab, vm: Vm, ip: string): Promise<unknown> {
  return lab.waitFor(
    `${vm.name} to have ${ip}`,
    () => {
      vm.claim(ip)
      return lab.routesOf(vm.mac, ip)
    },
    (views) => views.every(([route]) => route?.nextHop === vm.router.address),
  )
}

/** Waits for events of an address. */
function happened(events: JsonLines, ...names: readonly string[]): Promise<readonly EventLine[]> {
  return waitFor(
    `${names.join(', ')} to happen`,
    () => events.lines() as readonly EventLine[],
    (lines) => names.every((name) => lines.some(({ event }) => event === name)),
  )
}

for (const frr of RELEASES) {
  test(`FRR ${frr}: two VMs on two nodes claim one address: the first one keeps it, and that is all`, async () => {
    await using fabric = await Fabric.start({
      ...{ frr, both: true },
      near: { config: config() },
      far: { config: config() },
    })
    const { lab, near, far, vm, farVm } = fabric
    const vms = [vm, farVm]
    /** However often they repeat it, each node sends one UPDATE, for an address that nobody disputes. */
    let marker = 200
    const assertStable = async (ip: string): Promise<void> => {
      const before = await Promise.all([near.updatesSent(), far.updatesSent()])
      for (let round = 0; round < 20; round++) for (const it of vms) it.claim(ip)
      for (const it of vms) {
        const undisputed = `10.2.1.${marker++}`
        it.claim(undisputed)
        await lab.advertisedBy(it.router, it.mac, undisputed)
      }
      const after = await Promise.all([near.updatesSent(), far.updatesSent()])
      assert.deepEqual(
        after.map((count, index) => count - (before[index] ?? NaN)),
        [1, 1],
      )
    }

    const disputed = '10.2.1.50'
    for (const it of vms) await it.take(disputed)
    vm.claim(disputed)
    await lab.advertisedBy(near, vm.mac, disputed)
    assert.equal(await quarrel(lab, vms, disputed), far)
    await lab.advertisedBy(near, vm.mac, disputed)
    await lab.advertisedByNobody(farVm.mac, disputed)
    await assertStable(disputed)
    assert.ok(far.daemon('snoop').log().includes('"msg":"a host claims addresses of others, and is not believed"'))
    const [heldDown, ...others] = (await far.snoopStatus()).heldDown
    assert.deepEqual([heldDown?.mac, heldDown?.port, others], [farVm.mac, farVm.port, []])
    await using events = await far.follow('events', disputed, '--follow', '--last', 'all')
    const [refused] = (await happened(events, 'held-down')).filter(({ event }) => event === 'held-down')
    assert.deepEqual([refused?.mac, refused?.detail], [farVm.mac, vm.mac])

    // one of them gives it up, and the operator says so: the other one has it, and no node takes that for a quarrel
    await vm.giveUp(disputed)
    await far.macipctl('clear', 'duplicate', disputed)
    await regain(lab, farVm, disputed)
    await lab.advertisedByNobody(vm.mac, disputed)
    await lab.waitFor(
      'the former node to forget it',
      () => near.bindings(disputed),
      (bindings) => bindings.length === 0,
    )
    for (const node of [near, far]) assert.equal((await node.snoopStatus()).heldDowns, 0)

    // both at the same moment, and neither answers for it: one node forgets it, and the other one goes on telling
    const unanswered = '10.2.1.52'
    await using nearEvents = await near.follow('events', unanswered, '--follow', '--last', 'all')
    await using farEvents = await far.follow('events', unanswered, '--follow', '--last', 'all')
    for (const it of vms) it.claim(unanswered)
    for (const it of [nearEvents, farEvents]) await happened(it, 'learned')
    const forgot = (it: JsonLines): boolean => (it.lines() as EventLine[]).some(({ event }) => event === 'withdrawn')
    await lab.waitFor(
      'one of the nodes to forget it',
      () => [nearEvents, farEvents].filter(forgot).length,
      (count) => count === 1,
    )
    const [holder, silent] = forgot(farEvents) ? [vm, farVm] : [farVm, vm]
    await lab.advertisedBy(holder.router, holder.mac, unanswered)
    await lab.advertisedByNobody(silent.mac, unanswered)

    // both at the same moment
    const tied = '10.2.1.51'
    for (const it of vms) await it.take(tied)
    const before = await Promise.all([near.updatesSent(), far.updatesSent()])
    for (const it of vms) it.claim(tied)
    const loser = await quarrel(lab, vms, tied)
    const [keeper, kept, lost] = loser === far ? [near, vm, farVm] : [far, farVm, vm]
    await lab.advertisedBy(keeper, kept.mac, tied)
    await lab.advertisedByNobody(lost.mac, tied)
    const after = await Promise.all([near.updatesSent(), far.updatesSent()])
    // a turn is a few of them: routes of the MAC and its addresses with another number, and one that is withdrawn
    for (const [index, count] of after.entries()) assert.ok(count - (before[index] ?? NaN) <= 30)
    await assertStable(tied)
  })

  test(`FRR ${frr}: two VMs on one node claim one address: the first one keeps it, until it hands it to the other`, async () => {
    await using fabric = await Fabric.start({ frr, near: { config: config() } })
    const { lab, near, far, vm } = fabric
    const other = await fabric.addVm()
    const ip = '10.2.1.50'
    await using events = await near.follow('events', ip, '--follow', '--last', 'all')
    for (const it of [vm, other]) await it.take(ip)
    vm.claim(ip)
    await lab.advertisedBy(near, vm.mac, ip)
    await quarrel(lab, [vm, other], ip)
    await lab.advertisedBy(near, vm.mac, ip)
    await lab.advertisedByNobody(other.mac, ip)
    const quarrels = await happened(events, 'contested', 'defended', 'held-down')
    assert.deepEqual(
      quarrels.filter(({ event }) => event === 'withdrawn' || event === 'taken-over'),
      [],
    )
    await near.macipctl('clear', 'duplicate', ip)
    await happened(events, 'released')

    // the former owner has given it up: it stays announced while it is asked
    await using dump = await near.follow('zapi', 'dump', '--follow', '--last', 'all', '--ip', ip)
    await vm.giveUp(ip)
    other.claim(ip)
    await lab.advertisedBy(near, other.mac, ip)
    await lab.advertisedByNobody(vm.mac, ip)
    const lines = await happened(events, 'taken-over')
    const takenOver = lines.findLast(({ event }) => event === 'taken-over')
    const contested = lines.findLast(({ event }) => event === 'contested')
    assert.ok(takenOver && contested)
    assert.ok(takenOver.time - contested.time >= CONFIRM_MS - 1)
    await waitFor(
      'the withdrawal and the announcement',
      () => dump.lines().flatMap(told).slice(-2),
      (last) => last.join() === [`ZEBRA_MACIP_DEL ${vm.mac}`, `ZEBRA_MACIP_ADD ${other.mac}`].join(),
    )
    await lab.waitFor(
      'the far node to have the new owner',
      () => far.neighbours(),
      (all) => all.filter(({ dst, lladdr }) => dst === ip && lladdr === other.mac).length === 1,
    )
  })
}

/** A message to bgpd about a MAC-IP, as `COMMAND MAC`. */
function told(line: unknown): string[] {
  const { type, direction, command, fields } = line as Record<string, unknown>
  if (type !== 'message' || direction !== 'to-bgpd') return []
  return [`${String(command)} ${String((fields as { mac?: unknown }).mac)}`]
}
