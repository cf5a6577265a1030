// Which packets of the underlay the proxy wants to hear of.
import { isIPv6 } from 'node:net'
import type { WatchOptions } from '../config/options.js'
import { WATCH_LIMITS, type WatchVxlan } from '../control/vxlan-codec.js'
import { askerOf } from './vxlan-prober.js'

/** Of all VTEPs together; the most that a proxy handles besides its sessions. */
const TOTAL_RATE = { perSecond: 5000, burst: 10_000 } as const

/**
 * A frame teaches if it is for an overlay of which this proxy knows: its packet goes to this node, or to a VTEP that speaks
 * EVPN. Those that do are heard, too, since they may have the answer to a question. What is too much is left out.
 */
export function watchOf(
  { interfaces, ports, vnis, sources, repeatIntervalMs, rate }: WatchOptions,
  own: readonly string[],
  natives: Iterable<string>,
): WatchVxlan {
  const native = [...natives]
  const [first = 4789, ...others] = ports
  const [asker] = own.map(askerOf)
  return {
    ...{
      interfaces,
      udpPorts: [first, ...others],
      vnis: vnis.slice(0, WATCH_LIMITS.vnis),
      repeatIntervalMs,
      rate,
      asker,
    },
    sources: [...sources, ...native.map((ip) => ({ ip, length: isIPv6(ip) ? 128 : 32 }))].slice(
      0,
      WATCH_LIMITS.sources,
    ),
    destinations: [...new Set([...own, ...native])].slice(0, WATCH_LIMITS.destinations),
    totalRate: TOTAL_RATE,
  }
}
