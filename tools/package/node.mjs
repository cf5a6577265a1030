// Node itself, from the npm package that carries it.
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { ARCHITECTURES } from './architectures.mjs'
import { archiveOf } from './npm.mjs'

export const NODE_VERSION = '22.23.5'
/** Of the npm package for each of Debian's architectures. */
const INTEGRITY = {
  amd64: 'sha512-3jhC+wcoWxKZxcRqF2sUSl0c9HEXFnur/nuIPx6O6CWKV0jOUWQm7Htw5SuXqqlMCEhi0cJqybFPEb5hhcBiMw==',
  arm64: 'sha512-e1LOUGKVruPGuLVutn8+Cgm5pI1APm4Kvh+zbb/qe/ZpD9s+TQby5iUgZOWmPpbSKpj0Td8DP1N0NEnXasHizg==',
}

/** Writes the program, without symbols, to `to`. */
export function installNode(architecture, to) {
  const archive = archiveOf(`node-${ARCHITECTURES[architecture].npm}`, NODE_VERSION, INTEGRITY[architecture])
  const directory = dirname(to)
  mkdirSync(directory, { recursive: true })
  execFileSync('tar', [
    '--extract',
    `--file=${archive}`,
    `--directory=${directory}`,
    '--strip-components=2',
    'package/bin/node',
  ])
  execFileSync('llvm-strip', ['--strip-unneeded', to])
  chmodSync(to, 0o755)
}
