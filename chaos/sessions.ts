// Connections that nobody may lose: bgpd's to zebra, and BGP's between the nodes.
import * as v from 'valibot'
import type { Node } from './node.js'

const Summary = v.object({ peers: v.record(v.string(), v.object({ connectionsDropped: v.number() })) })

/** Names and descriptors of zebra's clients, and how often BGP's session was dropped. */
export async function sessions({ router }: Node): Promise<string[]> {
  const text = await router.vtysh('show zebra client')
  const clients = [...text.matchAll(/^Client: (\S+)[^]*?^FD: (\d+)/gm)].map(([, name = '', fd = '']) => `${name} ${fd}`)
  const { peers } = v.parse(Summary, await router.vtyshJson('show bgp l2vpn evpn summary json'))
  const drops = Object.values(peers).map(({ connectionsDropped }) => `dropped ${connectionsDropped}`)
  return [...clients.filter((client) => /^(bgp|vnc) /.test(client)), ...drops].sort()
}
