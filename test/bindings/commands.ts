// What may happen in a random world, as plain data.
import fc from 'fast-check'
import type { Anchor, Status } from '../../src/bindings/model.js'

export const AGEING = 30_000
export const DAD_MS = 10_000
export const VMS = ['02:00:00:00:00:01', '02:00:00:00:00:02', '02:00:00:00:00:03'] as const
const NEVER_MACS = ['01:00:00:00:00:01', '00:00:5e:00:01:07'] as const
export const IPS = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '2001:db8::1', 'fe80::1'] as const
const STATUSES: readonly Status[] = [
  ...(['announced', 'announced', 'announced', 'shadowed', 'shadowed', 'shadowed'] as const),
  ...(['no-session', 'mac-not-local', 'remote', 'ip-conflict'] as const),
]
export const PORTS = [1, 2, 3] as const
export const STATIC = { vni: 100, mac: VMS[0], ip: '10.0.0.3', router: false }

const anchor = fc
  .record({ ifindex: fc.constantFrom(...PORTS), vlan: fc.constantFrom(0, 0, 0, 5) })
  .map(({ ifindex, vlan }): Anchor => ({ ifindex, port: `tap${ifindex}`, vlan, ageingMs: AGEING }))
/** A VLAN is a VNI. */
export const vniOf = ({ vlan }: Anchor): number => (vlan === 0 ? 100 : 200)
const mac = fc.constantFrom(...VMS, ...VMS, ...VMS, ...NEVER_MACS)
const ip = fc.constantFrom(...IPS, ...IPS, '127.0.0.1')
const kind = fc.constantFrom('arp-request' as const, 'arp-reply' as const, 'na' as const, 'na' as const, 'ra' as const)
const isLearned = fc.constantFrom(false, false, true)
const frame = { kind, anchor, router: fc.boolean(), override: fc.boolean(), isLearned }
const pick = fc.nat(1000)

const command = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('say' as const), mac, ip, ...frame }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('answer' as const), pick, stays: fc.nat(4), ...frame }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('claim' as const), pick, mac, ...frame }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('ask' as const), pick, anchor, mac }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('own' as const),
      pick,
      selfMatch: fc.constantFrom('mac' as const, 'ip' as const, 'network' as const),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(0, 1, 400, 2000, 9000, 40_000) }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('wait-for-timer' as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('report' as const), pick, status: fc.constantFrom(...STATUSES) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      ...{ do: fc.constant('view' as const), by: fc.constantFrom('zebra' as const, 'bgpd' as const, 'bgpd' as const) },
      ...{ mac, ip: fc.option(ip, { nil: undefined }), gone: fc.boolean(), vni: fc.constantFrom(100, 100, 200) },
      ...{ flags: fc.constantFrom(0, 0, 0, 0, 0, 1, 2, 0x20, 0x40, 0x60), seq: fc.constantFrom(0, 1, 5, 0xffff_ffff) },
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      ...{ do: fc.constant('fpm-mac' as const), pick, mac, remote: fc.constantFrom(true, true, false) },
      ...{ vni: fc.constantFrom(100, 100, 200), known: fc.boolean() },
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      ...{ do: fc.constant('peer' as const), pick, gone: fc.constantFrom(false, false, false, true) },
      ...{ isProxy: fc.constantFrom(false, false, false, true), isMacOnly: fc.constantFrom(false, false, true) },
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('fpm-route' as const), pick, ip, known: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ do: 'fpm-none' as const }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('fdb' as const), pick, anchor, isClaim: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('remote-answer' as const), pick, mac, asked: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('claim-remote' as const), pick, ip, mac, again: fc.boolean(), ...frame }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      ...{ do: fc.constant('zebra-mac' as const), pick, gone: fc.constantFrom(true, false, false) },
      seq: fc.constantFrom(0, 1, 2, 5, 6),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('vni-gone' as const), vni: fc.constantFrom(100, 200) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      ...{ do: fc.constant('port' as const), ifindex: fc.constantFrom(...PORTS), up: fc.boolean() },
      ...{ vlan: fc.option(fc.constantFrom(0, 5), { nil: undefined }), gone: fc.boolean() },
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('block' as const),
      ifindex: fc.constantFrom(...PORTS),
      isBlocked: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      ...{ do: fc.constant('attack' as const), pick, mac, anchor, kind },
      times: fc.integer({ min: 1, max: 6 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      ...{ do: fc.constant('hand-over' as const), pick, mac, anchor, kind },
      lateMs: fc.constantFrom(0, 300, 1000, 1500, 2500, 3500),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rival' as const), pick, kind, isDue: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('arrive' as const),
      mac,
      ip,
      anchor,
      isAnswered: fc.boolean(),
      isGone: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('relay' as const), up: fc.constantFrom(true, true, false) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      ...{
        do: fc.constant('restore' as const),
        from: fc.constantFrom('relay' as const, 'file' as const),
        mac,
        ip,
        anchor,
      },
      ...{ ago: fc.nat(50_000), minSeq: fc.nat(3), leads: fc.nat(9), again: fc.boolean() },
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('clear' as const),
      pick,
      what: fc.constantFrom('binding' as const, 'duplicate' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('static' as const), rarely: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'views-reset' as const }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('leave' as const), pick, isConflict: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unplug-claim' as const), pick, isOwner: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wander' as const), pick, times: fc.integer({ min: 1, max: 3 }) }),
  },
)
type Drawn<T> = T extends fc.Arbitrary<infer V> ? V : never
export type Command = Drawn<typeof command>
export const commands = fc.array(command, { minLength: 20, maxLength: 120, size: 'max' })
