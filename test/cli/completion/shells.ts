// Real shells with the completion scripts, and a macipctl that only says which values there are.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { completionScript } from '../../../src/cli/completion/scripts.js'
import { placesOf, type Place } from '../../../src/cli/completion/model.js'
import { SHELLS } from '../../../src/cli/completion/shell.js'
import { createProgram } from '../../../src/cli/macipctl.js'
import { createMacipd } from '../../../src/cli/macipd.js'
import { describe } from '../../../src/cli/tree.js'
import { FakeIo } from '../../../lab/in-process.js'
import { tempDir } from '../../support.js'

const programs = [describe(createMacipd(new FakeIo())), describe(createProgram(new FakeIo()))]
export const places: readonly Place[] = programs.flatMap(placesOf)

export type Shells = {
  /** The directory of the scripts: `bash`, `zsh`, `fish`. */
  dir: string
  /** Runs a shell to its end, with so much typed. */
  run: (command: string, args: readonly string[], typed?: string) => Promise<string>
  /** Types each line into a shell on a terminal; `\t` completes. Resolves with what the lines became. */
  typeInto: (shell: 'bash' | 'zsh', lines: readonly string[]) => Promise<string[]>
  /** What macipctl was asked, one line for each time. */
  asked: () => string[]
}

/** @param values what the fake macipctl knows, whatever is asked for */
export function shells(t: TestContext, values: readonly string[] = []): Shells {
  const dir = tempDir(t)
  for (const shell of SHELLS) writeFileSync(join(dir, shell), completionScript(shell, programs))
  const bin = join(dir, 'bin')
  const [asked, known] = [join(dir, 'asked'), join(dir, 'known')]
  mkdirSync(bin)
  writeFileSync(asked, '')
  writeFileSync(known, values.map((value) => `${value}\n`).join(''))
  const fake = join(bin, 'macipctl')
  writeFileSync(
    fake,
    `#!/bin/sh\necho "$@" >>${asked}\nwhile read -r value; do case $value in "$4"*) echo "$value" ;; esac; done <${known}\n`,
  )
  chmodSync(fake, 0o755)
  const env = { PATH: `${bin}:${process.env['PATH'] ?? ''}`, HOME: dir, TERM: 'dumb', LC_ALL: 'C.UTF-8' }

  const run: Shells['run'] = (command, args, typed = '') =>
    new Promise((resolve, reject) => {
      const child = spawn(command, args, { env, cwd: dir, stdio: ['pipe', 'pipe', 'pipe'] })
      let output = ''
      const keep = (bytes: Buffer): void => {
        output += bytes.toString()
      }
      child.stdout.on('data', keep)
      child.stderr.on('data', keep)
      child.on('error', reject)
      child.on('close', () => {
        resolve(output)
      })
      child.stdin.end(typed)
    })

  const setUp = { bash: '', zsh: 'autoload -U compinit; compinit -D; ' }
  const start = { bash: 'bash --norc --noprofile -i', zsh: 'zsh -f -i' }
  const typeInto: Shells['typeInto'] = async (shell, lines) => {
    // Ctrl-A goes to the begin of the line, which then is shown instead of run
    const typed = lines.map((line) => `${line}\x01show \r`).join('')
    const show = `show() { printf '<%s>' "$*" >>${join(dir, 'shown')}; }`
    const output = await run(
      'script',
      ['-qec', start[shell], '/dev/null'],
      `${setUp[shell]}source ${join(dir, shell)}; ${show}\r${typed}exit\r`,
    )
    const shown = existsSync(join(dir, 'shown')) ? readFileSync(join(dir, 'shown'), 'utf8') : ''
    const found = [...shown.matchAll(/<([^>]*)>/g)].map(([, line = '']) => line)
    assert.equal(found.length, lines.length, output)
    return found
  }
  return { dir, run, typeInto, asked: () => readFileSync(asked, 'utf8').trim().split('\n') }
}
