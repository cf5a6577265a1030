// Signals whose default is to end a process, and which mean nothing to one that others depend on.

/** SIGUSR1 would open Node's debugger. SIGTERM and SIGINT are the caller's. */
const IGNORED = [
  'SIGHUP',
  'SIGQUIT',
  'SIGUSR1',
  'SIGUSR2',
  'SIGALRM',
  'SIGVTALRM',
  'SIGPROF',
  'SIGIO',
  'SIGPWR',
  'SIGSTKFLT',
  'SIGXCPU',
  'SIGXFSZ',
] as const satisfies readonly NodeJS.Signals[]

export function ignoreSignals(): void {
  for (const signal of IGNORED) process.on(signal, () => undefined)
}
