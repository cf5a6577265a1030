// The schema of the section `proxy:` of the configuration file.
import * as v from 'valibot'
import * as value from '../values.js'
import * as bgp from './values.js'

const SOURCE_EXPECTED = "this node's VTEP address, or a list of one IPv4 and one IPv6 address"
const sources = v.pipe(
  v.array(value.hostIp, SOURCE_EXPECTED),
  v.check((ips) => {
    const ipv6 = ips.filter((ip) => ip.includes(':')).length
    return ips.length > 0 && ipv6 <= 1 && ips.length - ipv6 <= 1
  }, SOURCE_EXPECTED),
)
const source = v.lazy((input) =>
  typeof input === 'string'
    ? v.pipe(
        value.hostIp,
        v.transform((ip) => [ip]),
      )
    : sources,
)

const MAX_PORTS = 8
const PORTS_EXPECTED = `a list of 1 to ${MAX_PORTS} UDP ports, each another one`
const port = value.numberOf(1, 65_535)
const ports = v.pipe(
  v.array(port, PORTS_EXPECTED),
  v.check((list) => list.length > 0 && list.length <= MAX_PORTS && new Set(list).size === list.length, PORTS_EXPECTED),
)

const host = value.section({
  mac: value.hostMac,
  ips: v.optional(value.list(value.hostIp, 'a list of IP addresses')),
  sticky: v.optional(value.trueOrFalse),
})

const vni = value.section({
  routeTargets: v.optional(value.oneOrMore(bgp.routeTarget, 'a list of route targets, at least one')),
  vteps: v.optional(
    value.byIp(
      value.section({ hosts: v.optional(value.list(host, 'a list of { mac, ips, sticky }')) }),
      'the hosts of a VTEP',
    ),
  ),
})

const VNIS_EXPECTED = 'VNIs as keys, at least one'

/** checks.ts has what its values cannot be together. */
export const proxySection = value.section({
  control: v.optional(value.path),
  snoop: v.optional(value.path),
  as: bgp.as,
  routerId: bgp.routerId,
  source,
  neighbors: value.oneOrMore(
    value.section({
      address: bgp.neighborIp,
      as: v.optional(bgp.as),
      port: v.optional(port),
      passwordFile: v.optional(value.path),
      holdTime: v.optional(bgp.holdTime),
    }),
    'a list of { address, as, port, passwordFile, holdTime }, at least one',
  ),
  mark: v.optional(bgp.community),
  restartTime: v.optional(bgp.restartTime),
  staleTime: v.optional(value.duration),
  interfaces: v.optional(value.list(value.text, 'a list of interface names')),
  ports: v.optional(ports),
  discover: v.optional(
    value.section({
      from: v.optional(value.list(value.prefix, 'a list of prefixes')),
      limit: v.optional(value.count),
    }),
  ),
  learnIp: v.optional(value.trueOrFalse),
  age: v.optional(value.duration),
  repeatInterval: v.optional(value.duration),
  probes: v.optional(value.oneOf(['send', 'off'])),
  probeRate: v.optional(value.section({ perVtep: v.optional(value.count), total: v.optional(value.count) })),
  duplicates: v.optional(value.duplicates),
  limits: v.optional(
    value.section({
      rate: v.optional(value.count),
      burst: v.optional(value.count),
      macsPerVtep: v.optional(value.count),
      macsPerVni: v.optional(value.count),
      ipsPerMac: v.optional(value.count),
    }),
  ),
  state: v.optional(value.pathOrNone),
  stateAge: v.optional(value.durationOf(1000)),
  vnis: v.pipe(
    value.byVni(vni, 'its section'),
    v.check((vnis) => vnis.size > 0, VNIS_EXPECTED),
  ),
})

export type ProxySection = v.InferOutput<typeof proxySection>
