// What is made of the metrics: alerts, dashboard and documentation name only metrics and labels that are there.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { ROOT } from '../../lab/frr.js'
import { run, tempDir } from '../support.js'
import { LABELS, TABLES } from './table.js'

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const RULES = 'packaging/prometheus/macipd.rules.yml'
const TESTS = 'packaging/prometheus/macipd.rules.test.yml'
const DASHBOARD = 'packaging/grafana/macipd.json'

type Target = { readonly expr: string; readonly legendFormat: string }
type Dashboard = { readonly panels: readonly { readonly title: string; readonly targets: readonly Target[] }[] }

const targets = (JSON.parse(read(DASHBOARD)) as Dashboard).panels.flatMap((panel) => panel.targets)
const metricsIn = (text: string): string[] => text.match(/\bmacipd_\w+/g) ?? []
/** Prometheus adds these to every metric. */
const ADDED = ['instance', 'job']

test('docs/metrics.md has the metrics of the code, and names every alert', () => {
  const page = read('docs/metrics.md')
  for (const table of TABLES) assert.ok(page.includes(`\n\n${table}\n\n`), `docs/metrics.md has to contain:\n${table}`)
  const alerts = [...read(RULES).matchAll(/- alert: (\w+)/g)].map(([, name]) => name)
  const documented = [...page.matchAll(/^\| `(Macipd\w+)` \|/gm)].map(([, name]) => name)
  assert.deepEqual(documented, alerts)
})

suite('alerts', () => {
  test('Prometheus understands them', async () => {
    const { code, stdout, stderr } = await run('promtool', ['check', 'rules', join(ROOT, RULES)])
    assert.equal(code, 0, stdout + stderr)
  })

  test('fire when they should, and only then', async () => {
    const { code, stdout, stderr } = await run('promtool', ['test', 'rules', join(ROOT, TESTS)])
    assert.equal(code, 0, stdout + stderr)
    const alerts = [...read(RULES).matchAll(/- alert: (\w+)/g)].map(([, name = '']) => name)
    for (const name of alerts) assert.match(read(TESTS), new RegExp(`alertname: ${name}\n *exp_alerts:\n`), name)
  })

  test('name only metrics that there are', () => {
    const unknown = [...metricsIn(read(RULES)), ...metricsIn(read(TESTS))].filter((name) => !LABELS.has(name))
    assert.deepEqual(unknown, [])
  })
})

suite('the dashboard', () => {
  test('names only metrics and labels that there are', () => {
    assert.ok(targets.length > 20)
    for (const { expr, legendFormat } of targets) {
      const [name = '', ...others] = metricsIn(expr)
      assert.deepEqual(others, [])
      const known = [...(LABELS.get(name) ?? [`no metric ${name}`]), ...ADDED]
      const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label)
      const grouped = /\bby \(([^)]*)\)/.exec(expr)?.[1]?.split(', ') ?? []
      const selected = [...expr.matchAll(/(\w+)=~?"/g)].map(([, label = '']) => label)
      for (const label of [...shown, ...grouped, ...selected]) assert.ok(known.includes(label), `${label} of ${expr}`)
      if (grouped.length > 0) assert.deepEqual(shown, grouped, expr)
    }
  })

  test('shows every metric but those of single ports', () => {
    const shown = new Set(targets.flatMap(({ expr }) => metricsIn(expr)))
    const missing = [...LABELS.keys()].filter((name) => !name.startsWith('macipd_port_') && !shown.has(name))
    assert.deepEqual(missing, [])
  })

  test('has queries that Prometheus understands', async (t) => {
    const rules = targets.map(({ expr }, index) => ({
      record: `query:${index}`,
      expr: expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*'),
    }))
    const file = join(tempDir(t), 'queries.yml')
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }))
    const { code, stdout, stderr } = await run('promtool', ['check', 'rules', file])
    assert.equal(code, 0, stdout + stderr)
  })
})
