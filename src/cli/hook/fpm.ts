// Tells zebra where to send its FPM messages.
import { spawnSync } from 'node:child_process'
import { ExitCode, FatalError, reason } from '../../base/exit.js'
import { FPM_PORT } from '../../fpm/listener.js'
import { fpmLines, MAY_CRASH, mayCrashNow, showFpmConfig } from '../../vty/fpm-config.js'
import { Vty } from '../../vty/vty.js'

/** zebra is not waited for longer. */
const SILENCE_MS = 10_000

const HERE = { ip: '127.0.0.1', port: FPM_PORT }

/** Resolves to the configuration lines that zebra lacks, or to why it is better not told anything. */
export async function missingLines(zebraVty: string): Promise<{ lines: string[] } | { objection: string }> {
  try {
    using vty = await Vty.open(zebraVty, SILENCE_MS)
    if (await mayCrashNow(vty)) return { objection: `${MAY_CRASH}; upgrade FRR, then give this command again` }
    return { lines: fpmLines(await showFpmConfig(vty), HERE) }
  } catch (error) {
    return { objection: `zebra does not say whether it survives that FPM connects: ${reason(error)}` }
  }
}

/**
 * Configures it in vtysh, and writes the configuration: what zebra has may not be in its file. Throws FatalError (internal) with
 * what vtysh says.
 */
export function configureInVtysh(pathspace: string | undefined, lines: readonly string[]): void {
  const where = pathspace === undefined ? [] : ['-N', pathspace]
  const commands = ['configure terminal', ...lines, 'end', 'write memory'].flatMap((line) => ['-c', line])
  const { status, stdout, error } = spawnSync('vtysh', [...where, ...commands], { encoding: 'utf8' })
  const trouble = error?.message ?? stdout.split('\n').find((line) => line.startsWith('%'))
  if (status !== 0 || trouble !== undefined)
    throw new FatalError(ExitCode.internal, `vtysh could not configure FPM: ${trouble ?? `exit code ${status}`}`)
}
