// A real Prometheus scrapes the snooper of a fabric with real FRR, and answers what the dashboard asks.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Fabric } from '../../lab/fabric.js'
import { ROOT, RELEASES } from '../../lab/frr.js'
import { waitFor } from '../../lab/wait.js'
import { tempDir } from '../support.js'

const SCRAPE = '127.0.0.1:9430'
const API = '127.0.0.1:9090'
type Result = readonly {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [number, string]
}[]

type Dashboard = { readonly panels: readonly { readonly targets: readonly { readonly expr: string }[] }[] }
const dashboard = JSON.parse(readFileSync(join(ROOT, 'packaging/grafana/macipd.json'), 'utf8')) as Dashboard
const QUERIES = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
/** What Grafana puts into a query for a variable: all values, or one that is chosen, as a regular expression in a string. */
const ALL = '.*'
const CHOSEN = SCRAPE.replaceAll('.', '\\\\.')

/** Shows only what there is. */
const MAY_BE_EMPTY = / > 0$/

const seriesOf = (found: Result): string[] => found.map(({ metric }) => JSON.stringify(metric)).sort()

test('Prometheus scrapes a fabric, and the dashboard’s queries have answers', async (t) => {
  await using fabric = await Fabric.start({
    frr: RELEASES[0],
    near: { config: `metrics: { listen: ${SCRAPE}, perPort: true }\n` },
  })
  const { near, lab } = fabric
  await fabric.learn()
  await near.configure('fpm address 127.0.0.1', 'no fpm use-next-hop-groups')

  const dir = tempDir(t)
  const scrape = { job_name: 'macipd', scrape_interval: '1s', static_configs: [{ targets: [SCRAPE] }] }
  writeFileSync(join(dir, 'prometheus.yml'), JSON.stringify({ scrape_configs: [scrape] }))
  const options = [`--config.file=${dir}/prometheus.yml`, `--storage.tsdb.path=${dir}/data`]
  const prometheus = await near.spawn('prometheus', ['prometheus', ...options, `--web.listen-address=${API}`])
  t.after(() => prometheus.kill())
  const query = async (expr: string, instance = ALL): Promise<Result> => {
    const asked = expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', () => instance)
    return JSON.parse(await near.exec(['promtool', 'query', 'instant', '-o', 'json', `http://${API}`, asked])) as Result
  }

  // a rate needs two scrapes
  const scrapes = `count_over_time(up{instance="${SCRAPE}"}[1h])`
  const context = () => prometheus.logTail()
  const enough = (found: Result): boolean => Number(found[0]?.value[1] ?? 0) >= 3
  await waitFor('Prometheus to scrape', () => query(scrapes).catch((): Result => []), enough, {
    context,
    timeoutMs: 60_000,
  })

  const value = async (expr: string): Promise<number> => Number((await query(expr))[0]?.value[1])
  assert.equal(await value(`min_over_time(up{instance="${SCRAPE}"}[1h])`), 1, 'a scrape failed')
  const { bindings, ports } = await near.snoopStatus()
  assert.equal(await value('sum(macipd_bindings)'), bindings)
  assert.equal(await value('macipd_bindings{state="active",reason="announced"}'), bindings)
  assert.equal(await value('count(macipd_port_bindings)'), ports.length)
  assert.ok((await value('macipd_relay_injected_total')) >= bindings)
  assert.ok((await value('macipd_relay_bytes_total{direction="to-zebra"}')) > 0)
  assert.equal(await value('macipd_frr_release_info'), 1)

  await lab.waitFor(
    'a comparison with what zebra programs',
    () => query('macipd_check_differences'),
    (found) => found.length > 0,
  )
  for (const expr of QUERIES) {
    const found = await query(expr)
    if (!MAY_BE_EMPTY.test(expr)) assert.ok(found.length > 0, `${expr} has no answer`)
    assert.deepEqual(seriesOf(await query(expr, CHOSEN)), seriesOf(found), expr)
    assert.deepEqual(await query(expr, 'another'), [], expr)
  }

  await near.kill('relay', 'SIGKILL')
  await lab.waitFor(
    'Prometheus to know that the relay has lost its keeper',
    () => value('macipd_relay_up'),
    (up) => up === 0,
  )
})
