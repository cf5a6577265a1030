// What a configuration that is read again means for a proxy that runs.
import { isDeepStrictEqual } from 'node:util'
import type { ProxyOptions } from '../options.js'

/** Names of what is there now, was there before, and is there still but not the same. */
export type Difference = {
  readonly added: readonly string[]
  readonly removed: readonly string[]
  readonly changed: readonly string[]
}

export type ProxyChange = {
  /** Keys whose values take effect while every session stays. */
  readonly live: readonly string[]
  /**
   * By their numbers. The routes of a VNI that has changed have another route distinguisher or other route targets: they
   * are to be withdrawn under the old one.
   */
  readonly vnis: Difference
  /** By their names. Those that have changed must be dialled anew; all others keep their sessions. */
  readonly neighbors: Difference
  /**
   * Keys whose values hold for as long as the process. If there are any, the rest is to wait for the restart, too: AS
   * numbers, addresses and neighbours belong together.
   */
  readonly restart: readonly string[]
}

type Part = (options: ProxyOptions) => unknown

const LIVE: Readonly<Record<string, Part>> = {
  'proxy.vnis': ({ settings: { policy, routes, watch } }) => [policy.vnis, routes.vnis, watch.vnis],
  // a BlockList does not show what it has to a comparison
  'proxy.discover': ({ settings: { policy } }) => [policy.discover.from?.rules, policy.discover.limit],
  'proxy.learnIp': ({ settings: { policy } }) => policy.learnIp,
  'proxy.age': ({ settings: { policy } }) => policy.ageMs,
  'proxy.probes': ({ settings }) => settings.probes,
  'proxy.probeRate': ({ settings: { policy } }) => policy.probeRate,
  'proxy.duplicates': ({ settings: { policy } }) => policy.duplicates,
  'proxy.limits': ({ settings: { policy, watch } }) => [policy.limits, watch.rate],
  'proxy.interfaces': ({ settings: { watch } }) => watch.interfaces,
  'proxy.ports': ({ settings: { watch } }) => watch.ports,
  'proxy.repeatInterval': ({ settings: { watch } }) => watch.repeatIntervalMs,
  'proxy.staleTime': ({ settings: { policy } }) => policy.staleMs,
}

const RESTART: Readonly<Record<string, Part>> = {
  'proxy.control': ({ control }) => control,
  'proxy.snoop': ({ snoop }) => snoop,
  'proxy.as': ({ settings: { routes } }) => routes.localAs,
  'proxy.routerId': ({ settings: { routes } }) => routes.routerId,
  'proxy.source': ({ settings }) => settings.sourceAddresses,
  // routes of others were taken for those of proxies by it
  'proxy.mark': ({ settings: { routes } }) => routes.mark,
  'proxy.state': ({ stateFile }) => stateFile,
  'proxy.stateAge': ({ stateAgeMs }) => stateAgeMs,
  'log.level': ({ logLevel }) => logLevel,
}

/** What has to be done so that a proxy with the options `before` has the options `now`. */
export function changeOf(before: ProxyOptions, now: ProxyOptions): ProxyChange {
  const differing = (parts: Readonly<Record<string, Part>>): string[] =>
    Object.entries(parts).flatMap(([name, part]) => (isDeepStrictEqual(part(before), part(now)) ? [] : [name]))
  return {
    live: differing(LIVE),
    vnis: difference(before.settings.routes.vnis, now.settings.routes.vnis),
    neighbors: difference(byName(before), byName(now)),
    restart: differing(RESTART),
  }
}

const byName = ({ settings: { neighbors } }: ProxyOptions): Map<string, unknown> =>
  new Map(neighbors.map((neighbor) => [neighbor.name, neighbor]))

function difference<Key>(before: ReadonlyMap<Key, unknown>, now: ReadonlyMap<Key, unknown>): Difference {
  const names = (keys: Iterable<Key>, isMeant: (key: Key) => boolean): string[] =>
    [...keys].filter((key) => isMeant(key)).map(String)
  return {
    added: names(now.keys(), (key) => !before.has(key)),
    removed: names(before.keys(), (key) => !now.has(key)),
    changed: names(now.keys(), (key) => before.has(key) && !isDeepStrictEqual(before.get(key), now.get(key))),
  }
}
