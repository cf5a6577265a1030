// What happened to a binding, for display in `macipctl events` and `explain`. No decision depends on it.
import type { Key } from './model.js'

/** Maps each event to its meaning. */
export const EVENTS = {
  learned: 'a host said that it has the address',
  restored: 'known from before: from an earlier run, its former place, or another node',
  moved: 'the same host is behind another port or VLAN now',
  router: 'the host became a router, or is none any longer',
  state: 'what bgpd may be told of it has changed',
  probing: 'the host is asked whether it is still there',
  answered: 'the host is still there',
  contested: 'another host claims the address, or zebra routes it to another VTEP; the owner is asked first',
  claiming: 'the host claims an address that is announced behind another VTEP; the owner there is asked first',
  defended: 'the owner answered: the address stays where it is',
  'held-down':
    'the host has claimed addresses too often whose owners answered: it is not believed for the hold-down time',
  'taken-over': 'another host has the address now',
  duplicate: 'the address moved too often: it is withdrawn, and frozen for the hold-down time',
  released: 'no longer frozen',
  withdrawn: 'no longer known here',
  refused: 'what a host said was not believed',
} as const
export type EventName = keyof typeof EVENTS

/**
 * `port` is '' if the event has none. `detail` is the name of a reason, or MAC and port of the former owner or of the
 * claiming host; '' if there is none.
 */
export type Event = {
  readonly event: EventName
  readonly key: Key
  readonly port: string
  readonly detail: string
}

/** The snooper keeps this many events; then the port that has the most loses its oldest one. */
export const MAX_EVENTS = 16_384

/** An event that is kept. `at`: milliseconds of the monotonic clock. */
export type HistoryEvent = Event & { readonly sequence: number; readonly at: number }

/** An undefined field matches every event. */
export type HistoryFilter = {
  readonly vni?: number | undefined
  readonly mac?: string | undefined
  readonly ip?: string | undefined
  readonly events?: ReadonlySet<EventName> | undefined
}

/**
 * Counts refused claims of one kind on one port. `key.vni` is 0 if there is none. Times are milliseconds of the monotonic
 * clock.
 */
export type Refused = {
  readonly key: Key
  readonly reason: string
  readonly port: string
  count: number
  readonly first: number
  last: number
}
