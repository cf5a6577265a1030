// The machines that packages are made for.
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { addonArguments } from '../addon.mjs'
import { treePath } from '../tree.mjs'

/** By Debian's name: the end of npm's names, and the name of the compiler's target. */
export const ARCHITECTURES = {
  amd64: { npm: 'linux-x64', target: 'x86_64-linux-gnu' },
  arm64: { npm: 'linux-arm64', target: 'aarch64-linux-gnu' },
}

/** That of this machine. */
export const OWN = execFileSync('dpkg', ['--print-architecture'], { encoding: 'utf8' }).trim()

/** Of others, those for which `node tools/ready.mjs package:NAME` installs a compiler and a tree of libraries. */
export const FOREIGN = ['arm64']

/** Returns the path of the native addon for an architecture; that of another one than this machine's is compiled here. */
export function addonFor(root, architecture) {
  if (architecture === OWN) return join(root, 'dist/native/bpf.node')
  const { target } = ARCHITECTURES[architecture]
  const addon = join(root, `dist/native/${architecture}/bpf.node`)
  mkdirSync(dirname(addon), { recursive: true })
  // libbpf's headers are the same for all; after the compiler's own, as the C library's are not
  const libbpf = ['-idirafter', '/usr/include', join(treePath(architecture), 'usr/lib', target, 'libbpf.so.1')]
  execFileSync(`${target}-gcc`, addonArguments(root, addon, libbpf), { stdio: ['ignore', 'ignore', 'inherit'] })
  return addon
}
