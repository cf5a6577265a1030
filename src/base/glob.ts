/**
 * Matches names against `patterns`, in which `*` stands for any characters and `?` for one. Several `*` are as one: else
 * the time for a long row of them would know no bounds.
 */
export function globSet(patterns: readonly string[]): { has(name: string): boolean } {
  const expressions = patterns.map((pattern) => {
    const literal = pattern.replaceAll(/[\\^$.|+()[\]{}]/g, '\\$&')
    return new RegExp(`^${literal.replaceAll(/\*+/g, '.*').replaceAll('?', '.')}$`, 's')
  })
  return { has: (name) => expressions.some((expression) => expression.test(name)) }
}
