// What holds for the proxy without a key, besides its policy and what it has in common with the snooper.

export const PROXY_DEFAULTS = {
  port: 179,
  /** Seconds. */
  holdTime: 90,
  /** Seconds. */
  restartTime: 120,
  mark: '65000:4789',
  /** VXLAN's (RFC 7348 5). */
  ports: [4789],
  probes: 'send',
  /** New claims of one VTEP. */
  rate: { perSecond: 200, burst: 400 },
} as const
