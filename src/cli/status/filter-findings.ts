// What else is in the way of frames: programs that come before the snooper's, and filters that drop what it has seen.
import type { SnooperReport } from '../report.js'
import { count } from '../text.js'
import { type Finding, notice } from './finding.js'

/** So many are named one by one. */
const NAMED = 5

/** A host that uses IPv4 or IPv6 at all asks for a neighbour within this time. */
const SILENCE_MS = 15 * 60_000

type Snooped = Pick<SnooperReport, 'ports' | 'bridgeFilters' | 'heedsFilters'>

export function filterFindings({ ports, bridgeFilters, heedsFilters }: Snooped): Finding[] {
  const behind = ports.filter(({ ahead }) => ahead.length > 0)
  const found = behind
    .slice(0, NAMED)
    .map(({ name, ahead }) =>
      notice(
        'port-not-first',
        `hosts on port ${name} may not be seen: its frames pass ${namesOf(ahead)} first`,
        `let the snooper come first: attach them again after it, or set the port down and up; bpftool net show dev ${name}`,
      ),
    )
  if (behind.length > NAMED)
    found.push(
      notice(
        'port-not-first',
        `nor on ${count(behind.length - NAMED, 'other port')}`,
        'macipctl status --json names them: snooper.ports[].ahead',
      ),
    )
  const silent = ports.filter(
    ({ attached, up, macs, silentMs }) => attached !== '' && up && macs > 0 && silentMs > SILENCE_MS,
  )
  if (silent.length > 0)
    found.push(
      notice(
        'port-silent',
        `the bridge has MACs on ${namesOf(silent.map(({ name }) => name))}, but no ARP or ND was ever seen there`,
        'hosts that speak IP ask for others now and then: look for what keeps their frames from the snooper, tcpdump -ni PORT arp or icmp6',
      ),
    )
  const onPorts = ports.filter(({ filters }) => filters.length > 0)
  const all = [...new Set([...bridgeFilters, ...onPorts.flatMap(({ filters }) => filters)])]
  if (all.length > 0 && !heedsFilters) {
    const where = onPorts.length === 0 ? '' : ` on ${count(onPorts.length, 'port')}`
    found.push(
      notice(
        'filters',
        `filters are in use that the snooper comes before${where}: ${namesOf(all)}`,
        'an address that they drop is learned all the same: set snoop.filters: heed, or say who may have it (snoop.pin, snoop.allow)',
      ),
    )
  }
  return found
}

function namesOf(all: readonly string[]): string {
  const more = all.length > NAMED ? `, and ${all.length - NAMED} more` : ''
  return `${all.slice(0, NAMED).join(', ')}${more}`
}
