import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytes, count, duration, paintFor, printable, table } from '../../src/cli/text.js'

const plain = (_style: string, text: string): string => text

test('columns are as wide as their widest cell, numbers to the right', () => {
  const rows = [{ cells: ['tap1', '7'] }, { cells: ['a-long-name', '1234'] }]
  assert.deepEqual(table([{ title: 'PORT' }, { title: 'N', right: true }], rows, plain), [
    'PORT            N',
    'tap1            7',
    'a-long-name  1234',
  ])
})

test('names from outside cannot control the terminal', () => {
  assert.equal(printable('tap\u001b[2J\u009b0m\n'), 'tap?[2J?0m?')
})

test('times, sizes and numbers are short', () => {
  assert.deepEqual([-5, 0, 999, 1000, 59_999, 60_000, 7_200_000, 200_000_000].map(duration), [
    ...['0 s', '0 s', '0 s', '1 s', '59 s', '1 min', '2 h', '2 d'],
  ])
  assert.deepEqual([0, 999, 1500, 150_000, 2_500_000_000].map(bytes), ['0 B', '999 B', '1.5 kB', '150 kB', '2.5 GB'])
  assert.deepEqual([count(1, 'port'), count(2, 'port')], ['1 port', '2 ports'])
})

test('colours only on a terminal whose reader wants them', () => {
  const terminal = { isTTY: true }
  const pipe = { isTTY: false }
  assert.notEqual(paintFor({ stdout: terminal, env: {} })('red', 'x'), 'x')
  assert.equal(paintFor({ stdout: terminal, env: { NO_COLOR: '1' } })('red', 'x'), 'x')
  assert.equal(paintFor({ stdout: terminal, env: { TERM: 'dumb' } })('red', 'x'), 'x')
  assert.equal(paintFor({ stdout: pipe, env: {} })('red', 'x'), 'x')
})
