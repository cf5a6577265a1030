// Services and room: what decides whether it still works after the next boot.
import { bytes } from '../../text.js'
import { unitIn, type UnitName, unitOf } from '../commands.js'
import type { Observation, Unit } from '../observation.js'
import { type Check, fail, given, ok, unknown, warn } from '../result.js'

const OURS: readonly UnitName[] = ['macipd-relay', 'macipd-snoop']

const units = (seen: Observation): [name: UnitName, unit: Unit][] =>
  OURS.flatMap((name) => {
    const unit = unitIn(seen, name)
    return unit === undefined ? [] : [[name, unit]]
  })

export const SYSTEM_CHECKS: readonly Check[] = [
  {
    ...{ id: 'units', group: 'system' },
    look: (seen) =>
      given(seen.systemd, () => {
        const missing = OURS.filter((name) => unitIn(seen, name) === undefined).map((name) => unitOf(seen, name))
        if (missing.length > 0)
          return warn(
            `systemd has no ${missing.join(' and ')}`,
            'Nothing starts macipd at boot, or again when it ends.',
            'apt install ./macipd_*.deb   # made by npm run package',
          )
        const masked = units(seen).filter(([, { loadState }]) => loadState !== 'loaded')
        if (masked.length > 0)
          return fail(
            masked.map(([name, { loadState }]) => `${unitOf(seen, name)} is ${loadState}`).join(', '),
            'It does not start.',
            ...masked.map(([name]) => `systemctl unmask ${unitOf(seen, name)}`),
            ...masked.map(([name]) => `systemctl enable --now ${unitOf(seen, name)}`),
          )
        const stale = units(seen).filter(([, { needDaemonReload }]) => needDaemonReload)
        if (stale.length > 0)
          return warn(
            `${stale.map(([name]) => unitOf(seen, name)).join(', ')}: the file has changed since systemd read it`,
            'It starts as the old file says.',
            'systemctl daemon-reload',
          )
        return ok('systemd has the units of relay and snooper')
      }),
  },
  {
    ...{ id: 'units-enabled', group: 'system' },
    look: (seen) =>
      given(seen.systemd, () => {
        const off = units(seen).filter(
          ([, { unitFileState, loadState }]) => loadState === 'loaded' && unitFileState === 'disabled',
        )
        if (units(seen).length === 0) return unknown('systemd has no unit of macipd')
        if (off.length === 0) return ok('both start at boot')
        return fail(
          `${off.map(([name]) => unitOf(seen, name)).join(' and ')} does not start at boot`,
          'After the next boot no MAC+IP route is announced.',
          ...off.map(([name]) => `systemctl enable ${unitOf(seen, name)}`),
        )
      }),
  },
  {
    ...{ id: 'units-order', group: 'system' },
    look: (seen) =>
      given(seen.systemd, () => {
        const relay = unitIn(seen, 'macipd-relay')
        if (relay === undefined) return unknown(`systemd has no ${unitOf(seen, 'macipd-relay')}`)
        if (relay.before.includes(unitOf(seen, 'frr'))) return ok('the relay starts before FRR')
        return fail(
          `${unitOf(seen, 'macipd-relay')} has no Before=${unitOf(seen, 'frr')}`,
          'At boot bgpd may connect to zebra before the relay is there, and stay with it.',
          `systemctl edit ${unitOf(seen, 'macipd-relay')}   # [Unit] Before=${unitOf(seen, 'frr')}`,
        )
      }),
  },
  {
    ...{ id: 'configuration', group: 'system' },
    look: ({ configured: { file, mistake } }) =>
      given(mistake, (what) =>
        what === undefined
          ? ok(`${file} is understood`)
          : fail(what, 'Neither relay nor snooper starts with it.', `$EDITOR ${file}   # man macipd.yaml has all keys`),
      ),
  },
  {
    ...{ id: 'room', group: 'system' },
    look: (seen) => {
      const { rooms, status } = seen
      const { keeper, relay } = status
      const isSaid = (keeper.running && keeper.runDirFull) || (relay.running && relay.journalFailure?.code === 'ENOSPC')
      const full = rooms.filter(({ freeBytes, isOutOfFiles, path }) => {
        return freeBytes < LEAST || isOutOfFiles || (isSaid && path === seen.paths.runDir)
      })
      if (full.length > 0)
        return fail(
          full.map((it) => `${it.path} (${it.what}): ${roomText(it)}`).join(', '),
          'What is to survive a restart cannot be written: if the relay’s worker ends, nothing is announced.',
          ...full.map(({ path }) => `df -h ${path}; df -i ${path}; du -xsh ${path}/*`),
        )
      const [least] = [...rooms].sort((a, b) => a.freeBytes - b.freeBytes)
      if (least === undefined) return unknown('no directory of macipd is there')
      if (least.freeBytes < LITTLE)
        return warn(
          `${least.path} (${least.what}): ${roomText(least)}`,
          'It is enough for now.',
          `df -h ${least.path}; du -xsh ${least.path}/*`,
        )
      return ok(`${bytes(least.freeBytes)} free at least`)
    },
  },
]

/** A journal is written anew when it has about 1 MiB, beside the old one. */
const LEAST = 2 << 20
const LITTLE = 16 << 20

const roomText = ({ freeBytes, isOutOfFiles }: { freeBytes: number; isOutOfFiles: boolean }): string =>
  isOutOfFiles ? 'no room for another file' : `${bytes(freeBytes)} free`
