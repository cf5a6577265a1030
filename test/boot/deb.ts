// The packages that are tested, as `npm run package` has made them.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../../lab/frr.js'

export const NAMES = ['macipd', 'macipd-bundled'] as const

/** Debian's name of this machine's architecture. */
export const OWN = execFileSync('dpkg', ['--print-architecture'], { encoding: 'utf8' }).trim()

/** Makes packages as the tests need them. */
export function makePackages(...args: string[]): void {
  execFileSync(process.execPath, [join(ROOT, 'tools/package.mjs'), '--quick', ...args], { stdio: 'ignore' })
}

/** Path of a package. */
export function built(name: string, architecture = OWN): string {
  const directory = join(ROOT, 'dist/packages')
  const file = readdirSync(directory).find((it) => it.startsWith(`${name}_`) && it.endsWith(`_${architecture}.deb`))
  assert.ok(file !== undefined, `${name} for ${architecture} in ${directory}`)
  return join(directory, file)
}

export const lintianErrors = (deb: string): string[] =>
  execFileSync('lintian', ['--allow-root', '--fail-on=none', deb], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.startsWith('E:'))
