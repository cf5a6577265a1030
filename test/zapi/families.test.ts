// Every message of every release: decoded, shown, and encoded again.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { dissect } from '../../src/zapi/dissect.js'
import { writeHeader } from '../../src/zapi/frame.js'
import { FRR_RELEASES } from '../../src/zapi/releases.js'
import { FAMILIES, familyOf, layoutOf } from '../../src/zapi/messages/index.js'
import { hex } from './build.js'
import { VECTORS, from } from './families-vectors.js'

for (const release of FRR_RELEASES) {
  const here = VECTORS.filter(
    ({ first = '8.4', gone }) => from(release, first) && (gone === undefined || !from(release, gone)),
  )
  suite(`FRR ${release.name}`, () => {
    for (const { command, direction, payload, fields } of here) {
      const bytes = hex(...payload(release))
      test(`${command} ${direction} ${bytes.toString('hex').slice(0, 40)}`, () => {
        const layout = layoutOf(command, direction)
        assert.ok(layout)
        assert.equal(
          layout.encode(layout.decode(bytes, release.features), release.features).toString('hex'),
          bytes.toString('hex'),
        )
        const number = release.commandNumber(command)
        assert.ok(number !== undefined)
        const frame = Buffer.concat([Buffer.alloc(10), bytes])
        writeHeader(frame, 5, number)
        const dissection = dissect(frame, release, direction)
        assert.equal(dissection.undecoded, undefined)
        const shown = dissection.fields ?? {}
        const expected = fields(release)
        assert.deepEqual(Object.fromEntries(Object.keys(expected).map((name) => [name, shown[name]])), expected)
      })
    }
  })
}

test('every layout has a vector', () => {
  const covered = new Set(VECTORS.map(({ command, direction }) => layoutOf(command, direction)))
  for (const { toZebra, toBgpd } of FAMILIES) {
    for (const [command, layout] of [...Object.entries(toZebra), ...Object.entries(toBgpd)]) {
      assert.ok(covered.has(layout), command)
    }
  }
})

test('every command of every release belongs to one family', () => {
  for (const release of FRR_RELEASES) {
    for (let number = 0; release.commandName(number) !== undefined; number++) {
      const command = release.commandName(number)
      assert.ok(command !== undefined && familyOf(command) !== undefined, `${release.name} ${command ?? number}`)
    }
  }
  const listed = FAMILIES.flatMap(({ toZebra, toBgpd, nameOnly = [] }) => [
    ...new Set([...Object.keys(toZebra), ...Object.keys(toBgpd), ...nameOnly]),
  ])
  assert.equal(new Set(listed).size, listed.length)
})
