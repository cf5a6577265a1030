// The results, for people and for programs.
import { execFileSync } from 'node:child_process'
import { cpus, release } from 'node:os'
import { findTree, type Release } from '../lab/frr.js'
import { type Measurement, meetsTarget } from './measurement.js'

export type Result = Measurement & { readonly benchmark: string }

/** What the values hold for. */
export type Machine = {
  readonly cpu: string
  readonly cores: number
  readonly kernel: string
  readonly node: string
  /** What the daemons themselves say, 8.4.4 for example; absent if none were measured. */
  readonly frr?: string
  /** ISO 8601, UTC. */
  readonly date: string
}

export function describeMachine(frr: Release | undefined): Machine {
  const processors = cpus()
  return {
    cpu: processors[0]?.model ?? 'unknown',
    cores: processors.length,
    kernel: release(),
    node: process.versions.node,
    ...(frr !== undefined && { frr: frrVersion(frr) }),
    date: new Date().toISOString(),
  }
}

function frrVersion(frr: Release): string {
  const text = execFileSync('chroot', [findTree(frr).path, '/usr/lib/frr/zebra', '--version'], { encoding: 'utf8' })
  return /^zebra version (\S+)/.exec(text)?.[1] ?? frr
}

/** One object; field names are the same in every release. */
export function jsonReport(machine: Machine, results: readonly Result[]): string {
  const rows = results.map(({ benchmark, name, value, unit, target }) => ({
    benchmark,
    name,
    value,
    unit,
    target: target ?? null,
    met: meetsTarget({ name, value, unit, ...(target !== undefined && { target }) }) ?? null,
  }))
  return `${JSON.stringify({ machine, results: rows }, undefined, 2)}\n`
}

export function tableReport(machine: Machine, results: readonly Result[]): string {
  const header = ['benchmark', 'measured', 'value', 'unit', 'target', '']
  const rows = results.map((result) => [
    result.benchmark,
    result.name,
    significant(result.value),
    result.unit,
    result.target ?? '',
    { true: 'met', false: 'MISSED', undefined: '' }[String(meetsTarget(result)) as 'true' | 'false' | 'undefined'],
  ])
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 2 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd()
  const missed = results.filter((result) => meetsTarget(result) === false).length
  const { cpu, cores, kernel, node, frr, date } = machine
  const where = [
    `${cpu}, ${cores} cores`,
    `Linux ${kernel}`,
    `Node ${node}`,
    ...(frr === undefined ? [] : [`FRR ${frr}`]),
  ]
  const summary = missed === 0 ? 'Every target is met.' : `Targets missed: ${missed}.`
  return `${[line(header), ...rows.map(line), '', `${where.join('; ')}; ${date}`, summary].join('\n')}\n`
}

/** Three digits that say something, and no exponent. */
function significant(value: number): string {
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))
  return value.toFixed(digits)
}
