// Configuration of macipd for measurements: more hosts behind one port and more addresses of one MAC than anybody has.

/** Nobody is limited. `probes`: how many per second may be sent for refreshing. */
export const unlimited = (probes: number): string => {
  // a quarter is for Confirm probes
  const rate = Math.ceil((probes * 4) / 3)
  return `snoop:
  probeRate: {perPort: ${rate}, total: ${rate}}
  limits:
    rate: 1000000
    burst: 1000000
    perMac: {ipv4: 1000000, ipv6: 1000000}
    perPort: {ipv4: 1000000, ipv6: 1000000}
    perVni: 1000000
    total: 1000000
`
}

export const UNLIMITED = unlimited(2000)
