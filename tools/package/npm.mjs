// npm packages that are not in node_modules: they are for another machine, or for none of the project's programs.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const CACHE = process.env.MACIPD_PACKAGE_CACHE ?? '/var/cache/macipd-package'

const integrityOf = (path) => `sha512-${createHash('sha512').update(readFileSync(path)).digest('base64')}`

/**
 * Returns the path of a package's archive, which is fetched once; its files are in `package/`. Throws unless it is the one that
 * `integrity` names, in the notation of package-lock.json.
 */
export function archiveOf(name, version, integrity) {
  const archive = join(CACHE, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`)
  if (existsSync(archive) && integrityOf(archive) === integrity) return archive
  mkdirSync(CACHE, { recursive: true })
  const directory = mkdtempSync(join(CACHE, 'fetching-'))
  try {
    const packed = execFileSync('npm', ['pack', '--silent', `${name}@${version}`], { cwd: directory, encoding: 'utf8' })
    const fetched = join(directory, packed.trim())
    const found = integrityOf(fetched)
    if (found !== integrity) throw new Error(`${name}@${version}: its archive is ${found}, not ${integrity}`)
    renameSync(fetched, archive)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
  return archive
}
