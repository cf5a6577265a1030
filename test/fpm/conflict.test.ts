// What zebra tells over FPM against what comes in on a local port: a loop or a spoof, a move. Both nodes run macipd; what
// is announced is what the far node has. (A route to another VTEP: test/machine/tenant.ts.)
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { Fabric } from '../../lab/fabric.js'
import { arpAnnouncement } from '../../lab/frames.js'
import { RELEASES, VNI } from '../../lab/frr.js'
import type { Router } from '../../lab/router.js'
import { frame, mac } from './build.js'
import { advertised, check, explained, zebraConnected } from './looks.js'

const FAKE_ZEBRA_FPM = `require('net').connect(2620,'127.0.0.1',function(){this.write(Buffer.from(process.argv[1],'hex'))}).resume()`

/** A stand-in for zebra's end of an FPM connection, in a node, for what no real one can be brought to say. */
async function fakeZebraTells(node: Router, netlink: Buffer): Promise<void> {
  const bytes = frame(1, netlink).toString('hex')
  await node.spawn('fake-zebra-fpm', [process.execPath, '-e', FAKE_ZEBRA_FPM, bytes])
}

suite('what zebra programs against what comes in on a local port', { concurrency: true }, () => {
  for (const frr of RELEASES) {
    test(`FRR ${frr}: a loop, a move there and back, a MAC programmed as remote`, async () => {
      await using fabric = await Fabric.start({ frr, both: true })
      const { lab, near, far, vm } = fabric
      await near.configure('fpm address 127.0.0.1')
      await zebraConnected(lab, near)
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
      const dropped = (): Promise<unknown> =>
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
        await lab.waitFor(
          'the frames to be refused',
          () => near.snoopStatus(),
          ({ refused }) => (refused['no-learning'] ?? 0) > 0,
        )
        assert.deepEqual(await near.bindings(host.ipv4), [])
      })
      await advertised(lab, far, host, 0, host.ipv4, host.ipv6)
      assert.deepEqual(await place(), ['vx100'])
      // before 9.0 zebra does not say the VNI
      const spoofed = await check(near)
      assert.deepEqual([spoofed.agree, spoofed.disagreements], [true, []])
      assert.equal(spoofed.compared.macs, 1)

      // the bridge learns from it: for zebra that is a move, and neither ZAPI nor FPM takes back what was programmed
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
      await dropped()
      await lab.waitFor('zebra to program it again', programmed, isFar)
      assert.deepEqual(await place(), ['vx100'])
      await lab.waitFor(
        'ZAPI and FPM to agree',
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

      // what no zebra says: a MAC is remote which it announces as local, with no higher sequence number
      await near.configure('no fpm address')
      await lab.waitFor(
        'zebra to disconnect',
        async () => (await near.snoopStatus()).fpm.phase,
        (phase) => phase === 'disconnected',
      )
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

      const { agree, code } = await check(near)
      assert.deepEqual([agree, code], [null, 0])
    })
  }
})
