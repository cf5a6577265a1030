// What tests of Ethernet segments (RFC 7432, section 8) share: two nodes that have one, and a host behind it.
import type { TestContext } from 'node:test'
import { type BondedHost, type BondMode, SEGMENT_PORT } from '../../lab/bonded-host.js'
import type { Fabric } from '../../lab/fabric.js'
import type { Router } from '../../lab/router.js'

export const ESI = '03:44:38:39:ff:ff:01:00:00:01'

/** Seconds. Long enough for an emulated machine to ask three times, and to be answered. */
export const AGE = 30

/** macipd on both nodes. */
export const BOTH = {
  both: true,
  near: { config: `snoop: {age: ${AGE}s}\n` },
  far: { config: `snoop: {age: ${AGE}s}\n` },
}

export async function configureSegment(node: Router): Promise<void> {
  await node.configure(`interface ${SEGMENT_PORT}`, 'evpn mh es-id 1', 'evpn mh es-sys-mac 44:38:39:ff:ff:01')
}

/**
 * Makes a host with an unconnected link to each node. `hold`: seconds for which zebra keeps what another node of the
 * segment announces no more; undefined: as long as it does unless configured (1080 s).
 */
export async function prepareSegment(
  t: TestContext,
  { lab }: Fabric,
  { hold, mode }: { hold?: number; mode?: BondMode } = {},
): Promise<BondedHost> {
  for (const node of lab.nodes) {
    // zebra programs MACs of a segment in the VLAN of the bridge; what was learned without one would age beside that with
    // one, and zebra would take its end for that of the MAC
    await node.ip('link set br0 type bridge vlan_filtering 1', 'link set br0 type bridge fdb_flush')
    const times = hold === undefined ? [] : [`evpn mh mac-holdtime ${hold}`, `evpn mh neigh-holdtime ${hold}`]
    // this kernel has no backup next hop for ports of a bridge (Linux 6.6)
    await node.configure('evpn mh startup-delay 0', ...times, 'evpn mh redirect-off')
  }
  const host = await lab.addBondedHost(mode)
  t.after(() => {
    host.close()
  })
  await lab.waitFor(
    'the ports of the host to be snooped',
    () => Promise.all(lab.nodes.map((node) => node.snoopStatus())),
    (all) => all.every(({ ports }) => ports.some(({ name, attached }) => name === SEGMENT_PORT && attached !== '')),
  )
  return host
}

/** Which nodes announce an IP of a MAC, as the far node sees it: `n1`, `n2 proxy`, `n1 seq 2 no segment`. */
export async function announcers({ far, lab }: Fabric, mac: string, ip: string): Promise<string[]> {
  const routes = (await far.macipRoutes()).filter((route) => route.mac === mac && route.ip === ip)
  return routes
    .map(({ nextHop, sequence, proxy, esi }) => {
      const name = lab.nodes.find(({ address }) => address === nextHop)?.name ?? nextHop
      const seq = sequence === 0 ? '' : ` seq ${sequence}`
      return `${name}${seq}${proxy === true ? ' proxy' : ''}${esi === ESI ? '' : ' no segment'}`
    })
    .sort()
}

/** Waits until exactly these announce an IP; what comes after a name does not matter to an expression. */
export async function announced(
  fabric: Fabric,
  mac: string,
  ip: string,
  ...expected: readonly (string | RegExp)[]
): Promise<void> {
  await fabric.lab.waitFor(
    `${ip} to be announced by ${expected.join(', ')}`,
    () => announcers(fabric, mac, ip),
    (found) =>
      found.length === expected.length &&
      expected.every((it, index) => (typeof it === 'string' ? it === found[index] : it.test(found[index] ?? ''))),
  )
}
