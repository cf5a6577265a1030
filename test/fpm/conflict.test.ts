// zebra's second witness against what comes in on a local port: a loop or a spoof, a move, a route to another VTEP. Both
// nodes run macipd; what is announced is what the far node has.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Disagreement } from '../../src/cli/check-compare.js'
import type { EventReport } from '../../src/cli/explain-report.js'
import type { Explained } from '../../src/cli/explain-facts.js'
import { macipctl } from '../daemon/support.js'
import { Fabric } from '../lab/fabric.js'
import { arpAnnouncement, question } from '../lab/frames.js'
import { RELEASES, VNI } from '../lab/frr.js'
import type { Lab } from '../lab/lab.js'
import type { PacketSocket } from '../lab/packet-socket.js'
import type { Router } from '../lab/router.js'
import type { Vm } from '../lab/vm.js'
import { frame, hostRoute, mac } from './build.js'

const FAKE_ZEBRA_FPM = `require('net').connect(2620,'127.0.0.1',function(){this.write(Buffer.from(process.argv[1],'hex'))}).resume()`

/**
 * A stand-in for zebra's end of an FPM connection, in a node: the lab's kernel has no VRF devices, without which no zebra
 * has EVPN host routes. Each connection says one thing, and replaces the one before.
 */
async function fakeZebraTells(node: Router, netlink: Buffer): Promise<void> {
  const bytes = frame(1, netlink).toString('hex')
  await node.spawn('fake-zebra-fpm', [process.execPath, '-e', FAKE_ZEBRA_FPM, bytes])
}

type Check = {
  agree: boolean | null
  disagreements: Disagreement[]
  compared: { macs: number }
  notComparable: { unclear: number; superseded: number }
}

async function check(node: Router): Promise<Check & { code: number }> {
  const control = (name: string): string[] => [`--${name}`, node.path(`/run/macipd/${name}.sock`)]
  const { code, stdout } = await macipctl('check', '--json', ...control('relay'), ...control('snoop'))
  return { ...(JSON.parse(stdout) as Check), code }
}

async function explained(node: Router, ip: string): Promise<unknown[]> {
  const { subjects } = (await node.explain(ip)) as Explained
  return subjects.map(({ mac, state, reason, advertisedBy }) => [mac, state, reason, advertisedBy])
}

/** Waits until this node and nobody else advertises a MAC, alone and with each of its IPs, with this sequence number. */
async function advertised(lab: Lab, node: Router, { mac }: Vm, sequence: number, ...ips: string[]): Promise<void> {
  for (const ip of [undefined, ...ips]) {
    await lab.waitFor(
      `${node.name} to advertise ${mac} ${ip ?? ''} with ${sequence}`,
      async () => (await lab.advertisedBy(node, mac, ip)).sequence,
      (found) => found === sequence,
    )
  }
}

/** How often a node has asked out of a port about an address. */
const asked = (port: PacketSocket, ip: string): number =>
  port.frames().filter(({ outgoing, bytes }) => outgoing && question(bytes)?.ip === ip).length

suite('what zebra programs against what comes in on a local port', { concurrency: true }, () => {
  for (const frr of RELEASES) {
    test(`FRR ${frr}: a loop, a move there and back, routes to another VTEP, a MAC programmed as remote`, async () => {
      await using fabric = await Fabric.start({ frr, both: true })
      const { lab, near, far, vm } = fabric
      await near.configure('fpm address 127.0.0.1')
      await lab.waitFor(
        'zebra to connect',
        async () => (await near.snoopStatus()).fpm.phase,
        (phase) => phase !== 'disconnected',
        { timeoutMs: 60_000 },
      )
      await fabric.learn(vm)
      // FPM tells only of MACs that appear while it is connected
      const host = await fabric.addVm(far)
      const loop = await fabric.addVm(near)
      host.announce()
      await advertised(lab, far, host, 0, host.ipv4, host.ipv6)
      await advertised(lab, near, loop, 0)
      const programmed = async (): Promise<unknown> => {
        const { macs } = (await near.macipctl('show', 'fpm', 'macs')) as { macs: { mac: string; vtep: string }[] }
        return macs.find(({ mac }) => mac === host.mac)?.vtep
      }
      const isFar = (vtep: unknown): boolean => vtep === far.address
      await lab.waitFor('zebra to program it', programmed, isFar)

      const vmIps = [vm.ipv4, vm.ipv6]
      /** An address that nobody disputes: what was to be sent before is sent then. */
      const another = async (): Promise<void> => {
        const ip = `10.2.1.${200 + vmIps.length}`
        vmIps.push(ip)
        vm.claim(ip)
        await lab.advertisedBy(near, vm.mac, ip)
      }
      /** In the meantime the near node sends no UPDATE. */
      const silent = async (quarrel: () => Promise<void>): Promise<void> => {
        await another()
        const before = await near.updatesSent()
        await quarrel()
        await another()
        assert.equal((await near.updatesSent()) - before, 1)
      }
      const returned = (): void => {
        for (let times = 0; times < 10; times++) loop.send(arpAnnouncement(host))
      }
      const heldBack = (): Promise<unknown> =>
        lab.waitFor(
          `${near.name} to hold it back`,
          () => near.bindings(host.ipv4),
          ([binding]) => binding?.port === loop.port && binding.state === 'remote',
        )
      const place = async (): Promise<string[]> => {
        const entries = (await near.fdb()).filter(({ mac, master }) => mac === host.mac && master !== undefined)
        return entries.map(({ ifname }) => ifname)
      }

      // a loop or a spoof that the bridge does not learn from: zebra sees nothing of it
      await near.ip(`link set ${loop.port} type bridge_slave learning off`)
      await silent(async () => {
        returned()
        await heldBack()
        assert.deepEqual(await explained(near, host.ipv4), [[host.mac, 'remote', 'mac-remote', null]])
      })
      await advertised(lab, far, host, 0, host.ipv4, host.ipv6)
      assert.deepEqual(await place(), ['vx100'])
      // before 9.0 zebra does not say the VNI
      const spoofed = await check(near)
      assert.deepEqual([spoofed.agree, spoofed.disagreements], [true, []])
      assert.equal(spoofed.compared.macs, 1)

      // the bridge learns from it: for zebra that is a move, and no witness takes back what was programmed
      await near.ip(`link set ${loop.port} type bridge_slave learning on`)
      returned()
      await advertised(lab, near, host, 1, host.ipv4)
      await lab.advertisedByNobody(host.mac, host.ipv6)
      assert.deepEqual(await explained(near, host.ipv4), [[host.mac, 'active', 'announced', 'macipd']])
      assert.deepEqual(await place(), [loop.port])
      const moved = await check(near)
      assert.deepEqual([moved.agree, moved.disagreements], [true, []])
      assert.equal(moved.notComparable.superseded, 1)

      // the real one speaks
      host.announce()
      await advertised(lab, far, host, 2, host.ipv4, host.ipv6)
      await heldBack()
      await lab.waitFor('zebra to program it again', programmed, isFar)
      assert.deepEqual(await place(), ['vx100'])
      await lab.waitFor(
        'the witnesses to agree',
        () => check(near),
        ({ agree, compared }) => agree === true && compared.macs === 1,
      )
      await near.ip(`link set ${loop.port} down`)
      await lab.waitFor(
        'nothing to be left of it',
        () => near.bindings(host.ipv4),
        (bindings) => bindings.length === 0,
      )
      await advertised(lab, far, host, 2, host.ipv4, host.ipv6)
      const { states, duplicates } = await near.snoopStatus()
      assert.deepEqual([states['active'], states['remote'] ?? 0, duplicates], [vmIps.length, 0, 0])

      // a route of the tenant leads to another VTEP; the host is there
      await near.configure('no fpm address')
      await lab.waitFor(
        'zebra to disconnect',
        async () => (await near.snoopStatus()).fpm.phase,
        (phase) => phase === 'disconnected',
      )
      const happened = async (ip: string, last: string): Promise<string[]> => {
        await using events = await near.follow('events', ip, '--last', 'all', '--follow')
        const all = await lab.waitFor(
          `${ip} to be ${last}`,
          () => events.lines() as EventReport[],
          (lines) => lines.some(({ event }) => event === last),
        )
        return all.flatMap(({ event, detail }) => (event === 'state' ? [] : [`${event} ${detail}`.trim()]))
      }
      const claimed = ['learned arp-request', `contested route to ${far.address}`]
      await silent(async () => {
        await fakeZebraTells(near, hostRoute(vm.ipv4, [far.address]))
        assert.deepEqual(await happened(vm.ipv4, 'defended'), [...claimed, 'defended'])
      })
      await advertised(lab, near, vm, 0, ...vmIps)
      const away = await check(near)
      assert.deepEqual(
        [away.code, away.disagreements.map(({ kind, mac, fpm }) => [kind, mac, fpm.vtep])],
        [9, [['host-route', vm.mac, far.address]]],
      )

      // it says that a MAC is remote which it announces as local, with no higher sequence number
      const { ifindex } = (
        JSON.parse(await near.exec(['ip', '-j', 'link', 'show', 'vx100'])) as [{ ifindex: number }]
      )[0]
      const options = { ifindex, vtep: far.address, ...(frr !== '8.4' && { vni: VNI }) }
      await fakeZebraTells(near, mac(vm.mac, options))
      await fabric.farRoutes([])
      assert.deepEqual(await explained(near, vm.ipv4), [[vm.mac, 'remote', 'fpm-remote', null]])
      const both = await check(near)
      const differs = [['local-and-remote', vm.mac, far.address]]
      assert.deepEqual(
        both.disagreements.map(({ kind, mac, fpm }) => [kind, mac, fpm.vtep]),
        differs,
      )
      // what it said on a connection that is lost proves nothing
      await near.daemon('fake-zebra-fpm').kill()
      await fabric.farRoutes(vmIps)
      await advertised(lab, near, vm, 0, ...vmIps)

      // the host is not there any more, and its port has not noticed
      const gone = await fabric.addVm(near)
      await fabric.learn(gone)
      await gone.ip('link set eth0 down')
      const port = near.capture(gone.port)
      await fakeZebraTells(near, hostRoute(gone.ipv4, [far.address]))
      assert.deepEqual(await happened(gone.ipv4, 'withdrawn'), [...claimed, 'withdrawn elsewhere'])
      assert.equal(asked(port, gone.ipv4), 2)
      await fabric.farRoutes([gone.ipv6], gone)
      await advertised(lab, near, gone, 0, gone.ipv6)
      await advertised(lab, near, vm, 0, ...vmIps)
      assert.equal((await check(near)).agree, true)
    })
  }
})
