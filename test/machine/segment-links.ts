// A host behind an Ethernet segment that uses LACP: which link an answer takes is up to its hash, whoever has asked. Needs a
// kernel with bonding.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fabric } from '../../lab/fabric.js'
import type { Router } from '../../lab/router.js'
import { announcers, AGE, BOTH, configureSegment, prepareSegment } from './on-segment.js'

test('FRR 10.7: what one node has asked and the other one hears stays announced by both', async (t) => {
  await using fabric = await Fabric.start({ frr: '10.7', ...BOTH })
  const { lab, near } = fabric
  const host = await prepareSegment(t, fabric, { hold: AGE, mode: 'lacp' })
  for (const node of lab.nodes) {
    await configureSegment(node)
    await host.connect(node)
  }
  const all = (): Promise<string[][]> =>
    Promise.all([host.ipv4, host.ipv6].map((ip) => announcers(fabric, host.mac, ip)))
  const isByBoth = (found: readonly string[][]): boolean =>
    found.every((by) => by.length === 2 && by.some((it) => !it.includes('proxy')) && by.every((it) => /^n\d/.test(it)))

  host.announceTo(near)
  await lab.waitFor('both nodes to announce both addresses', all, isByBoth)
  const reasons = async (): Promise<string[]> =>
    (await Promise.all(lab.nodes.map((node) => node.bindings(host.mac)))).flat().map(({ reason }) => reason)
  // a node that has never been answered stops asking after an age; that ends nothing that it has announced
  await lab.waitFor(
    'an address that one node asks for in vain, and no node to ask for one that it has never heard',
    reasons,
    (found) => found.includes('proxied') && !found.includes('unconfirmed'),
  )
  // nothing of that is withdrawn, however often it is asked in vain
  const asked = async (): Promise<number> => {
    const found = await all()
    assert.ok(isByBoth(found), JSON.stringify(found))
    return (await near.snoopStatus()).probes['sent'] ?? 0
  }
  type Event = { event: string; detail: string }
  const eventsOf = (node: Router): Promise<Event[]> => node.macipctlLines('events', host.mac) as Promise<Event[]>
  const earlier = await Promise.all(lab.nodes.map(eventsOf))
  const before = await asked()
  await lab.waitFor('more questions than an age has', asked, (sent) => sent >= before + 12, { timeoutMs: 300_000 })
  t.diagnostic(JSON.stringify([await all(), await reasons()]))
  const events = await Promise.all(lab.nodes.map(eventsOf))
  const later = events.flatMap((all, index) => all.slice(earlier[index]?.length))
  assert.deepEqual(
    later.filter(({ event }) => event === 'withdrawn'),
    [],
  )

  await host.fallSilent()
  await lab.waitFor('nobody to announce a host that is gone', all, (found) => found.flat().length === 0)
})
