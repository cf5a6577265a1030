// Tells zebra where to send its FPM messages.
import { spawnSync } from 'node:child_process'
import { ExitCode, FatalError } from '../../base/exit.js'

const LINES = ['configure terminal', 'fpm address 127.0.0.1', 'no fpm use-next-hop-groups', 'end', 'write memory']

/** Configures it in vtysh, and writes the configuration. Throws FatalError (internal) with what vtysh says. */
export function configureFpm(pathspace: string | undefined): void {
  const where = pathspace === undefined ? [] : ['-N', pathspace]
  const commands = LINES.flatMap((line) => ['-c', line])
  const { status, stdout, error } = spawnSync('vtysh', [...where, ...commands], { encoding: 'utf8' })
  const trouble = error?.message ?? stdout.split('\n').find((line) => line.startsWith('%'))
  if (status !== 0 || trouble !== undefined)
    throw new FatalError(ExitCode.internal, `vtysh could not configure FPM: ${trouble ?? `exit code ${status}`}`)
}
