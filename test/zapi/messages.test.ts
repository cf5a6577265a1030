import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { DecodeError } from '../../src/zapi/cursor.js'
import { HEADER_SIZE } from '../../src/zapi/frame.js'
import { handshakeOf } from '../../src/zapi/handshake.js'
import { FRR_RELEASES, frrRelease } from '../../src/zapi/releases.js'
import { MACIP_ADD, MACIP_DEL, REMOTE_MACIP_ADD, REMOTE_MACIP_DEL } from '../../src/zapi/messages/macip.js'
import { HELLO, sessionKind } from '../../src/zapi/messages/session.js'
import { ADVERTISE_ALL_VNI } from '../../src/zapi/messages/evpn.js'
import { VNI_ADD, VNI_DEL } from '../../src/zapi/messages/vni.js'
import { releaseRange, releasesWith } from '../../src/zapi/detect-release.js'
import { type BgpMessage, EvpnCodec, type ZebraMessage, encodeMessage } from '../../src/zapi/evpn-codec.js'
import { releaseOf } from '../../src/relay/zebra-version.js'
import { NUMBERS, OPENINGS, hex, macIpAdd, macIpDel, remoteMacIpAdd, remoteMacIpDel, vniAdd } from './build.js'

function release(name: string) {
  const found = frrRelease(name)
  assert.ok(found, name)
  return found
}
const MAC = 'bc:24:11:00:00:01'
const NO_ESI = Buffer.alloc(10)

suite('one (bytes, value) pair for both directions', () => {
  for (const name of ['8.4', '10.3'] as const) {
    const n = NUMBERS[name]
    const zebra: [Buffer, object][] = [
      [macIpAdd(n, MAC, '', 3), { vni: 100, mac: MAC, ip: undefined, flags: 0, seq: 3, esi: NO_ESI }],
      [macIpAdd(n, MAC, '0a02010b', 1, 4), { vni: 100, mac: MAC, ip: '10.2.1.11', flags: 4, seq: 1, esi: NO_ESI }],
      [macIpDel(n, MAC, '20010db8000000000000000000000011'), { vni: 100, mac: MAC, ip: '2001:db8::11', state: 1 }],
      [
        vniAdd(n),
        {
          vni: 100,
          vtep: '192.0.2.1',
          tenantVrf: 0,
          multicastGroup: '0.0.0.0',
          sviIfindex: 5,
        },
      ],
    ]
    const bgpd: [Buffer, object][] = [
      [
        remoteMacIpAdd(n, MAC, '0a02010b', 7),
        { vni: 100, mac: MAC, ip: '10.2.1.11', vtep: '192.0.2.2', flags: 0, seq: 7, esi: NO_ESI },
      ],
      [remoteMacIpDel(n, MAC, ''), { vni: 100, mac: MAC, ip: undefined, vtep: '192.0.2.2' }],
    ]
    for (const [watch, pairs] of [
      [EvpnCodec.zebra(release(name)), zebra],
      [EvpnCodec.bgpd(release(name)), bgpd],
    ] as const) {
      for (const [bytes, body] of pairs) {
        test(`FRR ${name}: ${JSON.stringify(body)}`, () => {
          const message = watch.decode(bytes)
          assert.deepEqual({ ...message.body }, body)
          assert.deepEqual(encodeMessage(release(name), message), bytes)
        })
      }
    }
  }

  test('FRR 10.6 and later write a VTEP with its family', () => {
    const { features } = release('10.7')
    const v4 = hex('00000064', 'bc2411000001', '0000', '0002 c0000202', '00', '00000001', '00'.repeat(10))
    const v6 = hex('00000064', 'bc2411000001', '0000', '000a 20010db8000000000000000000000002')
    assert.equal(REMOTE_MACIP_ADD.decode(v4, features).vtep, '192.0.2.2')
    const deleted = REMOTE_MACIP_DEL.decode(v6, features)
    assert.equal(deleted.vtep, '2001:db8::2')
    assert.deepEqual(REMOTE_MACIP_DEL.encode(deleted, features), v6)
  })
})

suite('wrong payloads', () => {
  const { features } = release('8.4')
  test('a short one names the field and where', () => {
    const payload = macIpAdd(NUMBERS['8.4'], MAC, '0a02010b').subarray(HEADER_SIZE)
    for (let length = 0; length < payload.length; length++) {
      assert.throws(() => MACIP_ADD.decode(payload.subarray(0, length), features), DecodeError)
    }
    assert.throws(
      () => MACIP_ADD.decode(payload.subarray(0, 20), features),
      /seq at offset 19: needs 4 bytes, 1 are left/,
    )
  })
  test('one with bytes left over is refused', () => {
    const payload = Buffer.concat([macIpDel(NUMBERS['8.4'], MAC, '').subarray(HEADER_SIZE), Buffer.alloc(3)])
    assert.throws(() => MACIP_DEL.decode(payload, features), /end at offset 18: 3 bytes are left over/)
  })
  test('an IP length that no address has is refused', () => {
    const payload = hex('00000064', 'bc2411000001', '00000005', '00'.repeat(20))
    assert.throws(() => MACIP_ADD.decode(payload, features), /ip at offset 14: length 5, expected 0, 4 or 16/)
  })
  test('random bytes raise nothing but DecodeError', () => {
    const layouts = [
      MACIP_ADD,
      MACIP_DEL,
      REMOTE_MACIP_ADD,
      REMOTE_MACIP_DEL,
      VNI_ADD,
      VNI_DEL,
      ADVERTISE_ALL_VNI,
      HELLO,
    ]
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.constantFrom(...FRR_RELEASES), (bytes, { features }) => {
        for (const layout of layouts) {
          try {
            layout.decode(Buffer.from(bytes), features)
          } catch (error) {
            assert.ok(error instanceof DecodeError, String(error))
          }
        }
      }),
    )
  })
})

suite('releases', () => {
  // counts of enum zebra_message_types_t
  const COUNTS = {
    '8.4': 137,
    '8.5': 143,
    '9.0': 143,
    '9.1': 143,
    '10.0': 144,
    '10.1': 144,
    '10.2': 147,
    '10.3': 147,
    '10.4': 147,
    '10.5': 147,
    '10.6': 147,
    '10.7': 147,
    master: 147,
  }
  test('every release is counted', () => {
    assert.deepEqual(Object.keys(COUNTS).sort(), FRR_RELEASES.map(({ name }) => name).sort())
  })
  for (const [name, count] of Object.entries(COUNTS)) {
    test(`FRR ${name} has ${count} commands, each once`, () => {
      const names = Array.from({ length: count }, (_, number) => release(name).commandName(number))
      assert.equal(new Set(names).size, count)
      assert.ok(!names.includes(undefined))
      assert.equal(release(name).commandName(count), undefined)
    })
  }

  // HELLO and MACIP_ADD of each release as lib/zclient.h numbers them
  const KNOWN: [release: string, hello: number, macIpAdd: number][] = [
    ['8.4', 18, 73],
    ['8.5', 18, 73],
    ['9.0', 18, 73],
    ['9.1', 18, 72],
    ['10.0', 19, 73],
    ['10.1', 19, 73],
    ['10.2', 19, 72],
    ['10.3', 19, 72],
    ['10.4', 19, 72],
    ['10.5', 19, 72],
    ['10.6', 19, 72],
    ['10.7', 19, 72],
    ['master', 19, 72],
  ]
  test('numbers of the commands that matter most', () => {
    for (const [name, hello, add] of KNOWN) {
      assert.equal(release(name).commandNumber('ZEBRA_HELLO'), hello, name)
      assert.equal(release(name).commandNumber('ZEBRA_MACIP_ADD'), add, name)
      assert.equal(release(name).commandNumber('ZEBRA_MACIP_DEL'), add + 1, name)
    }
  })

  test('route types of lib/route_types.txt: LOCAL came with 10.0, and TABLE_DIRECT before ALL', () => {
    for (const { name, features } of FRR_RELEASES) {
      const before = features.helloReceiveNotify
      assert.equal(features.routeTypes.length, before ? 31 : 33, name)
      assert.equal(new Set(features.routeTypes).size, features.routeTypes.length)
      assert.deepEqual([features.protoBgp, features.protoVnc], before ? [9, 17] : [10, 18], name)
      assert.equal(features.routeTypes.at(-1), 'all')
      assert.deepEqual(features.routeTypes.slice(0, 4), ['system', 'kernel', 'connect', before ? 'static' : 'local'])
    }
  })

  const DETECTED: [hello: [number, number], capabilities: [number, number], releases: string][] = [
    [[18, 9], [19, 10], '8.4 … 9.0'],
    [[18, 9], [19, 11], '9.1'],
    [[19, 8], [20, 11], '10.0 … 10.1'],
    [[19, 8], [20, 12], '10.2 … 10.5'],
    [[19, 8], [20, 9], '10.6 … master'],
    [[19, 8], [20, 13], ''],
    [[20, 8], [21, 9], ''],
    [[19, 9], [20, 9], ''],
  ]
  for (const [hello, capabilities, expected] of DETECTED) {
    test(`HELLO ${hello.join('/')} and CAPABILITIES ${capabilities.join('/')} are those of '${expected}'`, () => {
      const releases = releasesWith(
        { command: hello[0], payloadLength: hello[1] },
        { command: capabilities[0], payloadLength: capabilities[1] },
      )
      assert.equal(releaseRange(releases), expected)
    })
  }

  test('zebra’s own word narrows the release down, and an unknown or contradicting one makes it uncertain', () => {
    const { hello, capabilities } = OPENINGS['10.3']
    const releaseName = (running?: string, configured?: string): string[] => {
      const insisted = configured === undefined ? undefined : release(configured)
      const handshake = handshakeOf(hello, capabilities, insisted, running)
      return [handshake.releaseName, handshake.releaseReason]
    }
    assert.deepEqual(releaseName(), ['10.2 … 10.5', 'detected by HELLO and CAPABILITIES'])
    assert.deepEqual(releaseName('10.3'), ['10.3', 'zebra says so, and the session agrees'])
    for (const running of ['8.4', '10.8', '11.0']) {
      assert.deepEqual(releaseName(running), [
        '',
        `zebra says it is FRR ${running}, but the session is that of 10.2 … 10.5`,
      ])
    }
    assert.deepEqual(releaseName('10.8', '10.3'), ['10.3', 'configured, and the session agrees'])
  })

  test('what zebra answers to `show version`', () => {
    assert.equal(releaseOf('FRRouting 8.4.4 (n1) on Linux(6.1).\nCopyright…'), '8.4')
    assert.equal(releaseOf('FRRouting 10.8-dev (n1) on Linux(6.18).'), '10.8')
    assert.equal(releaseOf('% Unknown command'), undefined)
  })

  test('releases that the wire cannot tell apart write the same bytes for all that is watched', () => {
    const macIp = { vni: 100, mac: MAC, ip: '10.2.1.11', flags: 0, seq: 1, esi: NO_ESI }
    const { vni, mac, ip } = macIp
    const vtep = '192.0.2.1'
    const vniAddBody = { vni, vtep, tenantVrf: 0, multicastGroup: '0.0.0.0', sviIfindex: 5 }
    const watched: (ZebraMessage | BgpMessage)[] = [
      { command: 'ZEBRA_VNI_ADD', vrf: 0, body: vniAddBody },
      { command: 'ZEBRA_VNI_DEL', vrf: 0, body: { vni } },
      { command: 'ZEBRA_MACIP_ADD', vrf: 0, body: macIp },
      { command: 'ZEBRA_MACIP_DEL', vrf: 0, body: { vni, mac, ip, state: 1 } },
      { command: 'ZEBRA_REMOTE_MACIP_ADD', vrf: 0, body: { ...macIp, vtep } },
      { command: 'ZEBRA_REMOTE_MACIP_DEL', vrf: 0, body: { vni, mac, ip, vtep } },
      { command: 'ZEBRA_ADVERTISE_ALL_VNI', vrf: 0, body: { advertise: 1, floodControl: 0 } },
    ]
    for (const alike of [
      ['8.4', '8.5', '9.0'],
      ['10.0', '10.1'],
      ['10.2', '10.3', '10.4', '10.5'],
      ['10.6', '10.7', 'master'],
    ]) {
      for (const message of watched) {
        const written = alike.map((name) => encodeMessage(release(name), message).toString('hex'))
        assert.equal(new Set(written).size, 1, `${alike.join(' ')} ${message.command}`)
      }
    }
  })

  test('only bgpd as instance 0, session 0, asynchronous, is the main session', () => {
    const { features } = release('10.3')
    const hello = { proto: 10, instance: 0, sessionId: 0, receiveNotify: undefined, synchronous: 0 }
    assert.equal(sessionKind(hello, features), 'main')
    assert.equal(sessionKind({ ...hello, proto: 18 }, features), 'vnc')
    assert.equal(sessionKind({ ...hello, sessionId: 1, synchronous: 1 }, features), 'synchronous')
    assert.equal(sessionKind({ ...hello, instance: 2 }, features), 'other')
    assert.equal(sessionKind({ ...hello, proto: 7 }, features), 'other')
  })
})
