// The names of kept descriptors: what a keeper stores, its successor finds, whatever else is there.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { closeDescriptor } from '../../src/os/descriptors.js'
import { MEMORY_FILE_SIZE, openMemoryFile, readLine, writeLine } from '../../src/os/memory-file.js'
import type { KeptDescriptor } from '../../src/os/service-manager.js'
import { type Note, readNote, writeNote } from '../../src/relay/connection-note.js'
import { DESCRIPTORS, newOffer } from '../../src/relay/ipc.js'
import { PROBE_NAME, descriptorName, listenerName, noteName, parseKept } from '../../src/relay/stored-names.js'
import { OPENINGS } from '../zapi/build.js'

const NOTE: Note = { zebraVersion: '10.3', unseen: false, opening: { toZebra: '', toBgpd: '' } }
const read = (): Note => NOTE

/** Everything that is stored of a connection; its descriptors have numbers from `fd` on, the note comes last. */
function connection(id: number, fd: number): KeptDescriptor[] {
  const offer = newOffer(id)
  const names = [...DESCRIPTORS.map((role) => descriptorName(offer, role)), noteName(offer)]
  return names.map((name, index) => ({ name, fd: fd + index }))
}
const fds = (first: number): object => Object.fromEntries(DESCRIPTORS.map((name, index) => [name, first + index]))

suite('what was kept', () => {
  test('is put together again, in whatever order it comes', () => {
    const kept = [...connection(7, 10), { name: listenerName(99), fd: 3 }, ...connection(8, 20)]
    fc.assert(
      fc.property(fc.shuffledSubarray(kept, { minLength: kept.length }), (shuffled) => {
        const { listener, connections, incomplete, spare, unknown } = parseKept(shuffled, read)
        assert.deepEqual(listener, { fd: 3, inode: 99 })
        const [first, second] = connections.toSorted((a, b) => a.offer.id - b.offer.id)
        assert.deepEqual([first?.offer.id, first?.note, second?.offer.id, second?.note], [7, 16, 8, 26])
        assert.deepEqual([first?.descriptors, second?.descriptors], [fds(10), fds(20)])
        assert.deepEqual([incomplete, spare, unknown], [[], [], []])
      }),
    )
  })

  test('has the note’s content, and counts as inherited', () => {
    const { offer } = parseKept(connection(7, 10), read).connections[0] ?? {}
    assert.deepEqual({ ...offer, since: 0 }, { ...NOTE, id: 7, since: 0, inherited: true })
  })

  test('is distrusted without its note, or with one that is not understood, which is spare', () => {
    for (const [kept, spare] of [
      [connection(7, 10).slice(0, -1), 0],
      [connection(7, 10), 1],
    ] as const) {
      const parsed = parseKept(kept, () => undefined)
      assert.deepEqual([parsed.connections[0]?.offer.unseen, parsed.connections[0]?.note], [true, undefined])
      assert.equal(parsed.spare.length, spare)
    }
  })

  test('in part, of another making, twice or as a probe does not disturb the rest', () => {
    const [missing, ...part] = connection(8, 20)
    assert.ok(missing !== undefined)
    const strange = ['', 'stored', '7-1-bgpd-', 'listen-', '7-x-bgpd', '7-1-marker'].map((name, fd) => ({ name, fd }))
    const twice = { name: listenerName(98), fd: 4 }
    const kept = [{ name: listenerName(99), fd: 3 }, twice, ...connection(7, 10), ...part, ...strange]
    const parsed = parseKept([...kept, { name: PROBE_NAME, fd: 5 }], read)
    assert.deepEqual(parsed.listener, { fd: 3, inode: 99 })
    assert.deepEqual(
      parsed.connections.map(({ offer }) => offer.id),
      [7],
    )
    assert.deepEqual(
      parsed.incomplete.map(({ id, descriptors }) => [id, descriptors.length]),
      [[8, part.length]],
    )
    assert.deepEqual(parsed.unknown, [twice, ...strange])
    assert.deepEqual(
      parsed.spare.map(({ fd }) => fd),
      [5],
    )
  })

  test('is accounted for to the last descriptor, whatever the names are', () => {
    const names = fc.oneof(
      fc.constantFrom(PROBE_NAME, listenerName(1), ...connection(1, 0).map(({ name }) => name)),
      fc.string(),
    )
    fc.assert(
      fc.property(fc.array(names, { maxLength: 20 }), (list) => {
        const { listener, connections, incomplete, spare, unknown } = parseKept(
          list.map((name, fd) => ({ name, fd })),
          read,
        )
        const found = [
          ...(listener === undefined ? [] : [listener.fd]),
          ...connections.flatMap(({ descriptors, note }) => [...Object.values(descriptors), note]),
          ...[...incomplete.flatMap(({ descriptors }) => descriptors), ...spare, ...unknown].map(({ fd }) => fd),
        ].filter((fd) => fd !== undefined)
        assert.deepEqual(
          found.toSorted((a, b) => a - b),
          [...list.keys()],
        )
      }),
    )
  })
})

suite('a note', () => {
  const withNote = (use: (fd: number) => void): void => {
    const fd = openMemoryFile('test')
    try {
      use(fd)
    } finally {
      closeDescriptor(fd)
    }
  }

  test('is read as it was written last, by every holder of its descriptor', () => {
    withNote((fd) => {
      const { hello, capabilities } = OPENINGS['10.3']
      const opening = { toZebra: hello.toString('base64'), toBgpd: capabilities.toString('base64') }
      // the frames alone, of whatever followed
      const more = Buffer.concat([hello, Buffer.alloc(4000)]).toString('base64')
      const seen = { ...newOffer(7), opening: { ...opening, toZebra: more }, zebraVersion: '10.3' }
      writeNote(fd, seen)
      assert.deepEqual(readNote(fd), { zebraVersion: '10.3', unseen: false, opening })
      writeNote(fd, { ...newOffer(7), unseen: true })
      assert.deepEqual(readNote(fd), { ...NOTE, zebraVersion: undefined, unseen: true })
    })
  })

  test('that is empty or damaged is none', () => {
    withNote((fd) => {
      assert.equal(readNote(fd), undefined)
      const lines = ['', '{', '[]', '{"unseen":false}', '{"unseen":1,"opening":{"toZebra":"","toBgpd":""}}']
      for (const line of lines) {
        writeLine(fd, line)
        assert.equal(readNote(fd), undefined, line)
      }
    })
  })

  test('longer than a page is refused, and what was there stays', () => {
    withNote((fd) => {
      writeLine(fd, 'first')
      assert.throws(() => {
        writeLine(fd, 'x'.repeat(MEMORY_FILE_SIZE))
      }, RangeError)
      assert.equal(readLine(fd), 'first')
    })
  })
})
