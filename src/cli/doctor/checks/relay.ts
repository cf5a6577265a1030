// The relay's place between bgpd and zebra. What its processes say of themselves is in findings.ts.
import { service } from '../commands.js'
import type { Observation } from '../observation.js'
import { type Check, fail, given, ok, unknown, warn } from '../result.js'
import { unitIn, unitOf } from '../commands.js'

/** Descriptors of one connection of bgpd, and those besides: the listener, and one to see that they are kept. */
const PER_CONNECTION = 7
const BESIDES = 2

export const RELAY_CHECKS: readonly Check[] = [
  {
    ...{ id: 'relay-path', group: 'relay' },
    look: (seen) => {
      const { frr, status, paths } = seen
      const { keeper, relay } = status
      const listen = keeper.running ? keeper.listen : relay.running ? relay.listen : undefined
      if (listen === undefined) return relayAbsent(seen)
      if (listen !== paths.listen)
        return fail(
          `the relay listens at ${listen}, and bgpd is to connect to ${paths.listen}`,
          'The next bgpd does not find the relay.',
          `# in ${seen.configured.file}: relay: {listen: ${paths.listen}}`,
          service(seen, 'restart', 'macipd-relay'),
        )
      if (frr.path === 'socket') return ok(`the relay's socket is at ${listen}`)
      const what = frr.path === 'link' ? 'a link to the socket of zebra' : 'nothing'
      return fail(
        `there is ${what} at ${listen}, and the relay runs`,
        'The next bgpd that FRR starts connects to zebra directly.',
        service(seen, 'restart', 'macipd-relay'),
      )
    },
  },
  {
    ...{ id: 'descriptor-store', group: 'relay' },
    look: (seen) => {
      const { keeper } = seen.status
      return given(seen.systemd, () => {
        const unit = unitIn(seen, 'macipd-relay')
        if (unit === undefined) return unknown(`systemd has no ${unitOf(seen, 'macipd-relay')}`)
        if (!keeper.running) return unknown('the relay does not answer')
        if (unit.mainPid !== keeper.pid)
          return unknown(`the relay is not the process of ${unitOf(seen, 'macipd-relay')}`)
        const { stored, storeMax } = unit
        if (stored === undefined || storeMax === undefined) return unknown('systemd does not say what it keeps')
        const needed = PER_CONNECTION * keeper.connections + BESIDES
        if (stored >= needed) return ok(`systemd keeps ${keeper.connections} connections of bgpd for the next relay`)
        return fail(
          `systemd keeps ${stored} of ${needed} descriptors of the relay${storeMax < needed ? `, as FileDescriptorStoreMax is ${storeMax}` : ''}`,
          'When the relay is restarted or ends, bgpd loses zebra.',
          `systemctl edit ${unitOf(seen, 'macipd-relay')}   # [Service] FileDescriptorStoreMax=${Math.max(128, 2 * needed)}`,
          service(seen, 'restart', 'macipd-relay'),
        )
      })
    },
  },
  {
    ...{ id: 'versions', group: 'relay' },
    look: (seen) => {
      const { keeper, relay, snooper } = seen.status
      const running: [who: string, version: string][] = [['macipctl', seen.program.version]]
      if (keeper.running) running.push(['relay', keeper.version])
      if (relay.running) running.push(["relay's worker", relay.version])
      if (snooper.running) running.push(['snooper', snooper.version])
      if (running.length === 1) return unknown('neither relay nor snooper answers')
      if (new Set(running.map(([, version]) => version)).size === 1) return ok(`all are ${seen.program.version}`)
      return warn(
        running.map(([who, version]) => `${who} ${version}`).join(', '),
        'An upgrade has not been finished. bgpd and zebra do not notice these restarts.',
        service(seen, 'restart', 'macipd-relay'),
        service(seen, 'restart', 'macipd-snoop'),
      )
    },
  },
]

/** Neither keeper nor worker says where it listens. */
function relayAbsent({ frr, paths, status }: Observation) {
  if (status.relay.running || isSilent(status)) return unknown('the relay does not answer')
  if (frr.path === 'link') return ok(`${paths.listen} leads to zebra while no relay runs`)
  return unknown('no relay runs')
}

const isSilent = ({ keeper, relay }: Observation['status']): boolean =>
  [keeper, relay].some((answer) => !answer.running && answer.cause === 'silent')
