// Hosts that say nothing by themselves: they stay as long as they answer, and go when they do not. Seen from the far node
// of a fabric of real FRR daemons; the hosts are Linux kernels that nobody touches.
import assert from 'node:assert/strict'
import { isIPv4 } from 'node:net'
import { describe, test } from 'node:test'
import type { EventReport } from '../src/cli/explain/report.js'
import { Fabric } from '../lab/fabric.js'
import { arpProbe, type Question, question } from '../lab/frames.js'
import { RELEASES } from '../lab/frr.js'
import type { CapturedFrame, PacketSocket } from '../lab/packet-socket.js'
import type { Router } from '../lab/router.js'
import { Tunnel } from '../lab/tunnel.js'
import type { Vm } from '../lab/vm.js'
import { PATIENCE } from '../lab/wait.js'

const questions = (frames: readonly CapturedFrame[], ip: string): Question[] =>
  frames.flatMap(({ outgoing, bytes }) => {
    const it = outgoing ? question(bytes) : undefined
    return it?.ip === ip ? [it] : []
  })

/** What the node has asked out of a port. */
const asked = (port: PacketSocket, ip: string): Question[] => questions(port.frames(), ip)

const ETH_P_ARP = 0x0806
const ETH_P_IPV6 = 0x86dd

/** What the node has asked since the host behind the port last spoke in the address's family. */
function unanswered(port: PacketSocket, ip: string): Question[] {
  const family = isIPv4(ip) ? ETH_P_ARP : ETH_P_IPV6
  const frames = port.frames()
  const spoken = frames.findLastIndex(({ outgoing, bytes }) => !outgoing && bytes.readUInt16BE(12) === family)
  return questions(frames.slice(spoken + 1), ip)
}

const eventsOf = async ({ lab }: Fabric, node: Router, ip: string, last: string): Promise<EventReport[]> => {
  await using events = await node.follow('events', ip, '--last', 'all', '--follow')
  const reports = (): EventReport[] => events.lines() as EventReport[]
  return await lab.waitFor(`${ip} to be ${last}`, reports, (all) => all.some(({ event }) => event === last), WAIT)
}

/** These tests wait for what takes many seconds by design. */
const WAIT = { timeoutMs: 60_000 }

// most of the time all of these wait
describe('silent hosts', { concurrency: true }, () => {
  for (const frr of RELEASES) {
    const ageing = 6 * PATIENCE
    test(`FRR ${frr}: a host that is silent for three times the ageing time stays, one that is gone goes when it was asked`, async () => {
      await using fabric = await Fabric.start({ frr, ageing })
      const { lab, near, far, vm: silent } = fabric
      const gone = await fabric.addVm()
      // its MAC stays, and one of its addresses
      const changed = await fabric.addVm()
      const vms = [silent, gone, changed]
      for (const vm of vms) await fabric.learn(vm)

      await using dump = await near.follow(
        'zapi',
        'dump',
        '--follow',
        '--last',
        '0',
        '--command',
        'MACIP_ADD,MACIP_DEL',
      )
      await using farNeighbours = await far.monitor('neigh')
      await using nearNeighbours = await near.monitor('neigh')
      using tunnel = Tunnel.watch(near)
      await tunnel.flushed()
      const before = tunnel.frames().length
      const ports = vms.map((vm) => near.capture(vm.port))
      const [silentPort, gonePort, changedPort] = ports as [PacketSocket, PacketSocket, PacketSocket]
      const about = (lines: readonly string[], vm: Vm): string[] => lines.filter((line) => line.includes(vm.mac))
      const withdrawn = (ip: string): Promise<unknown> =>
        lab.waitFor(
          `${far.name} to lose ${ip}`,
          () => farNeighbours.lines,
          (lines) => lines.some((line) => line.includes('Deleted') && line.includes(` ${ip} `)),
          WAIT,
        )

      await gone.ip('link set eth0 down')
      await changed.ip(`addr del ${changed.ipv4}/24 dev eth0`)

      // nothing but its own silence ends this binding: the MAC is alive
      await withdrawn(changed.ipv4)
      assert.equal(unanswered(changedPort, changed.ipv4).length, 3)
      const events = await eventsOf(fabric, near, changed.ipv4, 'withdrawn')
      assert.deepEqual(
        events.flatMap(({ event, detail }) => (event === 'state' ? [] : [`${event} ${detail}`.trim()])),
        ['learned arp-request', 'probing', 'withdrawn aged'],
      )
      await assert.rejects(near.explain(changed.ipv4), /is not known here any more: .*no probe was answered/)

      for (const ip of [gone.ipv4, gone.ipv6]) {
        await withdrawn(ip)
        await eventsOf(fabric, near, ip, 'withdrawn')
        assert.equal(unanswered(gonePort, ip).length, 3)
      }

      // each is asked at the earliest 0.9 thirds of the ageing time after the answer before
      for (const ip of [silent.ipv4, silent.ipv6])
        await lab.waitFor(
          `${ip} to be asked for three times the ageing time`,
          () => asked(silentPort, ip),
          ({ length }) => length >= 10,
          WAIT,
        )
      await tunnel.flushed()

      assert.deepEqual(about(farNeighbours.lines, silent), [])
      assert.deepEqual(about(nearNeighbours.lines, silent), [])
      // bgpd knew everything before, and was told nothing since
      assert.deepEqual(
        dump.lines().filter((line) => JSON.stringify(line).includes(silent.mac)),
        [],
      )
      assert.deepEqual((await fabric.farRoutes([silent.ipv4, silent.ipv6], silent)).length, 2)
      await fabric.farRoutes([changed.ipv6], changed)
      await fabric.farRoutes([], gone)
      const { probes } = await near.snoopStatus()
      assert.ok((probes['sent'] ?? 0) > (probes['answered'] ?? 0))

      // everyone is asked alone, and nobody else hears of it, nor of the answer
      assert.deepEqual(tunnel.frames().slice(before), [])
      for (const [index, port] of ports.entries()) {
        const own = vms[index]
        assert.ok(own)
        for (const { outgoing, bytes } of port.frames()) {
          if (!outgoing) continue
          const it = question(bytes)
          assert.equal(it?.to, own.mac)
          assert.ok([own.ipv4, own.ipv6].includes(it.ip))
          assert.match(it.who.ip, /^0\.0\.0\.0$|^169\.254\.0\.254$|^fe80::/)
        }
        port.close()
      }
    })

    test(`FRR ${frr}: nobody asks about an address while its host checks whether it is free`, async () => {
      const ageing = 12
      await using fabric = await Fabric.start({ frr, ageing })
      const { lab, near, vm } = fabric
      const other = await fabric.addVm()
      await using farNeighbours = await fabric.far.monitor('neigh')
      using port = near.capture(vm.port)
      using otherPort = near.capture(other.port)
      await fabric.learn()
      await fabric.learn(other)

      const isAsked = (ip: string, times: number): Promise<unknown> =>
        lab.waitFor(
          `${ip} to be asked ${times} times`,
          () => asked(port, ip),
          ({ length }) => length >= times,
          WAIT,
        )
      // both have just been asked, and would be again in a third of the ageing time
      for (const ip of [vm.ipv4, vm.ipv6]) await isAsked(ip, 1)
      const before = new Map([vm.ipv4, vm.ipv6].map((ip) => [ip, asked(port, ip).length]))

      // a kernel with ACD would send what is sent here for it
      const start = performance.now()
      vm.send(arpProbe(vm))
      await vm.ip(`addr del ${vm.ipv6}/64 dev eth0`, `addr add ${vm.ipv6}/64 dev eth0`)

      for (const ip of [vm.ipv4, vm.ipv6]) {
        await isAsked(ip, (before.get(ip) ?? 0) + 1)
        assert.ok(performance.now() - start >= 10_000, `${ip} was asked too early`)
      }
      for (const ip of [other.ipv4, other.ipv6]) assert.ok(asked(otherPort, ip).length >= 2)
      const addresses = await vm.exec(['ip', '-o', '-6', 'address', 'show', 'dev', 'eth0'])
      assert.match(addresses, new RegExp(vm.ipv6))
      assert.doesNotMatch(addresses, /dadfailed|tentative/)
      for (const ip of [vm.ipv4, vm.ipv6])
        await lab.waitFor(
          `${ip} to have answered`,
          () => near.bindings(ip),
          ([binding]) => binding?.state === 'active' && binding.lastSeen > Date.now() - 10_000,
        )
      assert.deepEqual(
        farNeighbours.lines.filter((line) => line.includes('Deleted') && line.includes(vm.mac)),
        [],
      )
      await fabric.farRoutes([vm.ipv4, vm.ipv6])
    })
  }
})
