import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { type JsonMember, JsonMembers } from '../../src/vty/json-members.js'

/** The members as JSON.parse has them, in an object without keys that it would put elsewhere. */
function membersOf(value: unknown, depth: number, path: string[] = []): JsonMember[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return []
  return Object.entries(value).flatMap(([key, member]) =>
    depth === 1 ? [{ path: [...path, key], value: member as unknown }] : membersOf(member, depth - 1, [...path, key]),
  )
}

/** The members of a text that comes in parts which end at these places. */
function read(text: string, depth: number, cuts: readonly number[] = []): JsonMember[] {
  const parser = new JsonMembers(depth)
  const places = [...cuts.map((cut) => cut % (text.length + 1)), 0, text.length].sort((a, b) => a - b)
  const members = places.slice(1).flatMap((place, index) => parser.push(text.slice(places[index], place)))
  parser.end()
  return members
}

/** Whether a text is read; fails if it is refused in another way than with a SyntaxError. */
function isRead(text: string, depth: number, cuts: readonly number[] = []): boolean {
  try {
    read(text, depth, cuts)
    return true
  } catch (error) {
    assert.ok(error instanceof SyntaxError, String(error))
    return false
  }
}

/** Objects come in the order of their keys from JSON.parse if they are numbers. */
const sorted = (members: JsonMember[]): string[] => members.map((member) => JSON.stringify(member)).sort()

const ANY_DEPTH = fc.integer({ min: 1, max: 4 })
const ANY_CUTS = fc.array(fc.nat(), { maxLength: 20 })
/** Objects in objects, with keys and strings of brackets, quotes, commas and escapes. */
const ANY_KEY = fc.oneof(
  fc.string(),
  fc.string({ unit: fc.constantFrom('{', '}', '[', ']', '"', '\\', ':', ',', 'a') }),
)
const { tree: ANY_TREE } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5, depthSize: 'medium' },
    fc.jsonValue({ maxDepth: 2 }),
    ANY_KEY,
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(ANY_KEY, tie('tree'), { maxKeys: 4 }),
  ),
}))
const ANY_OBJECT = fc.dictionary(ANY_KEY, ANY_TREE, { maxKeys: 5 })

suite('members of a JSON text that arrives in parts', () => {
  test('are those that JSON.parse finds, wherever the parts end, and however it is indented', () => {
    fc.assert(
      fc.property(ANY_OBJECT, ANY_DEPTH, ANY_CUTS, fc.nat(4), (object, depth, cuts, indent) => {
        const text = JSON.stringify(object, null, indent)
        assert.deepEqual(sorted(read(text, depth, cuts)), sorted(membersOf(JSON.parse(text), depth)))
      }),
      { numRuns: 1000 },
    )
  })

  test('every part of one character', () => {
    const text = '{"100":{"macs":{"a":{"b":[1,{"c":"}"}]},"d":null},"numMacs":2}}'
    const each = Array.from({ length: text.length }, (_, index) => index)
    assert.deepEqual(read(text, 3, each), [
      { path: ['100', 'macs', 'a'], value: { b: [1, { c: '}' }] } },
      { path: ['100', 'macs', 'd'], value: null },
    ])
  })

  test('come as soon as they have ended', () => {
    const parser = new JsonMembers(1)
    assert.deepEqual(parser.push('{"a":1,'), [{ path: ['a'], value: 1 }])
    assert.deepEqual(parser.push('"b":[2'), [])
    assert.deepEqual(parser.push(',3]'), [])
    assert.deepEqual(parser.push('}'), [{ path: ['b'], value: [2, 3] }])
    parser.end()
  })

  test('an object without members has none', () => {
    for (const text of ['{}', '{\n}\n', ' { } ']) assert.deepEqual(read(text, 1), [])
  })
})

suite('what is not the JSON it should be', () => {
  test('a text that has lost its end is refused', () => {
    fc.assert(
      fc.property(ANY_OBJECT, ANY_DEPTH, ANY_CUTS, fc.nat(), (object, depth, cuts, end) => {
        const text = JSON.stringify(object)
        assert.ok(!isRead(text.slice(0, end % text.length), depth, cuts))
      }),
      { numRuns: 500 },
    )
  })

  test('garbage is refused with a SyntaxError or passed over, in whatever parts it comes', () => {
    const unit = fc.constantFrom('{', '}', '[', ']', '"', '\\', ':', ',', '\0', '\n', '1', 'null', 'é', '"a":', '{"b":')
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 60 }), ANY_DEPTH, ANY_CUTS, (text, depth, cuts) => {
        assert.equal(isRead(text, depth, cuts), isRead(text, depth))
      }),
      { numRuns: 2000 },
    )
  })

  test('a broken member is refused', () => {
    for (const text of ['{"a":}', '{"a":1 2}', '{"a":tru}', '{"a":[1}', '{"a":{]}}', '{"a":1]', '}', '{}}', '', '1'])
      assert.ok(!isRead(text, 1), text)
  })

  test('an array on the way has no members', () => {
    assert.deepEqual(read('{"a":[{"b":1}],"c":{"d":2}}', 2), [{ path: ['c', 'd'], value: 2 }])
    assert.deepEqual(read('[{"b":1}]', 2), [])
  })

  for (const start of ['{"a":"', '{"a":[', '{"a":', '{"', '{"a":1,"', '["', '"'])
    test(`${start}… is refused before it fills the memory, or passed over`, () => {
      for (const filling of ['x', '1,', '[', '{"c":', '\\"']) {
        const parser = new JsonMembers(1)
        parser.push(start)
        const part = filling.repeat(2 ** 15)
        let pushed = 0
        assert.throws(() => {
          for (; pushed < 2 ** 23; pushed += part.length) parser.push(part)
          parser.end()
        }, SyntaxError)
        const isOneStringOrValue = ['x', '\\"'].includes(filling) && start.endsWith('"')
        assert.ok(!isOneStringOrValue || pushed <= 2 ** 21, `${start}${filling}… took ${pushed} characters`)
      }
    })
})
