// The packages themselves: the same when built again, and as Debian wants them.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT } from '../../lab/frr.js'
import { built, lintianErrors, makePackages, NAMES } from './deb.js'

const digestOf = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex')

test('built again, the package is the same byte for byte', () => {
  const before = digestOf(built('macipd'))
  // the times of what it is made of do not matter
  utimesSync(join(ROOT, 'dist/native/bpf.node'), new Date(), new Date())
  makePackages('macipd')
  assert.equal(digestOf(built('macipd')), before)
})

test('lintian finds no error', () => {
  for (const name of NAMES) assert.deepEqual(lintianErrors(built(name)), [])
})

test('it says what is in it, and under which licences', () => {
  const inside = (path: string): string =>
    execFileSync(
      'sh',
      ['-c', `dpkg-deb --fsys-tarfile "$1" | tar --extract --to-stdout "$2"`, 'sh', built('macipd'), path],
      {
        encoding: 'utf8',
      },
    )
  const { packages } = JSON.parse(inside('./usr/share/doc/macipd/sbom.spdx.json')) as {
    packages: { name: string; versionInfo: string; licenseDeclared: string }[]
  }
  const names = packages.map(({ name }) => name)
  for (const name of ['commander', 'koffi', 'pino', 'protobufjs', 'valibot', 'yaml'])
    assert.ok(names.includes(name), name)
  assert.deepEqual(
    packages.filter(({ licenseDeclared }) => licenseDeclared === 'NOASSERTION'),
    [],
  )
  const licences = inside('./usr/share/doc/macipd/copyright')
  for (const name of names.slice(1)) assert.ok(licences.includes(`the npm package ${name},`), name)
})
