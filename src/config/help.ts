// The part of `macipd snoop --help` about keys that only the configuration file has.
import { DEFAULT_POLICY } from '../bindings/policy.js'
import { DEFAULTS } from './settings.js'

const seconds = (ms: number): string => `${ms / 1000}s`
const { probeRate, duplicates, limits } = DEFAULT_POLICY

/** The keys of the snooper's section that have no option. */
export const FILE_ONLY = `Only in the configuration file (docs/configuration.md):
  snoop.probes                 send or off: ask silent hosts if they are still there (default: ${DEFAULT_POLICY.probes})
  snoop.probeRate              {perPort, total}: probes per second (default: ${probeRate.perPort}, ${probeRate.total})
  snoop.probeSources           sources of ARP probes in subnets without an address of the node: [10.0.0.250/24, …]
  snoop.neighborSolicitations  ignore or learn from the sender (default: ${DEFAULTS.neighborSolicitations})
  snoop.linkLocal              learn or ignore fe80:: addresses (default: ${DEFAULT_POLICY.linkLocal})
  snoop.macMismatch            refuse or accept frames whose source is not the MAC they speak for (default: ${DEFAULT_POLICY.macMismatch})
  snoop.filters                ignore or heed what nftables, ebtables and tc drop on a port (default: ${DEFAULTS.filters})
  snoop.vrrp                   ignore or learn virtual router MAC addresses (default: ${DEFAULT_POLICY.vrrp})
  snoop.duplicates             {moves, window, holdDown, confirm}: when an IP that moves on and on is frozen
                               (default: ${duplicates.moves}, ${seconds(duplicates.windowMs)}, ${seconds(duplicates.holdDownMs)}, ${seconds(duplicates.confirmMs)})
  snoop.limits                 {rate, burst}: new claims per second on a port (default: ${DEFAULTS.rate.perSecond}, ${DEFAULTS.rate.burst})
                               {perMac, perPort}: {ipv4, ipv6} addresses (default: ${limits.perMac.ipv4} and ${limits.perMac.ipv6}, ${limits.perPort.ipv4} and ${limits.perPort.ipv6})
                               {perVni, total}: bindings (default: ${limits.perVni}, ${limits.total})
  snoop.allow                  {VNI: [prefix, …]}: what an address in the VNI must be in
  snoop.deny                   MAC addresses, IP addresses and prefixes never to learn
  snoop.pin                    [{vni, ip, macs}]: the only MAC addresses that may have the IP
  snoop.static                 [{vni, ip, mac, router}]: bindings to announce whether seen or not
  snoop.stateAge               what is older in the state file is not believed (default: ${DEFAULTS.stateAgeMs / 3_600_000}h)
  metrics.listen               where Prometheus is answered: 127.0.0.1:9430, [::1]:9430, or a path (default: nowhere)
  metrics.perPort              true: with metrics of each port (default: false)
  fpm.forward                  another FPM server, which is told what zebra tells: 127.0.0.1:2621
  fpm.allowRemote              true: fpm.listen may name other addresses than loopback (default: false)
  fpm.recent                   memory for recent frames, which macipctl fpm dump shows (default: ${DEFAULTS.recentBytes >> 20}M)`
