// Debian packages for booted systems: those of macipd that `npm run package` has made, and later versions of others.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { debianTree, type DebianRelease } from './debian-system.js'
import { ROOT } from './frr.js'

/** The package for each release: Debian 12's Node is too old for the one that needs it. */
export const PACKAGES = { '12': 'macipd-bundled', '13': 'macipd' } as const satisfies Record<DebianRelease, string>
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }

/** Path of the package that `npm run package` has made. */
export function packageOf(release: DebianRelease): string {
  const architecture = execFileSync('dpkg', ['--print-architecture'], { encoding: 'utf8' }).trim()
  return join(ROOT, 'dist/packages', `${PACKAGES[release]}_${version}-1_${architecture}.deb`)
}

/** The same package under a later version, written to a directory. */
export function laterPackage(path: string, directory: string): string {
  const tree = join(directory, 'tree')
  execFileSync('dpkg-deb', ['--raw-extract', path, tree])
  return rebuilt(tree, join(directory, 'later.deb'))
}

/** A package that a release's system has, made anew of what is installed, under a later version. */
export function laterInstalled(release: DebianRelease, name: string, directory: string): string {
  const system = debianTree(release)
  const admin = join(system, 'var/lib/dpkg')
  const query = (...args: string[]): string =>
    execFileSync('dpkg-query', [`--admindir=${admin}`, ...args], { encoding: 'utf8' })
  const tree = join(directory, name)
  for (const path of query('--listfiles', name).split('\n')) {
    const from = join(system, path)
    // the directories are there, /lib as a link, and belong to whom the package's script has given them
    if (path === '' || statSync(from).isDirectory()) continue
    mkdirSync(join(tree, dirname(path)), { recursive: true })
    cpSync(from, join(tree, path), { preserveTimestamps: true, verbatimSymlinks: true })
  }
  mkdirSync(join(tree, 'DEBIAN'))
  const scripts = `${name}.`
  for (const file of readdirSync(join(admin, 'info'))) {
    if (file.startsWith(scripts) && !/\.(?:list|md5sums)$/.test(file))
      cpSync(join(admin, 'info', file), join(tree, 'DEBIAN', file.slice(scripts.length)))
  }
  // a field goes on in lines that begin with a space
  const control = query('--status', name).replaceAll(/^(?:Status|Conffiles):.*\n(?: .*\n)*/gm, '')
  writeFileSync(join(tree, 'DEBIAN/control'), control.replaceAll(/\n\n+/g, '\n'))
  return rebuilt(tree, join(directory, `${name}.deb`))
}

function rebuilt(tree: string, to: string): string {
  const control = join(tree, 'DEBIAN/control')
  writeFileSync(control, readFileSync(control, 'utf8').replace(/^(Version: .*)$/m, '$1+later'))
  execFileSync('dpkg-deb', ['--root-owner-group', '-Znone', '--build', tree, to], { stdio: 'ignore' })
  return to
}
