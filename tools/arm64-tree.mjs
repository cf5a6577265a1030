// The libraries of an arm64 machine: what is made for it is linked with them, and run with them under emulation.
const SUITE = 'bookworm'
const PACKAGES = ['libbpf1', 'libc6', 'libstdc++6']

export const arm64Trees = {
  arm64: {
    title: `arm64's libraries from Debian ${SUITE}`,
    suite: SUITE,
    architecture: 'arm64',
    packages: PACKAGES,
    recipe: PACKAGES,
    prepare: () => undefined,
  },
}
