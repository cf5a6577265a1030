// `macipd snoop`: runs the snooper with its real sources, from start to signal.
import { statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Logger } from '../base/log.js'
import type { SnoopOptions } from '../config/options.js'
import { collectAfterStart } from '../os/garbage.js'
import { BpfSnooper } from './bpf/snooper.js'
import { VxlanSnooper } from './bpf/vxlan-snooper.js'
import type { VniOf } from '../fpm/view.js'
import { FpmSource } from './fpm-source.js'
import { Ports } from './ports/ports.js'
import { ProbeSender } from './probe/sender.js'
import { Snooper } from './snooper.js'

/** Runs until SIGTERM or SIGINT. Rejects with FatalError if it cannot start, after releasing everything. */
export async function runSnooper(options: SnoopOptions, log: Logger): Promise<void> {
  const { repeatIntervalMs, rate, learnNs, heedFilters, exclude, probeSources, policy } = options
  const stopped = new Promise<void>((resolve) => {
    // a second signal must not interrupt the shutdown that the first began
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, resolve)
  })
  // the control socket comes first: a second snooper must not touch the ports of the first
  const snooper = await Snooper.start(options, log, {
    source: () => BpfSnooper.open({ repeatIntervalMs, rate, learnNs, heedFilters, log }),
    vxlan: () => VxlanSnooper.open({ log }),
    outlet: () => (policy.probes === 'send' ? ProbeSender.open({ log }) : undefined),
    ports: () => Ports.open({ log, exclude, probeSources }),
    fpm: (ports, changed) => {
      const vniOf: VniOf = (ifindex, vlan) => ports.vniOfVxlan(ifindex, vlan)
      const mayConnect = (uid: number): boolean => isTrusted(uid, options)
      const vty = join(dirname(options.zebra), 'zebra.vty')
      return FpmSource.open({ ...options.fpm, view: { vniOf }, vty, mayConnect }, log, changed)
    },
  })
  // removes the filters after an unexpected end, too
  process.once('exit', () => {
    void snooper.release()
  })
  collectAfterStart()
  await stopped
  await snooper.stop()
}

/**
 * Trusts root, this process's own user, and FRR's, which owns the sockets of the relay and of zebra as far as they
 * exist.
 */
function isTrusted(uid: number, { relay, zebra }: SnoopOptions): boolean {
  if (uid === 0 || uid === process.geteuid?.()) return true
  return [relay, zebra].some((path) => ownerOf(path) === uid)
}

/** Returns the owner's uid; undefined if the file does not exist or cannot be examined. */
function ownerOf(path: string): number | undefined {
  try {
    return statSync(path).uid
  } catch {
    return undefined
  }
}
