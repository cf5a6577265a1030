// What happened to a host or a VTEP, for display. No decision depends on it.

/** Maps each event to its meaning. */
export const EVENTS = {
  learned: 'a host behind a static VTEP said that it has the address',
  restored: 'known from an earlier run',
  asked: 'the host may be behind the VTEP: it is asked',
  moved: 'the host is behind another VTEP now',
  elsewhere: 'another route of the MAC wins',
  contested: 'another host says that it has the IP; the owner is asked first',
  defended: 'the owner answered: the IP stays where it is',
  'taken-over': 'another host has the IP now',
  duplicate: 'it moved too often: it is withdrawn, and frozen for the hold-down time',
  released: 'no longer frozen',
  withdrawn: 'no longer known',
  refused: 'what a host said was not believed',
  'vtep-native': 'the VTEP speaks EVPN itself now: nothing is announced for it any more',
  'vtep-static': 'the VTEP does not speak EVPN any more',
} as const
export type EventName = keyof typeof EVENTS

/** `mac` and `ip` are '' if the event has none; `detail` is the name of a reason, or the former VTEP or MAC. */
export type Event = {
  readonly event: EventName
  readonly vni: number
  readonly vtep: string
  readonly mac: string
  readonly ip: string
  readonly detail: string
}
