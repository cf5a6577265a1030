import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { KEEPALIVE } from '../../src/bgp/header.js'
import {
  type Notification,
  decodeNotification,
  encodeNotification,
  hardReset,
  notification,
  notificationName,
  shutdown,
  shutdownText,
  unwrapHardReset,
} from '../../src/bgp/notification.js'
import { decodeRouteRefresh, encodeRouteRefresh } from '../../src/bgp/route-refresh.js'
import { NOTIFICATION, ROUTE_REFRESH, ascii, hex, message, u8 } from './build.js'

const cease = (subcode: number, data = ''): Notification => ({ code: 6, subcode, data: hex(data) })

suite('NOTIFICATION', () => {
  test('is code, subcode and data, both directions', () => {
    const value = { code: 3, subcode: 9, data: hex('80 0e 01 ff') }
    const bytes = message(NOTIFICATION, '03 09', '80 0e 01 ff')
    assert.deepEqual(decodeNotification(bytes), value)
    assert.deepEqual(encodeNotification(value), bytes)
  })

  test('data is cut to the longest message', () => {
    const bytes = encodeNotification({ ...cease(1), data: Buffer.alloc(5000) })
    assert.equal(bytes.length, 4096)
    assert.equal(bytes.readUInt16BE(16), 4096)
  })

  const names: [Notification, string][] = [
    [notification('Cease', 'Hard Reset'), 'Cease (6), Hard Reset (9)'],
    [{ code: 1, subcode: 2, data: hex('') }, 'Message Header Error (1), Bad Message Length (2)'],
    [{ code: 2, subcode: 7, data: hex('') }, 'OPEN Message Error (2), Unsupported Capability (7)'],
    [{ code: 3, subcode: 11, data: hex('') }, 'UPDATE Message Error (3), Malformed AS_PATH (11)'],
    [{ code: 4, subcode: 0, data: hex('') }, 'Hold Timer Expired (4), Unspecific (0)'],
    [{ code: 6, subcode: 77, data: hex('') }, 'Cease (6), subcode 77'],
    [{ code: 99, subcode: 1, data: hex('') }, 'error 99, subcode 1'],
  ]
  for (const [value, name] of names) {
    test(name, () => {
      assert.equal(notificationName(value), name)
    })
  }
})

suite('shutdown communication (RFC 9003)', () => {
  test('is a length and UTF-8, both directions', () => {
    const value = shutdown('Administrative Shutdown', 'see you – 12:00')
    assert.deepEqual(value, cease(2, `11 ${ascii('see you – 12:00')}`))
    assert.equal(shutdownText(value), 'see you – 12:00')
    assert.equal(shutdownText(shutdown('Administrative Reset', 'again')), 'again')
  })

  test('is cut between characters at 255 bytes', () => {
    const value = shutdown('Administrative Shutdown', 'é'.repeat(200))
    assert.equal(value.data.length, 255)
    assert.equal(shutdownText(value), 'é'.repeat(127))
  })

  test('cannot give orders to a terminal', () => {
    assert.equal(shutdownText(cease(2, '05 61 1b 5b 0a 62')), 'a\ufffd[\ufffdb')
    assert.equal(shutdownText(cease(2, `03 ${ascii('\u202e')}`)), '\ufffd')
  })

  const none: [name: string, value: Notification][] = [
    ['no data', cease(2)],
    ['length 0', cease(2, '00')],
    ['a length beyond the data', cease(2, '03 6162')],
    ['a length below the data', cease(2, '01 6162')],
    ['no UTF-8', cease(2, '01 ff')],
    ['another subcode', cease(8, '01 61')],
    ['another code', { code: 3, subcode: 2, data: hex('01 61') }],
  ]
  for (const [name, value] of none) {
    test(`${name}: there is none`, () => {
      assert.equal(shutdownText(value), undefined)
    })
  }
})

suite('hard reset (RFC 8538)', () => {
  test('holds the NOTIFICATION that it is for', () => {
    const inner = cease(2, '01 61')
    const value = hardReset(inner)
    assert.deepEqual(value, cease(9, '06 02 01 61'))
    assert.deepEqual(unwrapHardReset(value), inner)
  })

  test('holds nothing, or is none', () => {
    assert.equal(unwrapHardReset(cease(9)), undefined)
    assert.equal(unwrapHardReset(cease(9, '06')), undefined)
    assert.equal(unwrapHardReset(cease(2, '06 02')), undefined)
  })
})

test('KEEPALIVE is a header', () => {
  assert.deepEqual(KEEPALIVE, hex('ff'.repeat(16), '0013 04'))
})

suite('ROUTE-REFRESH', () => {
  for (const [number, subtype] of (['request', 'begin', 'end'] as const).entries()) {
    test(`${subtype}: both directions`, () => {
      const value = { afi: 25, safi: 70, subtype }
      const bytes = message(ROUTE_REFRESH, '0019', u8(number), '46')
      assert.deepEqual(decodeRouteRefresh(bytes), { kind: 'ok', refresh: value })
      assert.deepEqual(encodeRouteRefresh(value), bytes)
    })
  }

  test('another subtype is ignored (RFC 7313 5)', () => {
    assert.deepEqual(decodeRouteRefresh(message(ROUTE_REFRESH, '0019 03 46')), { kind: 'ignored' })
  })

  for (const body of ['', '0019 00', '0019 00 46 00']) {
    test(`a body of ${hex(body).length} bytes ends the session, with the message (RFC 7313 5)`, () => {
      const bytes = message(ROUTE_REFRESH, body)
      const result = decodeRouteRefresh(bytes)
      assert.equal(result.kind, 'session-reset')
      assert.deepEqual(result.notification, { code: 7, subcode: 1, data: bytes })
    })
  }
})
