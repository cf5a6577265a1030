// What holds without a key, besides the policies.

export const DEFAULTS = {
  runDir: '/run/macipd',
  zebraDir: '/run/frr',
  staleMs: 300_000,
  recentBytes: 4 << 20,
  repeatIntervalMs: 30_000,
  rate: { perSecond: 1000, burst: 2000 },
  neighborSolicitations: 'ignore',
  filters: 'ignore',
  stateDir: '/var/lib/macipd',
  stateAgeMs: 86_400_000,
  logLevel: 'info',
} as const
