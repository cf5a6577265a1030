// Tells zebra where to send its FPM messages.
import { spawnSync } from 'node:child_process'
import { ExitCode, FatalError, reason } from '../../base/exit.js'
import { MAY_CRASH, mayCrashNow } from '../../vty/fpm-config.js'
import { Vty } from '../../vty/vty.js'

/** zebra is not waited for longer. */
const SILENCE_MS = 10_000

const LINES = ['configure terminal', 'fpm address 127.0.0.1', 'no fpm use-next-hop-groups', 'end', 'write memory']

/** Resolves to why zebra is better not told anything, if it is so. */
export async function objection(zebraVty: string): Promise<string | undefined> {
  try {
    using vty = await Vty.open(zebraVty, SILENCE_MS)
    return (await mayCrashNow(vty)) ? `${MAY_CRASH}; upgrade FRR, then give this command again` : undefined
  } catch (error) {
    return `zebra does not say whether it survives that FPM connects: ${reason(error)}`
  }
}

/** Configures it in vtysh, and writes the configuration. Throws FatalError (internal) with what vtysh says. */
export function configureFpm(pathspace: string | undefined): void {
  const where = pathspace === undefined ? [] : ['-N', pathspace]
  const commands = LINES.flatMap((line) => ['-c', line])
  const { status, stdout, error } = spawnSync('vtysh', [...where, ...commands], { encoding: 'utf8' })
  const trouble = error?.message ?? stdout.split('\n').find((line) => line.startsWith('%'))
  if (status !== 0 || trouble !== undefined)
    throw new FatalError(ExitCode.internal, `vtysh could not configure FPM: ${trouble ?? `exit code ${status}`}`)
}
