// Every message of every release line: decoded, shown, and encoded again.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { dissect } from '../../src/zapi/dissect.js'
import { writeHeader } from '../../src/zapi/frame.js'
import { RELEASE_LINES } from '../../src/zapi/releases.js'
import { FAMILIES, familyOf, layoutOf } from '../../src/zapi/messages/index.js'
import { hex } from './build.js'
import { VECTORS, from } from './families-vectors.js'

for (const line of RELEASE_LINES) {
  const here = VECTORS.filter(
    ({ first = '8.4', gone }) => from(line, first) && (gone === undefined || !from(line, gone)),
  )
  suite(`FRR ${line.name}`, () => {
    for (const { command, direction, payload, fields } of here) {
      const bytes = hex(...payload(line))
      test(`${command} ${direction} ${bytes.toString('hex').slice(0, 40)}`, () => {
        const layout = layoutOf(command, direction)
        assert.ok(layout)
        assert.equal(
          layout.encode(layout.decode(bytes, line.features), line.features).toString('hex'),
          bytes.toString('hex'),
        )
        const number = line.commandNumber(command)
        assert.ok(number !== undefined)
        const frame = Buffer.concat([Buffer.alloc(10), bytes])
        writeHeader(frame, 5, number)
        const dissection = dissect(frame, line, direction)
        assert.equal(dissection.undecoded, undefined)
        const shown = dissection.fields ?? {}
        const expected = fields(line)
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

test('every command of every line belongs to one family', () => {
  for (const line of RELEASE_LINES) {
    for (let number = 0; line.commandName(number) !== undefined; number++) {
      const command = line.commandName(number)
      assert.ok(command !== undefined && familyOf(command) !== undefined, `${line.name} ${command ?? number}`)
    }
  }
  const listed = FAMILIES.flatMap(({ toZebra, toBgpd, nameOnly = [] }) => [
    ...new Set([...Object.keys(toZebra), ...Object.keys(toBgpd), ...nameOnly]),
  ])
  assert.equal(new Set(listed).size, listed.length)
})
