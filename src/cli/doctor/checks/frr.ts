// FRR itself, and how its bgpd was started.
import { frrRelease } from '../../../zapi/releases.js'
import { RELEASE_NAMES } from '../../command.js'
import { hookState } from '../../hook/state.js'
import { hasFpmModule, zservOption } from '../../hook/processes.js'
import { sessionFindings } from '../../status/relay-health.js'
import { count } from '../../text.js'
import { configure, macipctl, restartBgpd, service, vtysh } from '../commands.js'
import type { Observation } from '../observation.js'
import { type Check, fail, given, ok, unknown, type Verdict, warn } from '../result.js'
import type { Seen } from '../seen.js'

const NOTHING = 'No MAC+IP route is announced.'

const isSilent = (says: Seen<unknown>): boolean => 'unknown' in says && says.isSilent === true

/** How bgpd reaches zebra, as `macipctl hook status` finds it. */
function stateOf({ frr, paths, status: { relay } }: Observation): ReturnType<typeof hookState> {
  const hook = 'unknown' in frr.hook ? undefined : frr.hook.value.block
  return hookState({ listen: paths.listen, hook, bgpd: frr.bgpd, relay, path: frr.path })
}

export const FRR_CHECKS: readonly Check[] = [
  {
    ...{ id: 'frr-running', group: 'frr' },
    look: (seen) => {
      const { isInstalled, bgpd, zebra, hook, zebraSays, bgpdSays } = seen.frr
      const silent = [
        ...(isSilent(zebraSays) ? [`zebra (process ${zebra?.pid ?? '?'})`] : []),
        ...(isSilent(bgpdSays) ? [`bgpd (process ${bgpd?.pid ?? '?'})`] : []),
      ]
      if (silent.length > 0)
        return fail(
          `${silent.join(' and ')} does not answer`,
          'It hangs, or has very much to do. watchfrr restarts one that hangs.',
          `${vtysh(seen, 'show watchfrr')}   # what watchfrr sees`,
          `${service(seen, 'restart', 'frr')}   # if it lasts`,
        )
      if (bgpd !== undefined && zebra !== undefined)
        return ok(`zebra (process ${zebra.pid}), bgpd (process ${bgpd.pid})`)
      const missing = [zebra === undefined ? 'zebra' : '', bgpd === undefined ? 'bgpd' : ''].filter(Boolean)
      if (!isInstalled)
        return fail(
          `${missing.join(' and ')} not running, and ${seen.paths.daemons} is not there`,
          NOTHING,
          'apt install frr',
        )
      const isOff = bgpd === undefined && 'value' in hook && !hook.value.startsBgpd
      return fail(
        `${missing.join(' and ')} not running`,
        'The node has no BGP, and no MAC+IP route.',
        ...(isOff ? [`sed -i s/^bgpd=no/bgpd=yes/ ${seen.paths.daemons}`] : []),
        service(seen, 'restart', 'frr'),
      )
    },
  },
  {
    ...{ id: 'watchfrr', group: 'frr' },
    look: (seen) => {
      const { watchfrr, watched, zebraSays, bgpdSays } = seen.frr
      if (watchfrr === undefined)
        return warn(
          'watchfrr does not run',
          'A daemon of FRR that ends or hangs is not started again.',
          service(seen, 'restart', 'frr'),
        )
      return given(watched, (states) => {
        // watchfrr looks every five seconds; who has answered us is well by now
        const answering = [...('value' in zebraSays ? ['zebra'] : []), ...('value' in bgpdSays ? ['bgpd'] : [])]
        const down = [...states].filter(([name, state]) => state !== 'Up' && !answering.includes(name))
        if (down.length === 0) return ok(`watchfrr (process ${watchfrr.pid}) watches ${[...states.keys()].join(', ')}`)
        return warn(
          `watchfrr says: ${down.map(([name, state]) => `${name} ${state.toLowerCase()}`).join(', ')}`,
          'It starts a daemon again that does not come back by itself; that takes up to a minute.',
          vtysh(seen, 'show watchfrr'),
          service(seen, 'restart', 'frr'),
        )
      })
    },
  },
  {
    ...{ id: 'frr-release', group: 'frr' },
    look: (seen) => {
      const { status, frr } = seen
      const { relay } = status
      if (relay.running && relay.release !== '') return ok(`FRR ${relay.release} (${relay.releaseReason})`)
      return given(frr.zebraSays, ({ version }) => {
        const release = version === undefined ? undefined : /^\d+\.\d+/.exec(version)?.[0]
        if (release === undefined) return unknown('zebra does not say its version')
        if (frrRelease(release) === undefined)
          return fail(
            `FRR ${version} is not known to macipd, which knows ${RELEASE_NAMES}`,
            `Everything between bgpd and zebra passes unchanged. ${NOTHING}`,
            '# install a newer macipd, or one of these releases of FRR',
          )
        const uncertain = relay.running && sessionFindings(relay).find(({ id }) => id === 'release-uncertain')
        if (!uncertain) return ok(`FRR ${version}`)
        return fail(
          uncertain.what,
          `Everything between bgpd and zebra passes unchanged. ${NOTHING}`,
          ...configure(seen, `frr: {release: '${release}'}`).slice(0, 1),
          service(seen, 'restart', 'macipd-relay'),
        )
      })
    },
  },
  {
    ...{ id: 'hook', group: 'frr' },
    look: (seen) => {
      const { frr, paths } = seen
      return given(frr.hook, ({ block, damage, hasOwnOption }) => {
        if (damage !== '')
          return fail(
            `${paths.daemons}: ${damage}`,
            'FRR’s scripts may not start bgpd with the relay the next time.',
            `# take what is left of the block of macipd out of ${paths.daemons}, then:`,
            macipctl(seen, 'hook install'),
          )
        if (block === undefined && hasOwnOption) return ok(`${paths.daemons} has -z in bgpd_options`)
        if (block === undefined)
          return fail(
            `${paths.daemons} has no block of macipd`,
            `The next time that FRR starts bgpd, it connects to zebra directly. ${NOTHING}`,
            restartBgpd(seen),
          )
        if (!frr.hasHookScript)
          return fail(
            `the file is missing that the block in ${paths.daemons} needs`,
            'The next time that FRR starts bgpd, it connects to zebra directly.',
            'apt install --reinstall macipd   # or macipd-bundled',
          )
        return ok(`${paths.daemons} has the block of macipd`)
      })
    },
  },
  {
    ...{ id: 'hook-disabled', group: 'frr' },
    look: ({ frr: { disabledBy } }) =>
      disabledBy === undefined
        ? ok('the hook is not turned off')
        : fail(
            `${disabledBy} is there`,
            `While it is, FRR starts bgpd without the relay. ${NOTHING}`,
            `rm ${disabledBy}`,
          ),
  },
  {
    ...{ id: 'bgpd-option', group: 'frr' },
    look: (seen) => {
      const { bgpd } = seen.frr
      if (bgpd === undefined) return unknown('bgpd does not run')
      const option = zservOption(bgpd.words)
      if (option === seen.paths.listen) return ok(`bgpd has -z ${option}`)
      if (option === undefined)
        return fail(
          `bgpd (process ${bgpd.pid}) was started without -z`,
          `It is connected to zebra directly. ${NOTHING}`,
          ...startRelayFirst(seen),
          restartBgpd(seen),
        )
      return fail(
        `bgpd (process ${bgpd.pid}) has -z ${option}, and the relay listens at ${seen.paths.listen}`,
        NOTHING,
        `# take -z out of bgpd_options in ${seen.paths.daemons}, then:`,
        restartBgpd(seen),
      )
    },
  },
  {
    ...{ id: 'bgpd-relayed', group: 'frr' },
    look: (seen) => bgpdRelayed(seen),
  },
  {
    ...{ id: 'advertise-all-vni', group: 'frr' },
    look: (seen) =>
      given(seen.frr.bgpdSays, ({ advertisesAll }) =>
        advertisesAll
          ? ok('bgpd advertises all VNIs')
          : fail(
              'bgpd does not advertise VNIs',
              'zebra tells it nothing of MACs, so nothing can be announced.',
              `# with the number of your own AS:`,
              vtysh(
                seen,
                'configure terminal',
                'router bgp 65000',
                'address-family l2vpn evpn',
                'advertise-all-vni',
                'end',
                'write memory',
              ),
            ),
      ),
  },
  {
    ...{ id: 'duplicate-macs', group: 'frr' },
    look: (seen) =>
      given(seen.frr.zebraSays, ({ duplicates: { enabled, maxMoves, time, freezes, macs } }) => {
        if (macs.length === 0)
          return ok(
            enabled
              ? `zebra takes no MAC for a duplicate (${maxMoves} moves in ${time} s)`
              : 'zebra does not look for duplicate MACs',
          )
        const names = macs.slice(0, NAMED).map(({ vni, mac }) => `${mac} (VNI ${vni})`)
        return warn(
          `zebra takes ${count(macs.length, 'MAC')} for a duplicate: ${names.join(', ')}${macs.length > NAMED ? ', …' : ''}`,
          freezes
            ? 'It does not announce them, so neither are their IPs.'
            : 'Two hosts have one MAC, or one moves all the time.',
          vtysh(seen, 'show evpn mac vni all duplicate'),
          `# when it is over: ${vtysh(seen, 'clear evpn dup-addr vni all')}`,
        )
      }),
  },
  {
    ...{ id: 'fpm', group: 'frr' },
    look: (seen) => fpm(seen),
  },
  {
    ...{ id: 'macip-in-bgpd', group: 'frr' },
    look: (seen) => {
      const { relay } = seen.status
      if (!relay.running) return unknown('the relay does not answer')
      if (!relay.injecting) return unknown('the relay announces nothing')
      return given(seen.announced, (announced) => {
        if (announced === undefined) return ok('nothing has been learned that could be announced')
        const { binding, isInBgpd } = announced
        const name = `${binding.ip} of ${binding.mac} in VNI ${binding.vni}`
        if (isInBgpd) return ok(`bgpd has ${name}, for example`)
        return fail(
          `bgpd does not have ${name}, which the relay has told it`,
          'What bgpd advertises is not what macipd believes it does.',
          macipctl(seen, `explain ${binding.ip}`),
          restartBgpd(seen),
        )
      })
    },
  },
]

const NAMED = 3

const startRelayFirst = (seen: Observation): string[] =>
  seen.status.relay.running ? [] : [service(seen, 'start', 'macipd-relay')]

function bgpdRelayed(seen: Observation): Verdict {
  const { listen } = seen.paths
  switch (stateOf(seen)) {
    case 'relayed':
      return ok('bgpd is connected to zebra through the relay')
    case 'direct':
      return fail(
        `bgpd has -z ${listen}, and is connected to zebra directly`,
        `No relay was there when it connected. ${NOTHING}`,
        ...startRelayFirst(seen),
        restartBgpd(seen),
      )
    case 'connecting':
      if (!seen.status.relay.running && seen.frr.path === 'socket') return unknown('the relay does not answer')
      return fail(
        `bgpd has -z ${listen}, and no connection there`,
        'It has no zebra, so the node has no BGP route at all. It tries again within a minute.',
        ...startRelayFirst(seen),
        restartBgpd(seen),
      )
    case 'no-option':
    case 'other-option':
      return unknown('see bgpd-option')
    case 'bgpd-not-running':
      return unknown('bgpd does not run')
  }
}

/** The cross-check is optional: it is missed only where zebra was started with its module. */
function fpm(seen: Observation): Verdict {
  const { status, frr } = seen
  const { snooper } = status
  if (!snooper.running) return unknown('the snooper does not answer')
  const { off, error, phase, listening } = snooper.fpm
  if (off) return ok('FPM is off')
  if (phase === 'live' || phase === 'replaying') return ok('zebra is connected with FPM')
  const { zebra } = frr
  if (zebra === undefined) return unknown('zebra does not run')
  if (!hasFpmModule(zebra.words)) return ok('zebra has no FPM module; macipctl check would need it')
  const means = 'macipctl check cannot compare what zebra says with what it programs; nothing else depends on it.'
  if (error !== '')
    return warn(
      `zebra has its FPM module, and the snooper does not listen: ${error}`,
      means,
      ...configure(seen, "fpm: {listen: ['127.0.0.1:2620']}   # once nothing else listens there"),
    )
  return warn(
    `zebra has its FPM module, and is not connected to ${listening.join(' or ')}`,
    means,
    vtysh(seen, 'configure terminal', 'fpm address 127.0.0.1', 'no fpm use-next-hop-groups', 'end', 'write memory'),
  )
}
