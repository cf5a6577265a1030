// `macipd snoop`: the snooper with the real sources, from start to signal.
import { statSync } from 'node:fs'
import type { Logger } from '../base/log.js'
import type { SnoopOptions } from '../config/options.js'
import { BpfSnooper } from './bpf/snooper.js'
import type { VniOf } from '../fpm/view.js'
import { FpmSource } from './fpm-source.js'
import { Ports } from './ports/ports.js'
import { ProbeSender } from './probe/sender.js'
import { Snooper } from './snooper.js'

/** Runs until SIGTERM or SIGINT. Rejects with FatalError when it cannot start; then nothing is left behind. */
export async function runSnooper(options: SnoopOptions, log: Logger): Promise<void> {
  const { repeatIntervalMs, rate, learnNs, exclude, probeSources, policy } = options
  const stopped = new Promise<void>((resolve) => {
    // a second signal must not cut short what the first began
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, resolve)
  })
  // the control socket comes first: a second snooper must not touch the ports of the first
  const snooper = await Snooper.start(options, log, {
    source: () => BpfSnooper.open({ repeatIntervalMs, rate, learnNs, log }),
    outlet: () => (policy.probes === 'send' ? ProbeSender.open({ log }) : undefined),
    ports: () => Ports.open({ log, exclude, probeSources }),
    fpm: (ports, changed) => {
      const vniOf: VniOf = (ifindex, vlan) => ports.vniOfVxlan(ifindex, vlan)
      const mayConnect = (uid: number): boolean => isTrusted(uid, options)
      return FpmSource.open({ ...options.fpm, view: { vniOf }, mayConnect }, log, changed)
    },
  })
  // an unexpected end leaves no filter behind either
  process.once('exit', () => {
    void snooper.release()
  })
  await stopped
  await snooper.stop()
}

/** root, this process's own user, and FRR's: whoever owns the sockets of the relay and of zebra, as far as they are there. */
function isTrusted(uid: number, { relay, zebra }: SnoopOptions): boolean {
  if (uid === 0 || uid === process.geteuid?.()) return true
  return [relay, zebra].some((path) => ownerOf(path) === uid)
}

/** undefined of what is not there, or cannot be looked at. */
function ownerOf(path: string): number | undefined {
  try {
    return statSync(path).uid
  } catch {
    return undefined
  }
}
