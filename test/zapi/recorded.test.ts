// Whole conversations of real daemons, recorded by lab/record.ts.
import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { frameCommand, frameLength } from '../../src/zapi/frame.js'
import { findOpening, handshakeOf } from '../../src/zapi/handshake.js'
import type { FrrRelease } from '../../src/zapi/releases.js'
import { FrameScanner } from '../../src/zapi/scanner.js'
import { Views } from '../../src/relay/overlay/views.js'
import { type BgpMessage, EvpnCodec, type ZebraMessage, encodeMessage } from '../../src/zapi/evpn-codec.js'
import { RELEASES, ROOT } from '../../lab/frr.js'

const DETECTED = {
  '8.4': ['8.4', '8.4 … 9.0'],
  '10.3': ['10.2', '10.2 … 10.5'],
  '10.7': ['10.6', '10.6 … master'],
} as const

/** The frames of a stream, cut by their length fields alone. */
function cut(stream: Buffer): Buffer[] {
  const frames: Buffer[] = []
  for (let offset = 0; offset < stream.length; offset += frameLength(stream, offset)) {
    frames.push(stream.subarray(offset, offset + frameLength(stream, offset)))
  }
  return frames
}

for (const frr of RELEASES) {
  const directory = join(ROOT, 'test/fixtures/zapi', frr)
  const names = readdirSync(directory).sort()
  const read = (name: string): Buffer => readFileSync(join(directory, name))
  const main = { toBgpd: cut(read('1-to-bgpd.bin')), toZebra: cut(read('1-to-zebra.bin')) }
  const { kind, release, releaseName } = handshakeOf(main.toZebra[0], main.toBgpd[0], undefined)

  suite(`FRR ${frr}`, () => {
    test('HELLO and CAPABILITIES are found in the first bytes, as soon as they are there whole', () => {
      const [hello, capabilities] = [main.toZebra[0], main.toBgpd[0]]
      assert.ok(hello && capabilities)
      const [toZebra, toBgpd] = [read('1-to-zebra.bin'), read('1-to-bgpd.bin')]
      for (let end = 0; end <= 1000; end++) {
        const found = findOpening(toZebra.subarray(0, end), toBgpd.subarray(0, end))
        const begun: boolean = end >= hello.length
        assert.deepEqual(found.hello, begun ? hello : undefined)
        assert.deepEqual(found.capabilities, begun && end >= capabilities.length ? capabilities : undefined)
      }
      // the middle of a conversation is not its beginning
      const nothing = { hello: undefined, capabilities: undefined }
      assert.deepEqual(findOpening(toZebra.subarray(1), toBgpd), nothing)
      assert.deepEqual(findOpening(toZebra.subarray(hello.length), toBgpd), nothing)
    })

    for (const name of names) {
      test(`${name}: split at every offset, every frame is seen once and every byte passes`, () => {
        const stream = read(name)
        const expected = cut(stream)
        for (let split = 0; split <= stream.length; split++) {
          const seen: number[] = []
          const scanner = new FrameScanner(
            (_bytes, _offset, length) => {
              seen.push(length)
              return 'pass'
            },
            () => true,
          )
          const first = scanner.scan(stream, split)
          const rest = stream.subarray(first.pass)
          const second = scanner.scan(rest, rest.length)
          assert.equal(first.pass + second.pass, stream.length, `split at ${split}`)
          assert.deepEqual(
            seen,
            expected.map((frame) => frame.length),
            `split at ${split}`,
          )
        }
      })
    }

    test('the connections are told apart', () => {
      const kinds = names
        .filter((name) => name.endsWith('to-zebra.bin'))
        .map((name) => handshakeOf(cut(read(name))[0], undefined, undefined).kind)
      assert.deepEqual(kinds.sort(), frr === '8.4' ? ['main', 'vnc'] : ['main', 'synchronous', 'vnc'])
    })

    test('the release is detected', () => {
      assert.equal(kind, 'main')
      assert.deepEqual([release?.name, releaseName], DETECTED[frr])
    })

    test('every EVPN message decodes to its last byte and encodes to the same bytes', () => {
      assert.ok(release)
      const known = release
      const counts = new Map<string, number>()
      const check = <M extends ZebraMessage | BgpMessage>(watch: EvpnCodec<M>, frames: Buffer[]): M[] =>
        frames
          .filter((frame) => watch.has(frameCommand(frame)))
          .map((frame) => {
            const message = watch.decode(frame)
            assert.deepEqual(encodeMessage(known, message), frame)
            counts.set(message.command, (counts.get(message.command) ?? 0) + 1)
            return message
          })
      check(EvpnCodec.zebra(release), main.toBgpd)
      check(EvpnCodec.bgpd(release), main.toZebra)
      const expected = [
        'ADVERTISE_ALL_VNI',
        'MACIP_ADD',
        'MACIP_DEL',
        'REMOTE_MACIP_ADD',
        'REMOTE_MACIP_DEL',
        'REMOTE_VTEP_ADD',
        // 10.7's bgpd takes nothing back when it ends
        ...(frr === '10.7' ? [] : ['REMOTE_VTEP_DEL']),
        'VNI_ADD',
      ]
      assert.deepEqual(
        [...counts.keys()].sort(),
        expected.map((name) => `ZEBRA_${name}`),
      )
    })

    test('the views follow: the host that moved away and back has come to sequence number 2 before its port went down', () => {
      assert.ok(release)
      const sequences = sequenceNumbers(release, main.toBgpd)
      assert.deepEqual(sequences.at(0), 0)
      assert.deepEqual(sequences.at(-1), 2)
      const views = new Views()
      for (const message of decodeAll(EvpnCodec.zebra(release), main.toBgpd)) views.applyZebra(message)
      assert.deepEqual([...(views.get(100)?.macs.keys() ?? [])], [])
    })
  })
}

function decodeAll<M extends ZebraMessage | BgpMessage>(watch: EvpnCodec<M>, frames: Buffer[]): M[] {
  return frames.filter((frame) => watch.has(frameCommand(frame))).map((frame) => watch.decode(frame))
}

/** The sequence numbers of the near VM's MAC alone, in the order zebra announced them. */
function sequenceNumbers(release: FrrRelease, frames: Buffer[]): number[] {
  return decodeAll(EvpnCodec.zebra(release), frames).flatMap((message) =>
    message.command === 'ZEBRA_MACIP_ADD' && message.body.ip === undefined && message.body.mac === 'bc:24:11:00:00:01'
      ? [message.body.seq]
      : [],
  )
}
