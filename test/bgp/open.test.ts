import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Capability } from '../../src/bgp/capabilities.js'
import { type Open, decodeOpen, encodeOpen } from '../../src/bgp/open.js'
import { OPEN, ascii, hex, message, u16, u8 } from './build.js'

const open = (as: number, capabilities: readonly Capability[]): Open => ({
  as,
  holdTime: 60,
  routerId: '192.0.2.1',
  capabilities,
})
/** AS 65000, hold time 60, router id 192.0.2.1, then what is given. */
const FRONT = '04 fde8 003c c0000201'
const withCapabilities = (capabilities: string): Buffer => {
  const size = hex(capabilities).length
  return message(OPEN, FRONT, u8(size + 2), '02', u8(size), capabilities)
}

suite('OPEN', () => {
  const vectors: [name: string, bytes: Buffer, value: Open][] = [
    ['without parameters', message(OPEN, FRONT, '00'), open(65000, [])],
    [
      'a four-octet AS stands behind AS_TRANS',
      // AS 23456; parameters of 8 bytes; type 2 of 6 bytes; capability 65 of 4 bytes: 4200000000
      message(OPEN, '04 5ba0 003c c0000201', '08 02 06', '41 04 fa56ea00'),
      open(4200000000, [{ kind: 'four-octet-as', as: 4200000000 }]),
    ],
    [
      'every capability',
      withCapabilities(
        [
          // AFI 25, reserved, SAFI 70
          '01 04 0019 00 46',
          '02 00',
          '06 00',
          // restarting and N, 120 s; AFI 25, SAFI 70, forwarding preserved; AFI 1, SAFI 1
          '40 0a c078 0019 46 80 0001 01 00',
          '41 04 0000fde8',
          // receive, send, both
          '45 0c 0019 46 01 0001 01 02 0002 01 03',
          '46 00',
          // "n1", "lab"
          `49 07 02 ${ascii('n1')} 03 ${ascii('lab')}`,
          // unknown
          '4c 02 abcd',
        ].join(''),
      ),
      open(65000, [
        { kind: 'multiprotocol', afi: 25, safi: 70 },
        { kind: 'route-refresh' },
        { kind: 'extended-message' },
        {
          kind: 'graceful-restart',
          restarting: true,
          notification: true,
          restartTime: 120,
          families: [
            { afi: 25, safi: 70, forwardingPreserved: true },
            { afi: 1, safi: 1, forwardingPreserved: false },
          ],
        },
        { kind: 'four-octet-as', as: 65000 },
        {
          kind: 'add-path',
          families: [
            { afi: 25, safi: 70, mode: 'receive' },
            { afi: 1, safi: 1, mode: 'send' },
            { afi: 2, safi: 1, mode: 'both' },
          ],
        },
        { kind: 'enhanced-route-refresh' },
        { kind: 'fqdn', hostname: 'n1', domain: 'lab' },
        { kind: 'unknown', code: 76, value: hex('abcd') },
      ]),
    ],
    [
      'more than 254 bytes of parameters have extended lengths (RFC 9072)',
      // 255, type 255, 258 bytes: type 2, 255 bytes
      message(OPEN, FRONT, 'ff ff 0102', '02 00ff', 'c8 fd', '01'.repeat(253)),
      open(65000, [{ kind: 'unknown', code: 200, value: Buffer.alloc(253, 1) }]),
    ],
    [
      'and so have 255, the length that says so',
      message(OPEN, FRONT, 'ff ff 0100', '02 00fd', 'c8 fb', '01'.repeat(251)),
      open(65000, [{ kind: 'unknown', code: 200, value: Buffer.alloc(251, 1) }]),
    ],
    [
      'the most that does without them',
      message(OPEN, FRONT, 'fe', '02 fc', 'c8 fa', '01'.repeat(250)),
      open(65000, [{ kind: 'unknown', code: 200, value: Buffer.alloc(250, 1) }]),
    ],
  ]
  for (const [name, bytes, value] of vectors) {
    test(`${name}: both directions`, () => {
      assert.deepEqual(decodeOpen(bytes), { kind: 'ok', open: value })
      assert.equal(encodeOpen(value).toString('hex'), bytes.toString('hex'))
    })
  }

  const decodedOnly: [name: string, bytes: Buffer, value: Open][] = [
    [
      'a parameter for each capability',
      message(OPEN, FRONT, '08', '02 02 02 00', '02 02 06 00'),
      open(65000, [{ kind: 'route-refresh' }, { kind: 'extended-message' }]),
    ],
    [
      'extended lengths for few bytes, with any length in front (RFC 9072 2)',
      message(OPEN, FRONT, '07 ff 0005', '02 0002 02 00'),
      open(65000, [{ kind: 'route-refresh' }]),
    ],
    [
      'ADD-PATH with a mode that does not exist counts for nothing (RFC 7911 4)',
      withCapabilities('45 08 0019 46 04 0001 01 01'),
      open(65000, [{ kind: 'add-path', families: [] }]),
    ],
  ]
  for (const [name, bytes, value] of decodedOnly) {
    test(name, () => {
      assert.deepEqual(decodeOpen(bytes), { kind: 'ok', open: value })
    })
  }

  const refused: [name: string, bytes: Buffer, subcode: number, data: string, reason: RegExp][] = [
    ['version 3', message(OPEN, '03 fde8 003c c0000201 00'), 1, '0004', /version 3, expected 4/],
    ['AS 0', message(OPEN, '04 0000 003c c0000201 00'), 2, '', /AS 0/],
    ['AS 0 in four octets (RFC 7607)', withCapabilities('41 04 00000000'), 2, '', /AS 0/],
    ['router id 0.0.0.0', message(OPEN, '04 fde8 003c 00000000 00'), 3, '', /identifier 0.0.0.0/],
    ['another parameter', message(OPEN, FRONT, '04', '01 02 0000'), 4, '', /parameter of type 1/],
    ['hold time 1', message(OPEN, '04 fde8 0001 c0000201 00'), 6, '', /hold time 1, expected 0 or at least 3/],
    ['hold time 2', message(OPEN, '04 fde8 0002 c0000201 00'), 6, '', /hold time 2/],
    ['parameters beyond the message', message(OPEN, FRONT, '05', '02 02 02 00'), 0, '', /parameters at offset 29/],
    ['bytes after the parameters', message(OPEN, FRONT, '04', '02 02 02 00', '00'), 0, '', /1 bytes are left over/],
    ['a parameter beyond the others', message(OPEN, FRONT, '04', '02 03 02 00'), 0, '', /parameter 2 at offset 31/],
    ['a capability beyond its parameter', withCapabilities('02 01'), 0, '', /capability 2 at offset 33/],
    ['a capability that is too short', withCapabilities('41 03 00fde8'), 0, '', /AS at offset 33: needs 4 bytes/],
    ['a capability that is too long', withCapabilities('02 01 00'), 0, '', /end at offset 33/],
    ['a half family', withCapabilities('40 04 0078 0019'), 0, '', /SAFI at offset 37/],
  ]
  for (const [name, bytes, subcode, data, reason] of refused) {
    test(`${name} is refused with the code to send`, () => {
      const result = decodeOpen(bytes)
      assert.equal(result.kind, 'session-reset')
      assert.deepEqual(result.notification, { code: 2, subcode, data: hex(data) })
      assert.match(result.reason, reason)
    })
  }

  test('hold time 0 and 3 are taken', () => {
    for (const holdTime of [0, 3]) {
      const result = decodeOpen(message(OPEN, '04 fde8', u16(holdTime), 'c0000201 00'))
      assert.equal(result.kind === 'ok' && result.open.holdTime, holdTime)
    }
  })

  test('what no OPEN can say is refused where it is written', () => {
    assert.throws(() => encodeOpen({ ...open(1, []), routerId: '2001:db8::1' }), RangeError)
    const restart = { kind: 'graceful-restart', restarting: false, notification: false, families: [] } as const
    assert.throws(() => encodeOpen(open(1, [{ ...restart, restartTime: 4096 }])), RangeError)
    assert.throws(() => encodeOpen(open(1, [{ kind: 'unknown', code: 9, value: Buffer.alloc(256) }])), RangeError)
  })
})
