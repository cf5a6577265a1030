// A host with a link to each node, behind one Ethernet segment. Needs a kernel with bonding.
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { reason } from '../../src/base/exit.js'
import type { Explained } from '../../src/cli/explain/facts.js'
import { SEGMENT_PORT } from '../../lab/bonded-host.js'
import { Fabric } from '../../lab/fabric.js'
import { announced, BOTH, configureSegment, ESI, prepareSegment } from './on-segment.js'

const RELEASES = ['10.3', '10.7'] as const
/** Seconds for which zebra keeps what another node of the segment announces no more. */
const HOLD = 10

function summaryOf({ subjects: [subject] }: Explained): unknown {
  return [subject?.advertisedBy, subject?.state, subject?.zebra?.mac?.esi, subject?.detail?.moves]
}

for (const frr of RELEASES) {
  test(`FRR ${frr}: both nodes of a segment announce a host that they hear, as long as they do`, async (t) => {
    await using fabric = await Fabric.start({ frr, ...BOTH })
    const { lab, near, far, vm } = fabric
    const since = Date.now()
    const host = await prepareSegment(t, fabric, { hold: HOLD })
    const announcedBy = async (...expected: (string | RegExp)[]): Promise<void> => {
      for (const ip of [host.ipv4, host.ipv6]) await announced(fabric, host.mac, ip, ...expected)
      t.diagnostic(`${expected.join(', ') || 'nobody'} after ${Math.round((Date.now() - since) / 1000)} s`)
    }

    // a segment that is configured late
    await host.connect(near)
    host.announceTo(near)
    await announcedBy('n1 no segment')
    for (const node of lab.nodes) await configureSegment(node)
    // zebra knows the segment of MACs only that it learns from then on: macipd asks when the MAC is gone
    await near.exec(['bridge', 'fdb', 'del', host.mac, 'dev', SEGMENT_PORT, 'master', 'vlan', '1'])
    await announcedBy('n1', /^n2/)

    // the other node hears it, too: nothing moves, and both go on when zebra's hold time is over
    await host.connect(far)
    host.announceTo(far)
    await announcedBy('n1', 'n2')
    await delay((HOLD + 5) * 1000)
    await announcedBy('n1', 'n2')
    await lab.waitFor(
      `${far.name} to explain it`,
      // an emulated machine may not answer in time
      () => far.explain(host.ipv4).then((answer) => summaryOf(answer as Explained), reason),
      (summary) => isDeepStrictEqual(summary, ['macipd', 'active', ESI, []]),
    )

    // a link fails: the node goes on as a proxy of the other one, through which the host is reached
    await host.disconnect(near)
    await announcedBy('n1 proxy', 'n2')
    await lab.waitForPing(vm, host.ipv4)
    // the link is back, and the host is asked
    await host.connect(near)
    await announcedBy('n1', 'n2')

    // silence
    await host.fallSilent()
    await announcedBy()
  })
}
