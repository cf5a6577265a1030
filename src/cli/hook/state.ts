// How bgpd reaches zebra, and what to do about it. Pure.
import type { Answer, SessionReport } from '../report.js'
import { restartBgpdCommand } from './advice.js'
import type { Hook } from './block.js'
import { type Daemon, zservOption } from './processes.js'

/**
 * `relayed`: through the relay. `direct`: it has the relay's socket as `-z`, and yet a connection of its own to zebra,
 * because no relay was there when it connected. `connecting`: it has the relay's socket and no connection.
 */
export type HookState = 'relayed' | 'direct' | 'connecting' | 'no-option' | 'other-option' | 'bgpd-not-running'

export type Facts = {
  /** The path that bgpd is to connect to. */
  listen: string
  /** Path of zebra's own socket. */
  zebra: string
  hook: Hook | undefined
  bgpd: Daemon | undefined
  relay: Answer<{ sessions: readonly Pick<SessionReport, 'kind'>[]; bgpdDirect: boolean }>
  /** What is at the path: the relay's socket, the link to zebra's own, or nothing. */
  path: 'socket' | 'link' | 'nothing'
}

export function hookState({ listen, bgpd, relay, path }: Omit<Facts, 'zebra'>): HookState {
  if (bgpd === undefined) return 'bgpd-not-running'
  const option = zservOption(bgpd.words)
  if (option === undefined) return 'no-option'
  if (option !== listen) return 'other-option'
  if (!relay.running) return path === 'link' ? 'direct' : 'connecting'
  if (relay.sessions.some(({ kind }) => kind === 'main')) return 'relayed'
  return relay.bgpdDirect ? 'direct' : 'connecting'
}

/** Returns one line for people: how it is, and what to do. */
export function describeState(state: HookState, { listen, zebra, hook, bgpd, relay, path }: Facts): string {
  const name = bgpd === undefined ? 'bgpd' : `bgpd (process ${bgpd.pid})`
  const command = restartBgpdCommand(zebra)
  const restart = `restart bgpd: ${command}`
  const startRelay = relay.running ? '' : 'start the relay (systemctl start macipd-relay), then '
  switch (state) {
    case 'relayed':
      return `${name} is connected to zebra through the relay`
    case 'direct':
      return `${name} has -z ${listen}, but is connected to zebra directly, so nothing is announced: ${startRelay}${restart}`
    case 'connecting':
      return path === 'nothing'
        ? `${name} has -z ${listen}, where there is nothing, so it has no zebra and FRR no BGP route: start the relay (systemctl start macipd-relay)`
        : `${name} has -z ${listen}, and no connection yet: it tries again within a minute; else ${startRelay}${restart}`
    case 'no-option':
      return hook === undefined
        ? `${name} was started without -z, so it is connected to zebra directly: ${command}`
        : `${name} was started before the hook was there, or while nothing was at ${listen}: ${startRelay}${restart}`
    case 'other-option':
      return `${name} has -z ${zservOption(bgpd?.words ?? []) ?? ''}, which is not the relay's ${listen}: change bgpd_options in /etc/frr/daemons, or the relay's --listen`
    case 'bgpd-not-running':
      return 'bgpd does not run'
  }
}
