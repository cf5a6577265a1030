// A reporter for node:test: how long each file's tests took, the longest first.
import { relative } from 'node:path'

export default async function* times(source) {
  const msOf = new Map()
  for await (const { type, data } of source) {
    if ((type !== 'test:pass' && type !== 'test:fail') || data.nesting > 0) continue
    const file = data.file === undefined ? data.name : relative(process.cwd(), data.file)
    msOf.set(file, (msOf.get(file) ?? 0) + data.details.duration_ms)
  }
  yield '\n  seconds  file\n'
  for (const [file, ms] of [...msOf].sort(([, a], [, b]) => b - a))
    yield `${(ms / 1000).toFixed(1).padStart(9)}  ${file}\n`
}
