// The snooper: what it may do, what comes before it, who does the same.
import { configure, service, unitIn, unitOf } from '../commands.js'
import type { Observation } from '../observation.js'
import { type Check, fail, given, ok, unknown, type Verdict, warn } from '../result.js'

/** Bits of linux/capability.h. */
const CAPABILITIES = { CAP_NET_ADMIN: 12, CAP_NET_RAW: 13, CAP_SYS_ADMIN: 21, CAP_PERFMON: 38, CAP_BPF: 39 } as const
type Capability = keyof typeof CAPABILITIES

/** What the kernel takes for another one. */
const INSTEAD: Partial<Record<Capability, Capability>> = { CAP_BPF: 'CAP_SYS_ADMIN', CAP_PERFMON: 'CAP_SYS_ADMIN' }

const has = (mask: bigint, name: Capability): boolean => ((mask >> BigInt(CAPABILITIES[name])) & 1n) === 1n

function needed({ configured }: Observation): Capability[] {
  return [
    'CAP_BPF',
    'CAP_NET_ADMIN',
    ...(configured.probes ? (['CAP_NET_RAW'] as const) : []),
    ...(configured.heedsFilters ? (['CAP_PERFMON', 'CAP_SYS_ADMIN'] as const) : []),
  ]
}

const maskOf = (name: string): bigint => {
  const bit = Object.entries(CAPABILITIES).find(([known]) => known === name)?.[1]
  return bit === undefined ? 0n : 1n << BigInt(bit)
}

function capabilities(mask: bigint, seen: Observation): Verdict {
  const wanted = needed(seen)
  const missing = wanted.filter((name) => {
    const other = INSTEAD[name]
    return !has(mask, name) && !(other !== undefined && has(mask, other))
  })
  if (missing.length === 0) return ok(`the snooper has ${wanted.join(', ')}`)
  const unit = unitOf(seen, 'macipd-snoop')
  return fail(
    `the snooper does not have ${missing.join(', ')}`,
    'It cannot do its work.',
    ...(unitIn(seen, 'macipd-snoop') === undefined
      ? [`# start it as root, or with ${wanted.join(', ')}`]
      : [
          `systemctl edit ${unit}   # [Service] AmbientCapabilities= and CapabilityBoundingSet=: ${wanted.join(' ')}`,
          service(seen, 'restart', 'macipd-snoop'),
        ]),
  )
}

export const SNOOPER_CHECKS: readonly Check[] = [
  {
    ...{ id: 'capabilities', group: 'snooper' },
    look: (seen) => {
      const { snooper } = seen.status
      const unit = unitIn(seen, 'macipd-snoop')
      // without what it needs it may not even start
      if (!snooper.running && unit?.capabilities !== undefined) {
        const mask = unit.capabilities.map((name) => maskOf(name.toUpperCase())).reduce((all, one) => all | one, 0n)
        return capabilities(mask, seen)
      }
      return given(seen.snooperCapabilities, (mask) => capabilities(mask, seen))
    },
  },
  {
    ...{ id: 'programs-before', group: 'snooper' },
    look: (seen) => {
      const { snooper } = seen.status
      if (!snooper.running) return unknown('the snooper does not answer')
      const snooped = new Set(snooper.ports.map(({ name }) => name))
      const links = 'unknown' in seen.network ? [] : seen.network.value.links
      const xdp = links.filter(({ name, xdp }) => snooped.has(name) && xdp !== undefined)
      const behind = snooper.ports.filter(({ ahead }) => ahead.length > 0)
      if (xdp.length === 0 && behind.length === 0) return ok('nothing sees the frames of a port before the snooper')
      const texts = [
        ...xdp.map(({ name, xdp }) => `${name}: XDP program ${xdp}`),
        ...behind.map(({ name, ahead }) => `${name}: ${ahead.join(', ')}`),
      ]
      const [port = ''] = [...xdp, ...behind].map(({ name }) => name)
      return warn(
        `others see frames before the snooper: ${few(texts)}`,
        'What they drop or redirect is not seen, so those hosts may not be learned.',
        `bpftool net show dev ${port}; tc filter show dev ${port} ingress   # what they are`,
        ...(xdp.length > 0 ? [`ip link set dev ${xdp[0]?.name ?? ''} xdp off   # if it is not wanted`] : []),
        ...(behind.length > 0 ? [service(seen, 'restart', 'macipd-snoop')] : []),
      )
    },
  },
  {
    ...{ id: 'rivals', group: 'snooper' },
    look: ({ rivals }) =>
      given(rivals, (found) => {
        if (found.length === 0) return ok('no other program of this kind runs')
        return warn(
          `another program of this kind runs: ${found.map(({ name, pid }) => `${name} (process ${pid})`).join(', ')}`,
          'It writes kernel neighbours, which zebra announces itself; they hide what macipd learns.',
          ...found.map(({ name }) => `systemctl disable --now ${name}`),
        )
      }),
  },
  {
    ...{ id: 'age', group: 'snooper' },
    look: (seen) => {
      const { snooper } = seen.status
      if (!snooper.running) return unknown('the snooper does not answer')
      return given(seen.network, ({ links }) => {
        const names = new Set(snooper.ports.map(({ bridge }) => bridge))
        const bridges = links.flatMap(({ name, bridge }) =>
          bridge !== undefined && names.has(name) ? [{ name, ageingMs: bridge.ageingMs }] : [],
        )
        const none = bridges.filter(({ ageingMs }) => ageingMs === 0)
        if (none.length > 0)
          return fail(
            `${few(none.map(({ name }) => name))}: the ageing time is 0, so the bridge learns no MAC`,
            'zebra knows no local MAC there, and an IP is announced only with its MAC.',
            ...none.map(({ name }) => `ip link set dev ${name} type bridge ageing_time 30000   # 300 s`),
          )
        const shorter = bridges.filter(({ ageingMs }) => ageingMs < snooper.ageMs)
        if (shorter.length > 0 && !seen.configured.probes)
          return warn(
            `snoop.age is ${snooper.ageMs / 1000} s, and ${few(shorter.map(({ name, ageingMs }) => `${name} forgets a MAC after ${ageingMs / 1000} s`))}`,
            'A host that is silent in between loses its IPs with its MAC, because probes are off.',
            ...configure(seen, 'snoop: {probes: send}'),
          )
        return ok(
          snooper.ageMs === 0
            ? 'bindings live as long as the bridge keeps a MAC'
            : `bindings live for ${snooper.ageMs / 1000} s, and hosts are asked before the bridge forgets them`,
        )
      })
    },
  },
]

const NAMED = 3
const few = (texts: readonly string[]): string =>
  `${texts.slice(0, NAMED).join('; ')}${texts.length > NAMED ? `; and ${texts.length - NAMED} more` : ''}`
