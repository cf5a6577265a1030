// How the native addon is compiled, for this machine or for another.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const NATIVE = 'src/snoop/bpf/native'
const FLAGS = ['-std=gnu11', '-D_GNU_SOURCE', '-O2', '-g', '-Wall', '-Wextra', '-Werror', '-fPIC', '-shared']

const files = (root, directory, suffix) =>
  readdirSync(join(root, directory))
    .filter((name) => name.endsWith(suffix))
    .map((name) => join(root, directory, name))

/** What it is made of. */
export const addonSources = (root) => [...files(root, NATIVE, '.c'), ...files(root, NATIVE, '.h')]

/** The compiler's arguments. `libbpf`: how the library is named, and where its headers are if that is to be said. */
export const addonArguments = (root, target, libbpf) => [
  ...FLAGS,
  `-I${join(root, 'node_modules/node-api-headers/include')}`,
  ...files(root, NATIVE, '.c'),
  ...libbpf,
  '-o',
  target,
]
