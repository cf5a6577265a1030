// What is known of a few of the addresses that differ: what happened to the host, and what each node says of it.
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { reason } from '../src/base/exit.js'
import type { Router } from '../lab/router.js'
import type { ChaosFabric } from './fabric.js'
import type { Node } from './node.js'
import type { Difference } from './oracle.js'

const HOSTS = 2
const ROUTES = 1
const LOG_LINES = 120
const IN_ROUTES = /^\d+(\.\d+){3}\//

export async function evidence(fabric: ChaosFabric, found: readonly Difference[]): Promise<string> {
  const keys = found.flatMap((each) => (each.kind === 'unseen' ? [] : [each.key]))
  const macs = new Set(keys.filter((key) => !IN_ROUTES.test(key)).map((key) => key.slice(0, 17)))
  const parts = await Promise.all([...macs].slice(0, HOSTS).map((mac) => ofHost(fabric, mac, keys)))
  const prefixes = new Set(keys.filter((key) => IN_ROUTES.test(key)))
  const routes = await Promise.all([...prefixes].slice(0, ROUTES).map((prefix) => ofRoute(fabric, prefix)))
  const states = await Promise.all(fabric.nodes.map(ofNode))
  return [...parts, ...routes, ...states].join('')
}

async function ofRoute({ nodes }: ChaosFabric, prefix: string): Promise<string> {
  const said = nodes.flatMap(({ router, withMacipd }) => {
    const show = async (command: string): Promise<string> =>
      `n${router.number} ${command}:\n${await router.vtysh(command).catch(reason)}\n`
    const kernel = async (): Promise<string> =>
      `n${router.number} kernel:\n${await router.exec(['ip', 'route', 'show', prefix]).catch(reason)}\n`
    const dump = async (): Promise<string> =>
      `n${router.number} macipctl zapi dump:\n${await router.zapiMessages('--prefix', prefix).catch(reason)}\n`
    const shown = [kernel(), show(`show ip route ${prefix}`), show(`show bgp ipv4 unicast ${prefix}`)]
    return [...shown, ...ofLogs(router, prefix), ...(withMacipd ? [dump()] : [])]
  })
  return `--- ${prefix}\n${(await Promise.all(said)).join('')}`
}

async function ofNode({ router, withMacipd }: Node): Promise<string> {
  const clients = await router.vtysh('show zebra client summary').catch(reason)
  const status = withMacipd ? await router.macipctl('status').then((said) => JSON.stringify(said), reason) : ''
  return `n${router.number} zebra's clients:\n${clients}n${router.number} macipctl status:\n${status}\n`
}

async function ofHost({ nodes, traffic }: ChaosFabric, mac: string, keys: readonly string[]): Promise<string> {
  const ip = keys.find((key) => key.startsWith(`${mac} `))?.slice(18)
  const said = nodes.flatMap(({ router, withMacipd }) => {
    const ask = async (what: string, question: () => Promise<string>): Promise<string> =>
      `n${router.number} ${what}:\n${await question().catch(reason)}\n`
    const explain = async (): Promise<string> => JSON.stringify(await router.explain(ip ?? mac))
    const dump = async (): Promise<string> => {
      const messages = await router.macipctlLines('zapi', 'dump', '--last', 'all', '--mac', mac)
      return messages.map((message) => JSON.stringify(message)).join('\n')
    }
    return [
      ask('bridge', async () =>
        (await router.exec(['bridge', 'fdb', 'show', 'br', 'br0']))
          .split('\n')
          .filter((line) => line.startsWith(mac))
          .join('\n'),
      ),
      ask('zebra', () => router.vtysh(`show evpn mac vni 100 mac ${mac}`)),
      ...ofLogs(router, mac),
      ...(withMacipd ? [ask('macipctl explain', explain), ask('macipctl zapi dump', dump)] : []),
    ]
  })
  return `--- ${mac} ${ip ?? ''}\n${traffic.historyOf(mac).join('\n')}\n${(await Promise.all(said)).join('')}`
}

const ofLogs = (router: Router, text: string): Promise<string>[] =>
  (['zebra', 'bgpd'] as const).map(
    async (name) =>
      `n${router.number} log of ${name}:\n${await lastLines(router.daemon(name).logPath, text).catch(reason)}\n`,
  )

/** The last lines of a log that have the text. */
async function lastLines(path: string, text: string): Promise<string> {
  const found: string[] = []
  for await (const line of createInterface({ input: createReadStream(path) }))
    if (line.includes(text) && found.push(line) > LOG_LINES) found.shift()
  return found.join('\n')
}
