// How it reads: what is wrong comes first, with what to type; what is fine is short.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { examine } from '../../../src/cli/doctor/examine.js'
import type { Observation } from '../../../src/cli/doctor/observation.js'
import { renderResults, type TextOptions } from '../../../src/cli/doctor/text.js'
import { frr, node } from './node.js'

const PLAIN: TextOptions = { all: false, isRoot: true, width: undefined, paint: (_style, text) => text }
const render = (seen: Observation, options: Partial<TextOptions> = {}): string =>
  renderResults(examine(seen), { ...PLAIN, ...options })

const SICK = node({
  frr: frr({ disabledBy: '/run/macipd/disabled', watchfrr: undefined }),
  snooperCapabilities: { unknown: '/proc/43/status: no permission: run as root' },
})

test('a node on which all is well needs ten lines', () => {
  const lines = render(node()).trimEnd().split('\n')
  assert.match(lines[0] ?? '', /^OK: \d+ fine$/)
  assert.ok(lines.length <= 10, lines.join('\n'))
  assert.ok(lines.some((line) => /^ok {4}FRR {6}frr-running watchfrr /.test(line)))
})

test('failures come first, then warnings, what is not known, and what is fine', () => {
  const text = render(SICK, { isRoot: false })
  assert.match(
    text,
    /^NOT OK: 1 failed, 1 warning, \d+ fine, 1 not known\n\nFAIL {2}hook-disabled\n {6}\/run\/macipd\/disabled is there\n {6}While it is.*\n {8}rm \/run\/macipd\/disabled\n\nWARN {2}watchfrr\n[^]*\n\n\? {5}capabilities {2}\/proc\/43\/status: no permission: run as root\n\nok /,
  )
  assert.match(text, /\nNot run as root: some things could not be seen\.\n$/)
})

test('with --all each check has a line', () => {
  const text = render(node(), { all: true })
  for (const { id, what } of examine(node()))
    assert.match(text, new RegExp(`^ok    ${id} +${what.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&')}$`, 'm'))
})

test('words are broken at the width of the terminal, and what is to be typed is not', () => {
  const seen = node({ neighbourLimits: { value: [{ family: 'IPv4', limit: 1 }] } })
  const lines = render(seen, { width: 60 }).split('\n')
  const long = lines.filter((line) => line.length > 60)
  assert.deepEqual(
    long.filter((line) => !line.startsWith('        ')),
    [],
  )
  assert.ok(lines.includes('        sysctl -w net.ipv4.neigh.default.gc_thresh3=4'))
})

test('names from outside cannot control a terminal', () => {
  const seen = node({ rivals: { value: [{ name: 'a\u001b[2Jb', pid: 1 }] } })
  assert.ok(!render(seen).includes('\u001b'))
})
