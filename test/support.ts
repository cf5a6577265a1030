// What tests of sockets and processes need.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { pino } from 'pino'
import type { Logger } from '../src/base/log.js'
import type { Result } from '../lab/in-process.js'
import { MACIPCTL, MACIPD } from '../lab/programs.js'
import { PATIENCE } from '../lab/wait.js'

export const silent: Logger = pino({ level: 'silent' })

/** A directory of the test's own, short enough for socket paths. */
export function tempDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'macipd-'))
  t.after(() => {
    rmSync(dir, { recursive: true, force: true })
  })
  return dir
}

/** What macipctl knows of a process that is not there. */
export const notRunning = (socket: string) =>
  ({ running: false, socket, cause: 'absent', pid: null, error: 'there is no such socket' }) as const

/** Runs a command to its end, at most 20 s, times PATIENCE. */
export function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Result> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...env }, timeout: 20_000 * PATIENCE }
    execFile(command, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      resolve({ code, stdout, stderr })
    })
  })
}

/** Runs a program as its users do; `lab/in-process.ts` does so without a process. */
export const spawnMacipd = (...args: string[]): Promise<Result> => run(process.execPath, [MACIPD, ...args])
export const spawnMacipctl = (...args: string[]): Promise<Result> => run(process.execPath, [MACIPCTL, ...args])

/** Something that happens later: `until` checks a condition now and after every `changed`. */
export class Awaited {
  private readonly waiting = new Set<() => void>()

  changed(): void {
    for (const check of this.waiting) check()
  }

  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      // what is awaited may hang on nothing else that keeps this process: timers of the code under test are unref'd
      const alive = setInterval(() => undefined, 60_000)
      const check = (): void => {
        if (!condition()) return
        this.waiting.delete(check)
        clearInterval(alive)
        resolve()
      }
      this.waiting.add(check)
      check()
    })
  }
}
