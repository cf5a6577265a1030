/** Matches names against `patterns`, in which `*` stands for any characters and `?` for one. */
export function globSet(patterns: readonly string[]): { has(name: string): boolean } {
  const expressions = patterns.map((pattern) => {
    const literal = pattern.replaceAll(/[\\^$.|+()[\]{}]/g, '\\$&')
    return new RegExp(`^${literal.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's')
  })
  return { has: (name) => expressions.some((expression) => expression.test(name)) }
}
