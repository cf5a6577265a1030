// One VXLAN device for many VNIs: hosts behind other VTEPs are asked through the bridge. Needs a kernel with VLAN filtering.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fabric } from '../../lab/fabric.js'
import { question } from '../../lab/frames.js'
import type { EventReport } from '../../src/cli/explain/report.js'
import { bridge, separate, useSingleDevice, VLAN } from './vlans.js'

const TEN_MINUTES = 'snoop: {age: 10m}\n'

test('FRR 10.7: who has an address behind a device of many VNIs is asked, and keeps it', async () => {
  await using fabric = await Fabric.start({
    ...{ frr: '10.7', both: true, near: { config: TEN_MINUTES }, far: { config: TEN_MINUTES } },
  })
  const { lab, near, far, vm, farVm } = fabric
  for (const node of lab.nodes) {
    await separate(node)
    await useSingleDevice(node)
  }
  await lab.converged()
  farVm.announce()
  await lab.advertisedBy(far, farVm.mac, farVm.ipv4)
  const happened = (event: string): Promise<EventReport[]> =>
    lab.waitFor(
      `${event} of ${farVm.ipv4}`,
      async () => (await near.macipctlLines('events', farVm.ipv4)) as EventReport[],
      (events) => events.some((it) => it.event === event),
    )

  // the bridge itself must be a member of the VLAN
  await bridge(near, `vlan add dev br0 vid ${VLAN} self`)
  using atHost = farVm.capture()
  vm.claim(farVm.ipv4)
  await happened('defended')
  const asked = atHost.frames().flatMap(({ bytes, outgoing }) => (outgoing ? [] : (question(bytes) ?? [])))
  const senders = asked.filter(({ ip, to }) => ip === farVm.ipv4 && to === farVm.mac).map(({ who }) => who)
  const [device] = JSON.parse(await near.exec(['ip', '-j', 'link', 'show', 'vxlan0'])) as { address: string }[]
  assert.ok(
    senders.some(({ mac }) => mac === device?.address),
    JSON.stringify(senders),
  )
  await lab.advertisedBy(far, farVm.mac, farVm.ipv4)
  const { tunnel } = await near.snoopStatus()
  const { questions = 0, answers = 0, unreachable = 0 } = tunnel
  // the first answer alone does not decide
  assert.ok(questions >= 2 && answers >= 2 && unreachable === 0, JSON.stringify(tunnel))

  // it is silent: another host gets its address
  await farVm.ip('link set eth0 down')
  await vm.take(farVm.ipv4)
  vm.claim(farVm.ipv4)
  await lab.advertisedBy(near, vm.mac, farVm.ipv4)
  await lab.advertisedByNobody(farVm.mac, farVm.ipv4)
})
