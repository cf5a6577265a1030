// zebra ends by itself while hosts are announced, and hosts leave before it is back: bgpd keeps their routes, and zebra,
// which knows nothing of them any more, withdraws none.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { Fabric } from '../lab/fabric.js'
import { arpAnnouncement } from '../lab/frames.js'
import { RELEASES } from '../lab/frr.js'
import { hosts } from '../lab/hosts.js'

const STAYING = hosts(0, 50)
const LEAVING = hosts(1000, 200)
/** bgpd connects again after up to 10 s, then zebra has 30 s to announce what it has. */
const BACK_MS = 60_000

suite('zebra ends while hosts are announced', { concurrency: true }, () => {
  for (const frr of RELEASES)
    test(`FRR ${frr}: nothing stays of those that left meanwhile, and the others stay`, async () => {
      await using fabric = await Fabric.start({ frr })
      const { lab, near, far, vm } = fabric
      const second = await fabric.addVm()
      vm.sendFrames(LEAVING.map(arpAnnouncement))
      second.sendFrames(STAYING.map(arpAnnouncement))
      /** Hosts with a MAC route at the far node, and those with a MAC+IP route. */
      const known = async (): Promise<[number, number]> => {
        const all = new Set([...LEAVING, ...STAYING].map(({ mac }) => mac))
        const routes = (await far.macipRoutes()).filter(({ mac }) => all.has(mac))
        const withIp = routes.filter(({ ip }) => ip !== undefined).length
        return [routes.length - withIp, withIp]
      }
      const waitFor = (count: number): Promise<unknown> =>
        lab.waitFor(
          `${far.name} to have the MAC and the MAC+IP routes of ${count} hosts`,
          known,
          ([macs, macIps]) => macs === count && macIps === count,
          { timeoutMs: BACK_MS },
        )
      await waitFor(LEAVING.length + STAYING.length)

      await near.kill('zebra', 'SIGKILL')
      await near.ip(`link set ${vm.port} down`)
      // bgpd goes on without zebra, and so do the routes
      assert.deepEqual(await known(), [250, 250])
      await near.startZebra()
      await waitFor(STAYING.length)

      // who comes back is announced again
      await near.ip(`link set ${vm.port} up`)
      await lab.waitFor(
        `${vm.port} to forward`,
        () => near.exec(['bridge', 'link', 'show', 'dev', vm.port]),
        (shown) => shown.includes('state forwarding'),
      )
      vm.sendFrames(LEAVING.map(arpAnnouncement))
      await waitFor(LEAVING.length + STAYING.length)
    })
})
