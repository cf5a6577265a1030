// The schema of the section `snoop:` of the configuration file.
import * as v from 'valibot'
import { type Contradiction, noContradictions } from './contradictions.js'
import * as value from './values.js'

const perFamily = value.section({ ipv4: v.optional(value.count), ipv6: v.optional(value.count) })

const sections = value.section({
  control: v.optional(value.path),
  relay: v.optional(value.path),
  mode: v.optional(value.oneOf(['announce', 'observe'])),
  age: v.optional(value.duration),
  repeatInterval: v.optional(value.duration),
  exclude: v.optional(value.list(value.text, 'a list of port names')),
  probes: v.optional(value.oneOf(['send', 'off'])),
  probeRate: v.optional(value.section({ perPort: v.optional(value.count), total: v.optional(value.count) })),
  probeSources: v.optional(value.list(value.probeSource, 'a list of IPv4 addresses with the length of their subnet')),
  neighborSolicitations: v.optional(value.oneOf(['ignore', 'learn'])),
  linkLocal: v.optional(value.oneOf(['learn', 'ignore'])),
  macMismatch: v.optional(value.oneOf(['refuse', 'accept'])),
  filters: v.optional(value.oneOf(['ignore', 'heed'])),
  vrrp: v.optional(value.oneOf(['ignore', 'learn'])),
  duplicates: v.optional(value.duplicates),
  limits: v.optional(
    value.section({
      rate: v.optional(value.count),
      burst: v.optional(value.count),
      perMac: v.optional(perFamily),
      perPort: v.optional(perFamily),
      perVni: v.optional(value.count),
      total: v.optional(value.count),
    }),
  ),
  allow: v.optional(value.byVni(value.oneOrMore(value.prefix, 'a list of prefixes, at least one'))),
  deny: v.optional(value.list(value.denied, 'a list of MAC addresses, IP addresses and prefixes')),
  pin: v.optional(
    value.list(
      value.section({
        vni: value.vni,
        ip: value.hostIp,
        macs: value.oneOrMore(value.hostMac, 'a list of MAC addresses, at least one'),
      }),
      'a list of { vni, ip, macs }',
    ),
  ),
  static: v.optional(
    value.list(
      value.section({
        vni: value.vni,
        ip: value.hostIp,
        mac: value.hostMac,
        router: v.optional(value.trueOrFalse),
      }),
      'a list of { vni, ip, mac, router }',
    ),
  ),
  state: v.optional(value.pathOrNone),
  stateAge: v.optional(value.durationOf(1000)),
})

/** The section, with a check that its rules for one VNI and IP do not contradict each other. */
export const snoopSection = v.pipe(sections, noContradictions(contradictions))

type Snoop = v.InferOutput<typeof sections>

function* contradictions({ pin = [], static: statics = [] }: Snoop): Generator<Contradiction> {
  const pins = new Map<string, number>()
  for (const [index, { vni, ip }] of pin.entries()) {
    const other = pins.get(`${vni} ${ip}`)
    if (other !== undefined) yield { keys: ['pin', index], message: `pin.${other} is about VNI ${vni} and ${ip}, too` }
    pins.set(`${vni} ${ip}`, index)
  }
  const owners = new Map<string, number>()
  for (const [index, { vni, ip, mac, router }] of statics.entries()) {
    const keys = ['static', index] as const
    const name = `${vni} ${ip}`
    const [owner, pinned] = [owners.get(name), pins.get(name)]
    if (owner !== undefined) yield { keys, message: `static.${owner} is about VNI ${vni} and ${ip}, too` }
    owners.set(name, index)
    if (pinned !== undefined && pin[pinned]?.macs.includes(mac) === false) {
      yield { keys: [...keys, 'mac'], message: `pin.${pinned} does not let ${mac} have ${ip} in VNI ${vni}` }
    }
    if (router === true && !ip.includes(':')) {
      yield { keys: [...keys, 'router'], message: 'only IPv6 has a router flag (RFC 9047)' }
    }
  }
}
