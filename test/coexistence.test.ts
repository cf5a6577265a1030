// macipd beside everything else that knows hosts or forgets them: zebra, the bridge, a restart, the operator. Seen from
// the far node of a fabric of real FRR daemons, where macipd only observes.
import assert from 'node:assert/strict'
import { readdirSync, rmSync } from 'node:fs'
import { describe, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import type { Explained } from '../src/cli/explain/facts.js'
import type { BindingReport } from '../src/cli/report.js'
import { Fabric } from '../lab/fabric.js'
import { type Host, neighborAdvertisement, question, routerAdvertisement } from '../lab/frames.js'
import { RELEASES } from '../lab/frr.js'
import type { JsonLines } from '../lab/json-lines.js'
import type { Monitor } from '../lab/monitor.js'
import type { PacketSocket } from '../lab/packet-socket.js'
import type { Router } from '../lab/router.js'
import type { Vm } from '../lab/vm.js'

const STATIC = '10.2.1.99'
const LINK_LOCAL = 'fe80::11'

/** Waits until the binding of an IP is as wanted. */
const binding = (
  { lab }: Fabric,
  node: Router,
  ip: string,
  what: string,
  wanted: (binding: BindingReport) => boolean,
): Promise<BindingReport[]> =>
  lab.waitFor(
    `${ip} on ${node.name} to be ${what}`,
    () => node.bindings(ip),
    ([found]) => found !== undefined && wanted(found),
  )

const hasReason = (fabric: Fabric, ip: string, reason: string, node = fabric.near): Promise<BindingReport[]> =>
  binding(fabric, node, ip, reason, (found) => found.reason === reason)

/** Waits until the far node's kernel has the neighbour, with or without the router flag. */
const neighbour = ({ lab, far }: Fabric, ip: string, router: boolean): Promise<unknown> =>
  lab.waitFor(
    `${ip} to be ${router ? 'a router' : 'no router'} in the kernel of ${far.name}`,
    () => far.neighbours(),
    (all) => all.some((it) => it.dst === ip && it.externLearn && it.router === router),
  )

const about = ({ lines }: Monitor, ip: string): string[] => lines.filter((line) => line.includes(` ${ip} `))

/** The commands that a dump has shown for an IP, or for a MAC alone, in order. */
const commandsAbout = (dump: JsonLines, ip: string | undefined, mac?: string): string[] =>
  dump
    .lines()
    .map((it) => it as { command: string; fields: { mac?: string; ip?: string } })
    .flatMap(({ command, fields }) => (fields.ip === ip && (mac === undefined || fields.mac === mac) ? [command] : []))

/** What the node has asked a VM out of its port. */
const asked = (port: PacketSocket, ip: string): number =>
  port.frames().filter(({ outgoing, bytes }) => outgoing && question(bytes)?.ip === ip).length

/** A frame that is neither ARP nor ND ("IEEE Std 802 - Local Experimental Ethertype"). */
const otherFrame = ({ mac }: Vm): Buffer =>
  Buffer.concat([Buffer.from(`ffffffffffff${mac.replaceAll(':', '')}88b5`, 'hex'), Buffer.alloc(46)])

describe('macipd beside others', { concurrency: RELEASES.length }, () => {
  for (const frr of RELEASES) {
    test(`FRR ${frr}: zebra knows and forgets the same neighbour, a router is one, the operator decides`, async () => {
      const statics = `snoop: {static: [{vni: 100, ip: ${STATIC}, mac: 'bc:24:11:00:00:03'}]}\n`
      await using fabric = await Fabric.start({
        ...{ frr, both: true },
        ...{ near: { config: statics }, far: { config: 'snoop: {mode: observe}\n' } },
      })
      const { lab, near, far, vm, farVm } = fabric
      await using toFar = await far.follow('zapi', 'dump', '--follow', '--last', 'all', '--family', 'macip')
      const { mac, ipv4, ipv6 } = vm

      // observed: everything is shown, nobody is told
      farVm.announce()
      for (const ip of [farVm.ipv4, farVm.ipv6]) await hasReason(fabric, ip, 'observed', far)
      const observed = (await far.explain(farVm.ipv4)) as Explained
      assert.match(observed.subjects[0]?.verdict ?? '', /not advertised/)
      assert.equal((await far.snoopStatus()).mode, 'observe')
      await lab.waitFor(
        `${near.name} to have the MAC of the observed host`,
        () => near.macipRoutes(),
        (routes) => routes.some((route) => route.mac === farVm.mac),
      )

      // static: announced when its MAC is local, without a frame that says so
      await hasReason(fabric, STATIC, 'mac-not-local')
      const third = await fabric.addVm()
      third.send(otherFrame(third))
      await fabric.farRoutes([STATIC], third)

      await fabric.learn()
      await using neighbours = await far.monitor('neigh')
      for (const ip of [ipv4, ipv6]) {
        await near.ip(`neigh replace ${ip} lladdr ${mac} dev br0 nud reachable`)
        await hasReason(fabric, ip, 'shadowed')
        await near.ip(`neigh del ${ip} dev br0`)
        await hasReason(fabric, ip, 'announced')
      }
      // what comes behind it has reached the far node, and nothing before it
      vm.send(neighborAdvertisement({ mac, ipv4, ipv6: LINK_LOCAL }))
      await neighbour(fabric, LINK_LOCAL, false)
      await lab.waitFor(
        'both to have printed it',
        () => [commandsAbout(toFar, LINK_LOCAL).length, about(neighbours, LINK_LOCAL).length],
        (counts) => counts.every((count) => count > 0),
      )
      for (const ip of [ipv4, ipv6]) {
        assert.deepEqual(about(neighbours, ip), [])
        assert.deepEqual(commandsAbout(toFar, ip), ['ZEBRA_REMOTE_MACIP_ADD'])
        assert.equal((await far.macipRoutes()).filter((route) => route.ip === ip).length, 1)
      }

      const own: Host = { mac, ipv4, ipv6: LINK_LOCAL }
      // not to all nodes: their kernels would take the host for their default router
      vm.send(routerAdvertisement(own, third))
      await neighbour(fabric, LINK_LOCAL, true)
      vm.send(neighborAdvertisement(own))
      await neighbour(fabric, LINK_LOCAL, false)
      vm.send(neighborAdvertisement(vm, { router: true }))
      await neighbour(fabric, ipv6, true)
      vm.send(neighborAdvertisement(vm))
      await neighbour(fabric, ipv6, false)

      // all that the observed host has is the route zebra makes of its MAC
      const ofObserved = (await near.macipRoutes()).filter((route) => route.mac === farVm.mac)
      assert.deepEqual(
        ofObserved.map(({ ip }) => ip),
        [undefined],
      )
      assert.deepEqual(
        (await near.bindings(STATIC)).map(({ evidence, state }) => ({ evidence, state })),
        [{ evidence: 'static', state: 'active' }],
      )
    })

    test(`FRR ${frr}: the bridge forgets a silent host, the snooper ends: the host is asked at once`, async () => {
      // so nobody is asked for 18 minutes, but when something happens
      await using fabric = await Fabric.start({ frr, ageing: 3600 })
      const { lab, near, far, vm } = fabric
      await fabric.learn()
      using port = near.capture(vm.port)
      await using dump = await near.follow('zapi', 'dump', '--follow', '--last', 'all', '--family', 'macip')
      await using neighbours = await far.monitor('neigh')

      for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
        const before = [vm.ipv4, vm.ipv6].map((ip) => asked(port, ip))
        await near.kill('snoop', signal)
        await fabric.startSnoop(near)
        await binding(
          fabric,
          near,
          vm.ipv4,
          'seen',
          ({ evidence, state }) => evidence === 'arp-reply' && state === 'active',
        )
        await binding(fabric, near, vm.ipv6, 'seen', ({ evidence, state }) => evidence === 'na' && state === 'active')
        for (const [index, ip] of [vm.ipv4, vm.ipv6].entries()) assert.equal(asked(port, ip), (before[index] ?? 0) + 1)
      }
      const [add, del] = ['ZEBRA_MACIP_ADD', 'ZEBRA_MACIP_DEL']
      const told = (ip: string | undefined, ...commands: readonly string[]): Promise<unknown> =>
        lab.waitFor(
          `bgpd to be told of ${ip ?? 'the MAC'}: ${commands.join(', ')}`,
          () => commandsAbout(dump, ip, vm.mac),
          (shown) => isDeepStrictEqual(shown, commands),
        )
      for (const ip of [undefined, vm.ipv4, vm.ipv6]) await told(ip, add)
      assert.deepEqual(
        neighbours.lines.filter((line) => line.includes(vm.mac)),
        [],
      )

      await near.ip('link set br0 type bridge fdb_flush')
      for (const ip of [undefined, vm.ipv4, vm.ipv6]) await told(ip, add, del, add)
      await fabric.farRoutes([vm.ipv4, vm.ipv6])
      // the VM itself has said nothing but its answers
      const said = port.frames().filter(({ outgoing }) => !outgoing)
      assert.ok(said.every(({ bytes }) => question(bytes) === undefined))
    })

    test(`FRR ${frr}: after a restart of the machine a remembered host is announced when it has answered`, async () => {
      // asked every 5 s, and remembered for longer than anything here takes
      await using fabric = await Fabric.start({ frr, ageing: 15, near: { config: 'snoop: {age: 30m}\n' } })
      const { lab, near, vm } = fabric
      await fabric.learn()
      for (const name of ['snoop', 'relay', 'bgpd', 'zebra'] as const) await near.kill(name)
      const directory = near.path('/run/macipd')
      assert.ok(readdirSync(directory).includes('bindings'))
      for (const file of readdirSync(directory))
        if (file !== 'bindings') rmSync(`${directory}/${file}`, { recursive: true })
      await near.ip('link set br0 type bridge fdb_flush')
      // its port is up, and nobody answers behind it
      await vm.ip('link set nic down')

      using port = near.capture(vm.port)
      await near.startZebra()
      await fabric.startRelay(near)
      await near.startBgpd({ zapi: '/run/macipd/zserv.api' })
      await fabric.startSnoop(near)
      await lab.converged()
      for (const ip of [vm.ipv4, vm.ipv6]) {
        await hasReason(fabric, ip, 'unconfirmed')
        await lab.waitFor(
          `${ip} to be asked`,
          () => asked(port, ip),
          (count) => count > 0,
        )
      }
      await fabric.farRoutes([])

      await vm.ip('link set nic up')
      await fabric.farRoutes([vm.ipv4, vm.ipv6])
      for (const ip of [vm.ipv4, vm.ipv6]) await hasReason(fabric, ip, 'announced')
      const said = port.frames().filter(({ outgoing }) => !outgoing)
      assert.ok(said.every(({ bytes }) => question(bytes) === undefined))
    })
  }
})
