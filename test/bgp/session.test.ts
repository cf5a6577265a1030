import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { Session, type SessionAction, type SessionInput, type SessionSettings } from '../../src/bgp/session.js'
import {
  ascii,
  attribute,
  EMPTY_AS_PATH,
  hex,
  KEEPALIVE,
  LOCAL_PREF,
  MAC_ROUTE,
  message,
  NOTIFICATION,
  OPEN,
  ORIGIN_IGP,
  reach,
  ROUTE_REFRESH,
  u16,
  u8,
  unreach,
  update,
} from './build.js'

const SETTINGS: SessionSettings = {
  ...{ localAs: 65001, peerAs: 65001, routerId: '192.0.2.9' },
  ...{ holdTime: 90, restartTime: 0 },
}
const MULTIPROTOCOL_EVPN = '01 04 0019 00 46'
const FOUR_OCTETS = '41 04 0000fde9'
const EXTENDED_MESSAGE = '06 00'

/** The neighbour's OPEN: 192.0.2.1, unless told otherwise AS 65001, hold time 30 s and EVPN. */
function open({
  as = 65001,
  holdTime = 30,
  routerId = 'c0000201',
  capabilities = [MULTIPROTOCOL_EVPN, FOUR_OCTETS],
} = {}): Buffer {
  const all = hex(...capabilities).toString('hex')
  const parameter = all === '' ? '' : `02${u8(all.length / 2)}${all}`
  return message(OPEN, '04', u16(as), u16(holdTime), routerId, u8(parameter.length / 2), parameter)
}

const keepalive = message(KEEPALIVE)

/** A session and a clock; no jitter unless told. */
class Driven {
  now = 0
  readonly session: Session

  constructor(settings: Partial<SessionSettings> = {}, random = (): number => 0) {
    this.session = new Session({ ...SETTINGS, ...settings }, random)
  }

  take(input: SessionInput): SessionAction[] {
    return this.session.take(input, this.now)
  }

  receive(...messages: Buffer[]): SessionAction[] {
    return this.take({ type: 'received', bytes: Buffer.concat(messages) })
  }

  start(isRestarting = false): SessionAction[] {
    return this.take({ type: 'start', isRestarting })
  }

  /** Until the session is established, with this OPEN. */
  establish(theirs = open()): SessionAction[] {
    this.start()
    this.take({ type: 'connected' })
    return this.receive(theirs, keepalive)
  }

  /** Lets time pass; returns what was due, with its time in seconds. */
  wait(seconds: number): string[] {
    const end = this.now + seconds * 1000
    const lines: string[] = []
    for (;;) {
      const next = this.session.next()
      if (next === undefined || next > end) break
      this.now = next
      lines.push(...this.take({ type: 'tick' }).map((action) => `${Math.round(this.now / 1000)} s: ${shown(action)}`))
    }
    this.now = end
    return lines
  }
}

/** One line for an action; a message by its type, code and subcode. */
function shown(action: SessionAction): string {
  switch (action.type) {
    case 'send': {
      const { bytes } = action
      const type = ['OPEN', 'UPDATE', 'NOTIFICATION', 'KEEPALIVE'][bytes.readUInt8(18) - 1] ?? 'other'
      return type === 'NOTIFICATION' ? `send ${type} ${bytes.readUInt8(19)}/${bytes.readUInt8(20)}` : `send ${type}`
    }
    case 'update':
      return `update +${action.update.announced.length} -${action.update.withdrawn.length}, ${action.problems.length} problems`
    case 'down':
      return `down${action.wasUp ? ', was up' : ''}: ${action.reason}`
    case 'connect':
    case 'close':
    case 'up':
    case 'refresh':
      return action.type
  }
}

const all = (actions: readonly SessionAction[]): string[] => actions.map(shown)

suite('a session', () => {
  test('comes up: OPEN when connected, KEEPALIVE for OPEN, established with KEEPALIVE', () => {
    const d = new Driven()
    assert.deepEqual(all(d.start()), ['connect'])
    assert.deepEqual(all(d.take({ type: 'connected' })), ['send OPEN'])
    assert.deepEqual(all(d.receive(open())), ['send KEEPALIVE'])
    assert.deepEqual(all(d.receive(keepalive)), ['up'])
    assert.equal(d.session.state, 'established')
  })

  test('its OPEN, byte by byte', () => {
    const d = new Driven({ localAs: 4_200_000_000, peerAs: 65001, restartTime: 120 })
    d.start(true)
    const [sent] = d.take({ type: 'connected' })
    assert.ok(sent?.type === 'send')
    const capabilities = [
      MULTIPROTOCOL_EVPN,
      '02 00', // route refresh
      EXTENDED_MESSAGE,
      '41 04 fa56ea00', // 4-octet AS
      '40 06 c078 0019 46 80', // graceful restart: restarting, NOTIFICATION, 120 s, EVPN preserved
    ]
    const bytes = hex(...capabilities).toString('hex')
    const parameter = `02${u8(bytes.length / 2)}${bytes}`
    // AS_TRANS, hold time 90, 192.0.2.9
    assert.deepEqual(sent.bytes, message(OPEN, '04', '5ba0', '005a', 'c0000209', u8(parameter.length / 2), parameter))
  })

  test('without graceful restart, it asks for End-of-RIB alone', () => {
    const d = new Driven()
    d.start(true)
    const [sent] = d.take({ type: 'connected' })
    assert.ok(sent?.type === 'send' && sent.bytes.subarray(-4).equals(hex('40 02 0000')))
  })

  test('what both agree on: the shorter hold time, the AS size, the longest message', () => {
    const up = (actions: readonly SessionAction[]): unknown => {
      const action = actions.find(({ type }) => type === 'up')
      return action?.type === 'up' ? [action.peer.holdTime, action.peer.format, action.peer.open.routerId] : undefined
    }
    assert.deepEqual(up(new Driven().establish()), [
      30,
      { fourOctetAs: true, internal: true, maxMessage: 4096 },
      '192.0.2.1',
    ])
    const theirs = open({ as: 65002, holdTime: 200, capabilities: [MULTIPROTOCOL_EVPN, EXTENDED_MESSAGE] })
    assert.deepEqual(up(new Driven({ peerAs: 65002 }).establish(theirs)), [
      90,
      { fourOctetAs: false, internal: false, maxMessage: 65535 },
      '192.0.2.1',
    ])
  })

  test('bytes may come in any pieces', () => {
    const d = new Driven()
    d.start()
    d.take({ type: 'connected' })
    const bytes = Buffer.concat([open(), keepalive])
    const actions = [...bytes].flatMap((byte) => d.receive(Buffer.from([byte])))
    assert.deepEqual(all(actions), ['send KEEPALIVE', 'up'])
  })
})

suite('an OPEN that is refused', () => {
  for (const [what, theirs, code, reason] of [
    ['another AS', open({ as: 65009, capabilities: [MULTIPROTOCOL_EVPN] }), '2/2', /AS 65009, expected 65001/],
    ['our own router id', open({ routerId: 'c0000209' }), '2/3', /our own router id 192\.0\.2\.9/],
    ['without EVPN', open({ capabilities: [FOUR_OCTETS] }), '2/7', /does not speak EVPN/],
    ['a hold time of 2 s', open({ holdTime: 2 }), '2/6', /hold time 2/],
    ['a KEEPALIVE in its place', keepalive, '5/1', /type 4 came in state open-sent/],
  ] as const) {
    test(what, () => {
      const d = new Driven()
      d.start()
      d.take({ type: 'connected' })
      const actions = all(d.receive(theirs))
      assert.deepEqual(actions.slice(0, 2), [`send NOTIFICATION ${code}`, 'close'])
      assert.match(actions[2] ?? '', reason)
      assert.equal(actions.length, 3)
    })
  }
})

suite('an established session', () => {
  const routes = (...more: string[]): Buffer =>
    update([reach(MAC_ROUTE), ORIGIN_IGP, EMPTY_AS_PATH, LOCAL_PREF, ...more])

  test('hands over UPDATEs, with what was wrong in them', () => {
    const d = new Driven()
    d.establish()
    assert.deepEqual(all(d.receive(routes())), ['update +1 -0, 0 problems'])
    assert.deepEqual(all(d.receive(update([unreach()]))), ['update +0 -1, 0 problems'], 'End-of-RIB')
    // RFC 7606 7.1: a wrong ORIGIN withdraws the routes
    const wrong = update([reach(MAC_ROUTE), attribute('40', 1, '07'), EMPTY_AS_PATH, LOCAL_PREF])
    assert.deepEqual(all(d.receive(wrong)), ['update +0 -1, 1 problems'])
  })

  test('ends for an UPDATE that cannot be cut into parts, and what follows is not read', () => {
    const d = new Driven()
    d.establish()
    const actions = all(d.receive(message(2, 'ffff', '0000'), routes()))
    assert.deepEqual(actions.slice(0, 2), ['send NOTIFICATION 3/1', 'close'])
    assert.equal(actions.length, 3)
    assert.deepEqual(d.receive(routes()), [])
  })

  test('ends for a wrong header', () => {
    const d = new Driven()
    d.establish()
    assert.deepEqual(all(d.receive(Buffer.alloc(19))).slice(0, 2), ['send NOTIFICATION 1/1', 'close'])
  })

  test('asks for all routes again', () => {
    const d = new Driven()
    d.establish()
    assert.deepEqual(all(d.receive(message(ROUTE_REFRESH, '0019 00 46'))), ['refresh'])
    assert.deepEqual(all(d.receive(message(ROUTE_REFRESH, '0001 00 01'))), [], 'of another family')
  })

  test('is told why the neighbour ends it', () => {
    const d = new Driven()
    d.establish()
    const text = 'maintenance'
    const actions = d.receive(message(NOTIFICATION, '06 02', u8(text.length), ascii(text)))
    assert.deepEqual(all(actions), [
      'close',
      'down, was up: the neighbour says Cease (6), Administrative Shutdown (2): maintenance',
    ])
  })

  test('is ended with a text for the neighbour’s operator, and for good', () => {
    const d = new Driven()
    d.establish()
    assert.deepEqual(all(d.take({ type: 'stop', text: 'bye' })), [
      'send NOTIFICATION 6/2',
      'close',
      'down, was up: stopped',
    ])
    assert.deepEqual(d.wait(1000), [])
  })
})

suite('time', () => {
  test('KEEPALIVE at every third of the hold time; a silent neighbour is given up on after it', () => {
    const d = new Driven()
    d.establish()
    assert.deepEqual(d.wait(30), [
      '10 s: send KEEPALIVE',
      '20 s: send KEEPALIVE',
      '30 s: send KEEPALIVE',
      '30 s: send NOTIFICATION 4/0',
      '30 s: close',
      '30 s: down, was up: the neighbour was silent for the hold time',
    ])
  })

  test('whatever the neighbour says keeps the session', () => {
    const d = new Driven()
    d.establish()
    for (let round = 0; round < 5; round++) {
      d.wait(25)
      d.receive(keepalive)
    }
    assert.equal(d.session.state, 'established')
  })

  test('a hold time of 0: nothing is sent, nobody is given up on', () => {
    const d = new Driven()
    d.establish(open({ holdTime: 0 }))
    assert.deepEqual(d.wait(100_000), [])
  })

  test('attempts come less and less often; a sound session begins anew', () => {
    const d = new Driven()
    d.start()
    const attempts: string[] = []
    for (let round = 0; round < 9; round++) {
      d.take({ type: 'closed', reason: 'refused' })
      attempts.push(...d.wait(((d.session.next() ?? 0) - d.now) / 1000))
    }
    assert.deepEqual(
      attempts,
      [1, 3, 7, 15, 31, 63, 123, 183, 243].map((at) => `${at} s: connect`),
    )
    d.take({ type: 'connected' })
    d.receive(open({ holdTime: 0 }), keepalive)
    d.wait(60)
    d.take({ type: 'closed', reason: 'reset' })
    assert.equal((d.session.next() ?? 0) - d.now, 1000)
  })

  test('a connection that is not made, and an OPEN that does not come', () => {
    const d = new Driven()
    d.start()
    assert.deepEqual(d.wait(11), ['10 s: close', '10 s: down: no connection within 10 s', '11 s: connect'])
    d.take({ type: 'connected' })
    assert.deepEqual(d.wait(240), [
      '251 s: send NOTIFICATION 4/0',
      '251 s: close',
      '251 s: down: the neighbour was silent for the hold time',
    ])
  })

  test('timers are shortened by up to a quarter', () => {
    const d = new Driven({}, () => 1)
    d.establish()
    assert.equal(d.session.next(), 7500)
  })
})

test('graceful restart: its OPEN says so once, for the process, and not for each connection that is lost', () => {
  const d = new Driven({ restartTime: 120 })
  const restarting = (): boolean => {
    const [sent] = d.take({ type: 'connected' })
    assert.ok(sent?.type === 'send')
    return sent.bytes.includes(hex('40 06 c078'))
  }
  d.start(true)
  assert.equal(restarting(), true)
  d.receive(open(), keepalive)
  d.take({ type: 'closed', reason: 'reset' })
  d.wait(1)
  assert.equal(restarting(), false)
})

test('whatever comes, in whatever order: no exception, nothing is sent without a connection, and it always goes on', () => {
  const pieces = fc.oneof(
    fc.constantFrom(open(), keepalive, message(ROUTE_REFRESH, '0019 00 46'), message(NOTIFICATION, '06 04')),
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    fc.uint8Array({ maxLength: 60 }).map((bytes) => message(UPDATE_TYPE, Buffer.from(bytes).toString('hex'))),
  )
  const input = fc.oneof(
    { weight: 4, arbitrary: pieces.map((bytes): SessionInput => ({ type: 'received', bytes })) },
    { weight: 2, arbitrary: fc.constant<SessionInput>({ type: 'connected' }) },
    { weight: 1, arbitrary: fc.constant<SessionInput>({ type: 'closed', reason: 'reset' }) },
    { weight: 2, arbitrary: fc.constant<SessionInput>({ type: 'tick' }) },
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(input, fc.nat(100_000)), { maxLength: 40 }), (steps) => {
      const d = new Driven()
      let isOpen = false
      const check = (actions: readonly SessionAction[]): void => {
        for (const action of actions) {
          if (action.type === 'send') assert.ok(isOpen, 'there is a connection')
          if (action.type === 'close' || action.type === 'down') isOpen = false
          if (action.type === 'connect') assert.ok(!isOpen)
        }
      }
      check(d.start())
      for (const [next, ms] of steps) {
        d.now += ms
        if (next.type === 'connected') {
          if (d.session.state !== 'connect') continue
          isOpen = true
        }
        check(d.take(next))
        assert.ok(d.session.next() !== undefined || d.session.state === 'established', 'it goes on')
      }
    }),
    { numRuns: 1000 },
  )
})
const UPDATE_TYPE = 2
