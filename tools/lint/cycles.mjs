// Reports files that import each other in a circle, directories that do, and layers that may. A directory and what is
// inside it count as one: src/cli may import src/cli/fpm and the other way round. `node tools/lint/cycles.mjs [ROOT]`
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { LAYERS } from './layers.mjs'

const SOURCES = ['src', 'lab', 'bench', 'chaos', 'test']

/** File → the files it imports, as paths from `root`; types count as well. */
function importsOf(root) {
  const imports = new Map()
  for (const directory of SOURCES.filter((name) => existsSync(join(root, name)))) {
    for (const name of readdirSync(join(root, directory), { recursive: true })) {
      if (name.endsWith('.ts') && !name.endsWith('.d.ts')) imports.set(join(directory, name), new Set())
    }
  }
  for (const [file, targets] of imports) {
    for (const { fileName } of ts.preProcessFile(readFileSync(join(root, file), 'utf8')).importedFiles) {
      const target = join(dirname(file), fileName.replace(/\.js$/, '.ts'))
      if (fileName.startsWith('.') && imports.has(target)) targets.add(target)
    }
  }
  return imports
}

/** The same between directories. */
function directoriesOf(imports) {
  const directories = new Map()
  for (const [file, targets] of imports) {
    const from = dirname(file)
    const reached = directories.get(from) ?? new Set()
    directories.set(from, reached)
    for (const target of targets) reached.add(dirname(target))
  }
  return directories
}

/** Without what leads from a directory to one inside it, or back. */
const apart = (directories) =>
  new Map([...directories].map(([from, reached]) => [from, [...reached].filter((to) => !areNested(from, to))]))

const areNested = (a, b) => a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`)

/** Shortest circles, one for each node that starts one and is in none of those found before. */
function circlesIn(graph) {
  const seen = new Set()
  const circles = []
  for (const start of graph.keys()) {
    const circle = seen.has(start) ? undefined : circleFrom(graph, start)
    if (circle === undefined) continue
    for (const node of circle) seen.add(node)
    circles.push([...circle, start])
  }
  return circles
}

/** The shortest way from `start` back to it, undefined if there is none. */
function circleFrom(graph, start) {
  const ways = [[start]]
  const visited = new Set()
  for (const way of ways) {
    for (const next of graph.get(way.at(-1)) ?? []) {
      if (next === start) return way
      if (visited.has(next)) continue
      visited.add(next)
      ways.push([...way, next])
    }
  }
  return undefined
}

const here = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const root = process.argv[2] ?? here
const imports = importsOf(root)
const layers = new Map(Object.entries(LAYERS))
const circles = [imports, apart(directoriesOf(imports)), apart(layers)].flatMap(circlesIn)
for (const circle of circles)
  console.error(`${relative(process.cwd(), root) || '.'}: in a circle: ${circle.join(' → ')}`)
process.exit(circles.length === 0 ? 0 : 1)
