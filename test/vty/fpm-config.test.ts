import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fpmConfigOf, fpmLines, mayCrash } from '../../src/vty/fpm-config.js'

const NONE = { server: undefined, nexthopGroups: true, isOldModule: false }
const HERE = { ip: '127.0.0.1', port: 2620 }

test('what zebra shows of FPM among everything else', () => {
  for (const [lines, expected] of [
    [[], NONE],
    [['fpm address 127.0.0.1'], { ...NONE, server: HERE }],
    [['fpm address ::1 port 7', 'no fpm use-route-replace'], { ...NONE, server: { ip: '::1', port: 7 } }],
    [['fpm address 127.0.0.1', 'no fpm use-next-hop-groups'], { ...NONE, server: HERE, nexthopGroups: false }],
    [['fpm connection ip 127.0.0.1 port 2620'], { ...NONE, isOldModule: true }],
    [['description fpm address 127.0.0.1', ' fpm address 127.0.0.1'], NONE],
  ] as const)
    assert.deepEqual(fpmConfigOf(['frr version 10.3', '!', ...lines, 'end', ''].join('\r\n')), expected, lines.join())
})

test('zebra is told what it lacks, and nothing else', () => {
  const server = { ip: '::1', port: 7 }
  const groups = 'no fpm use-next-hop-groups'
  for (const [now, wanted, lines] of [
    [NONE, HERE, [groups, 'fpm address 127.0.0.1']],
    [NONE, server, [groups, 'fpm address ::1 port 7']],
    [{ ...NONE, server: HERE }, HERE, [groups]],
    [{ ...NONE, server: HERE, nexthopGroups: false }, HERE, []],
    [{ ...NONE, server, nexthopGroups: false }, HERE, ['fpm address 127.0.0.1']],
  ] as const)
    assert.deepEqual(fpmLines(now, wanted), lines)
})

test('versions of zebra that an L3VNI may crash', () => {
  for (const [version, expected] of [
    ['8.4', true],
    ['8.4.4', true],
    ['8.4.7', false],
    ['8.5.2', true],
    ['10.0.3', false],
    ['10.1.1', true],
    ['10.3', false],
    ['11.0', false],
  ] as const)
    assert.equal(mayCrash(`FRRouting ${version} (node) on Linux(6.1).\n`), expected, version)
})
