// Says in one line that Node is too old. This and what imports it first must be understood by every Node that has modules.

/** As package.json's `engines`. */
const OLDEST = [20, 19] as const

export function requireNode(): void {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return
  const name = (process.argv[1] ?? '').replace(/^.*\//, '').replace(/\.js$/, '')
  process.stderr.write(
    `${name}: Node ${OLDEST.join('.')} or newer is needed, this is ${process.versions.node} (${process.execPath}): install it, or the package macipd-bundled, which has its own\n`,
  )
  // missing kernel feature, or the like
  process.exit(4)
}
