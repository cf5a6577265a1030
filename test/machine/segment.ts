// A host with a link to each node, behind one Ethernet segment (RFC 7432, section 8). Needs a kernel with bonding.
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { reason } from '../../src/base/exit.js'
import type { Explained } from '../../src/cli/explain/facts.js'
import { type BondedHost, SEGMENT_PORT } from '../../lab/bonded-host.js'
import { Fabric } from '../../lab/fabric.js'
import type { Router } from '../../lab/router.js'

const RELEASES = ['10.3', '10.7'] as const
const ESI = '03:44:38:39:ff:ff:01:00:00:01'
/** Seconds for which zebra keeps what another node of the segment announces no more. */
const HOLD = 10
/** Seconds. Long enough for an emulated machine to ask three times, and to be answered. */
const AGE = 30

async function configureSegment(node: Router): Promise<void> {
  await node.configure(`interface ${SEGMENT_PORT}`, 'evpn mh es-id 1', 'evpn mh es-sys-mac 44:38:39:ff:ff:01')
}

/** Which nodes announce an IP of the host, as the far node sees it: `n1`, `n2 proxy`, `n1 seq 2 no segment`. */
async function announcers({ far, lab }: Fabric, { mac }: BondedHost, ip: string): Promise<string[]> {
  const routes = (await far.macipRoutes()).filter((route) => route.mac === mac && route.ip === ip)
  return routes
    .map(({ nextHop, sequence, proxy, esi }) => {
      const name = lab.nodes.find(({ address }) => address === nextHop)?.name ?? nextHop
      const seq = sequence === 0 ? '' : ` seq ${sequence}`
      return `${name}${seq}${proxy === true ? ' proxy' : ''}${esi === ESI ? '' : ' no segment'}`
    })
    .sort()
}

function summaryOf({ subjects: [subject] }: Explained): unknown {
  return [subject?.advertisedBy, subject?.state, subject?.zebra?.mac?.esi, subject?.detail?.moves]
}

for (const frr of RELEASES) {
  test(`FRR ${frr}: both nodes of a segment announce a host that they hear, as long as they do`, async (t) => {
    const config = `snoop: {age: ${AGE}s}\n`
    await using fabric = await Fabric.start({ frr, both: true, near: { config }, far: { config } })
    const { lab, near, far, vm } = fabric
    const since = Date.now()
    const announced = async (...expected: (string | RegExp)[]): Promise<void> => {
      for (const ip of [host.ipv4, host.ipv6]) {
        const matches = (found: readonly string[]): boolean =>
          found.length === expected.length &&
          expected.every((it, index) => (typeof it === 'string' ? it === found[index] : it.test(found[index] ?? '')))
        await lab.waitFor(
          `${ip} to be announced by ${expected.join(', ')}`,
          () => announcers(fabric, host, ip),
          matches,
        )
      }
      t.diagnostic(`${expected.join(', ') || 'nobody'} after ${Math.round((Date.now() - since) / 1000)} s`)
    }
    // zebra programs MACs of a segment in the VLAN of the bridge
    for (const node of lab.nodes) {
      await node.ip('link set br0 type bridge vlan_filtering 1')
      await node.configure(
        'evpn mh startup-delay 0',
        `evpn mh mac-holdtime ${HOLD}`,
        `evpn mh neigh-holdtime ${HOLD}`,
        // this kernel has no backup next hop for ports of a bridge (Linux 6.6)
        'evpn mh redirect-off',
      )
    }
    const host = await lab.addBondedHost()
    t.after(() => {
      host.close()
    })
    await lab.waitFor(
      'the ports of the host to be snooped',
      () => Promise.all(lab.nodes.map((node) => node.snoopStatus())),
      (all) => all.every(({ ports }) => ports.some(({ name, attached }) => name === SEGMENT_PORT && attached !== '')),
    )

    // a segment that is configured late
    await host.connect(near)
    host.announceTo(near)
    await announced('n1 no segment')
    for (const node of lab.nodes) await configureSegment(node)
    // zebra knows the segment of MACs only that it learns from then on: macipd asks when the MAC is gone
    await near.exec(['bridge', 'fdb', 'del', host.mac, 'dev', SEGMENT_PORT, 'master', 'vlan', '1'])
    await announced('n1', /^n2/)

    // the other node hears it, too: nothing moves, and both go on when zebra's hold time is over
    await host.connect(far)
    host.announceTo(far)
    await announced('n1', 'n2')
    await delay((HOLD + 5) * 1000)
    await announced('n1', 'n2')
    await lab.waitFor(
      `${far.name} to explain it`,
      // an emulated machine may not answer in time
      () => far.explain(host.ipv4).then((answer) => summaryOf(answer as Explained), reason),
      (summary) => isDeepStrictEqual(summary, ['macipd', 'active', ESI, []]),
    )

    // a link fails: the node goes on as a proxy of the other one, through which the host is reached
    await host.disconnect(near)
    await announced('n1 proxy', 'n2')
    await lab.waitForPing(vm, host.ipv4)
    // the link is back, and the host is asked
    await host.connect(near)
    await announced('n1', 'n2')

    // silence
    await host.fallSilent()
    await announced()
  })
}
