// Tells zebra where to send its FPM messages.
import { spawnSync } from 'node:child_process'
import { ExitCode, FatalError, reason } from '../../base/exit.js'
import { fpmLines, type FpmServer, MAY_CRASH, mayCrashNow, showFpmConfig } from '../../vty/fpm-config.js'
import { wantedServer } from '../../vty/fpm-server.js'
import { Vty } from '../../vty/vty.js'

/** zebra is not waited for longer. */
const SILENCE_MS = 10_000

const OTHER_SERVER =
  'macipd can pass everything on to it (fpm.forward): then take it away (vtysh -c "configure terminal" -c "no fpm address"), and give this command again'

/**
 * Resolves to the configuration lines that zebra lacks, or to why it is better not told anything.
 * @param listening where macipd listens
 */
export async function missingLines(
  zebraVty: string,
  listening: readonly FpmServer[],
): Promise<{ lines: string[] } | { objection: string }> {
  if (listening.length === 0) return { objection: 'macipd does not listen for it (fpm.listen: none)' }
  try {
    using vty = await Vty.open(zebraVty, SILENCE_MS)
    if (await mayCrashNow(vty)) return { objection: `${MAY_CRASH}; upgrade FRR, then give this command again` }
    const config = await showFpmConfig(vty)
    const wanted = wantedServer(config, listening, false)
    if ('state' in wanted)
      return { objection: wanted.state === 'other-server' ? `${wanted.why}; ${OTHER_SERVER}` : wanted.why }
    return { lines: fpmLines(config, wanted) }
  } catch (error) {
    return { objection: `zebra does not say whether it survives that FPM connects: ${reason(error)}` }
  }
}

/** Gives commands to vtysh. Throws FatalError (internal) with what it says. */
export function inVtysh(pathspace: string | undefined, ...lines: readonly string[]): void {
  const where = pathspace === undefined ? [] : ['-N', pathspace]
  const commands = lines.flatMap((line) => ['-c', line])
  const { status, stdout, error } = spawnSync('vtysh', [...where, ...commands], { encoding: 'utf8' })
  // what it cannot write it says as well, and exits with 0
  const trouble = error?.message ?? stdout.split('\n').find((line) => /^(?:%|Can't )/.test(line))
  if (status !== 0 || trouble !== undefined)
    throw new FatalError(ExitCode.internal, `vtysh could not configure FPM: ${trouble ?? `exit code ${status}`}`)
}
