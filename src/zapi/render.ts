// Renders a dissected message as a tree of its fields.
import type { Dissection } from './dissect.js'
import type { Json } from './fields.js'

/** Hex digits of undecoded bytes in one line: 32 bytes. */
const HEX_WIDTH = 64

/** One line per field, indented by two spaces per level; undecoded bytes follow as hex. */
export function renderTree({ fields, undecoded }: Pick<Dissection, 'fields' | 'undecoded'>): string[] {
  const lines = Object.entries(fields ?? {}).flatMap(([name, value]) => branch(name, value, '  '))
  if (undecoded === undefined) return lines
  const hex = undecoded.hex.match(new RegExp(`.{1,${HEX_WIDTH}}`, 'g')) ?? []
  return [...lines, `  undecoded: ${undecoded.reason}`, ...hex.map((part) => `    ${part}`)]
}

function branch(name: string, value: Json, indent: string): string[] {
  if (Array.isArray(value)) {
    if (value.every(isLeaf)) return [`${indent}${name}: ${value.join(', ') || 'none'}`]
    return value.flatMap((element, index) => branch(`${name} ${index + 1}`, element, indent))
  }
  if (typeof value !== 'object' || value === null) return [`${indent}${name}: ${String(value)}`]
  const inner = Object.entries(value).flatMap(([key, part]) => branch(key, part, `${indent}  `))
  return [`${indent}${name}:`, ...inner]
}

const isLeaf = (value: Json): value is string | number | boolean | null => typeof value !== 'object' || value === null
