// packaging/macipd.yaml, which is installed as /etc/macipd/macipd.yaml: what stands there is what is so without it.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT } from '../../lab/frr.js'
import { type Config, parseConfig } from '../../src/config/parse.js'
import { reason } from '../../src/base/exit.js'
import { LEAST, proxyOptions } from '../../src/config/proxy/settings.js'
import { relayOptions, snoopOptions } from '../../src/config/settings.js'

const text = readFileSync(join(ROOT, 'packaging/macipd.yaml'), 'utf8')
/** Only prose begins with two marks. */
const uncommented = text
  .split('\n')
  .map((line) => (line.startsWith('##') ? '' : line.replace(/^#/, '')))
  .join('\n')

const parse = (source: string): Config => parseConfig(source, 'macipd.yaml')

/** Examples of keys without a default. */
const EXAMPLES =
  /^(pathspace: NAME|frr:|  release: 10\.3|  age: 300s|  forward: 127\.0\.0\.1:2621|  listen: \[127\.0\.0\.1:2620, .*|  listen: 127\.0\.0\.1:9430)$/

test('nothing is set as it is installed', () => {
  assert.deepEqual(parse(text), {})
})

/** The keys that are known in a section, as a wrong one is told. */
function knownIn(section: string): string[] {
  try {
    parse(`${section}: { nothing: 1 }`)
  } catch (error) {
    return (/known here: (.*)/.exec(reason(error))?.[1] ?? '').split(', ')
  }
  throw new Error('an unknown key was taken')
}

test('every key stands there', () => {
  const config: Record<string, unknown> = parse(uncommented)
  assert.deepEqual(Object.keys(config).sort(), ['fpm', 'frr', 'log', 'metrics', 'pathspace', 'proxy', 'relay', 'snoop'])
  for (const [name, section] of Object.entries(config))
    if (typeof section === 'object' && section !== null)
      assert.deepEqual(Object.keys(section).sort(), knownIn(name).sort(), name)
})

test('what stands there is the default', () => {
  const defaults = parse(
    uncommented
      .split('\n')
      .filter((line) => !EXAMPLES.test(line))
      .join('\n'),
  )
  assert.deepEqual(relayOptions({}, defaults), relayOptions({}, {}))
  assert.deepEqual(snoopOptions({}, defaults), snoopOptions({}, {}))
  assert.deepEqual(proxyOptions({}, defaults), proxyOptions({}, parse(LEAST)))
})
