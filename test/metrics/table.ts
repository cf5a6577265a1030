// The table of docs/metrics.md, as the code has it.
import { METRICS, PORT_METRICS } from '../../src/cli/metrics/metrics.js'

type Row = { readonly name: string; readonly type: string; readonly labels: readonly string[]; readonly help: string }

const row = ({ name, type, labels, help }: Row): string =>
  `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`

const table = (rows: readonly Row[]): string =>
  ['| name | type | labels | meaning |', '| --- | --- | --- | --- |', ...rows.map(row)].join('\n')

export const TABLES = [table(METRICS), table(PORT_METRICS)]

/** The labels of each metric, by its name. */
export const LABELS: ReadonlyMap<string, readonly string[]> = new Map(
  [...METRICS, ...PORT_METRICS].map(({ name, labels }) => [name, labels]),
)
