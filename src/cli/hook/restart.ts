// Restarts bgpd, and sees it come back.
import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { ExitCode, FatalError } from '../../base/exit.js'
import { monotonicMs } from '../../base/clock.js'
import { RESTART_BGPD } from './share.js'

/** FRR 8.4 tries to reach zebra again after 10 s, three times. */
const PATIENCE_MS = 35_000
const POLL_MS = 200

/** Throws FatalError (internal) if FRR's script fails. */
export function restartBgpd(pathspace: string | undefined): void {
  const words = pathspace === undefined ? [] : [pathspace]
  const { status, stderr, error } = spawnSync(RESTART_BGPD, words, {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  if (status === 0) return
  const said = (error?.message ?? stderr).trim().split('\n').at(-1) ?? ''
  throw new FatalError(
    ExitCode.internal,
    `bgpd could not be restarted (${said || 'no reason given'}): systemctl status frr`,
  )
}

/** Resolves with how long it took, ms; undefined if it did not come true. */
export async function becomesTrue(isTrue: () => Promise<boolean>): Promise<number | undefined> {
  const begin = monotonicMs()
  while (!(await isTrue())) {
    if (monotonicMs() - begin > PATIENCE_MS) return undefined
    await sleep(POLL_MS)
  }
  return monotonicMs() - begin
}
