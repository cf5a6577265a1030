// Which of many frames user space hears of: repetitions, probes, and the rate of a port.
import assert from 'node:assert/strict'
import { afterEach, suite, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { createLogger } from '../../../src/os/log.js'
import {
  OUTCOMES,
  PORT_BYTES,
  RECORD_BYTES,
  type OutcomeName,
  type SnoopConfig,
  decodeLimited,
  encodeConfig,
  encodeIfindex,
} from '../../../src/snoop/bpf/layout.js'
import { type BpfObject, loadAddon } from '../../../src/snoop/bpf/native.js'
import { BpfSnooper } from '../../../src/snoop/bpf/snooper.js'
import {
  NA_OVERRIDE,
  NA_ROUTER,
  NA_SOLICITED,
  PEER_IP,
  PEER_IP6,
  VM_IP,
  VM_IP6,
  VM_LINK_LOCAL,
  arp,
  dad,
  na,
  ns,
  ra,
} from './frames.js'
import { enterNewNetns } from '../packet.js'

enterNewNetns()

const LOOPBACK = 1
const HOUR = 3600_000
const log = createLogger('test', 'warn')

const opened: BpfSnooper[] = []
afterEach(() => {
  for (const snooper of opened.splice(0)) snooper.close()
})

function open(config: SnoopConfig): BpfSnooper {
  const snooper = BpfSnooper.open({ log, ...config })
  opened.push(snooper)
  return snooper
}

const probe = arp({ senderIp: '0.0.0.0', targetIp: VM_IP })

/** Outcome of each frame, one after the other. */
const outcomes = (snooper: BpfSnooper, frames: Buffer[]) =>
  frames.map((frame) => Object.keys(snooper.testRun(frame).outcomes).join())

suite('repetitions', () => {
  const announcement = arp({ targetIp: VM_IP })
  const advertisement = (flags: number) => na({ target: VM_LINK_LOCAL, flags })
  const solicitation = ns({ source: VM_LINK_LOCAL })
  const host = NA_SOLICITED | NA_OVERRIDE
  const [NEWS, OLD] = ['passed', 'repeated']
  const cases: [name: string, ...frames: [frame: Buffer, outcome: string | undefined][]][] = [
    ['an ARP reply after a request', [arp(), NEWS], [arp({ operation: 2 }), OLD], [arp(), OLD]],
    [
      'an announcement after its probe, a probe after its announcement',
      [probe, NEWS],
      [announcement, NEWS],
      [announcement, OLD],
      [probe, NEWS],
    ],
    ['a probe for another address', [probe, NEWS], [arp({ senderIp: '0.0.0.0', targetIp: PEER_IP }), NEWS]],
    ['an NA after duplicate address detection', [dad(), NEWS], [na(), NEWS], [na(), OLD], [dad(), NEWS]],
    ['an NS after an NA', [advertisement(host), NEWS], [solicitation, OLD], [advertisement(host), OLD]],
    ['an NS after an NA that does not override', [advertisement(NA_SOLICITED), NEWS], [solicitation, NEWS]],
    [
      "a router's NA, RA and NS",
      [advertisement(host | NA_ROUTER), NEWS],
      [ra(), OLD],
      [solicitation, OLD],
      [advertisement(host | NA_ROUTER), OLD],
      [ra(), OLD],
    ],
    [
      'an NA of a router, of which an NS does not tell',
      [solicitation, NEWS],
      [advertisement(host | NA_ROUTER), NEWS],
      [solicitation, OLD],
      [advertisement(host), NEWS],
    ],
    ['an RA of what was a host', [advertisement(host), NEWS], [ra(), NEWS], [ra({ options: [] }), OLD]],
  ]
  for (const [name, ...frames] of cases)
    test(name, () => {
      const snooper = open({ repeatIntervalMs: HOUR, learnNs: true })
      assert.deepEqual(
        outcomes(
          snooper,
          frames.map(([frame]) => frame),
        ),
        frames.map(([, outcome]) => outcome),
      )
    })

  test('without an interval every frame is news, probes too', () => {
    const snooper = open({ repeatIntervalMs: 0 })
    assert.deepEqual(outcomes(snooper, [probe, probe, dad(), dad(), arp(), arp()]), Array(6).fill(NEWS))
  })

  test('a probe is passed again after a second, a claim after the interval', () => {
    withObject({ repeatIntervalMs: HOUR }, (object) => {
      for (const frame of [probe, dad(), arp({ senderIp: PEER_IP }), na({ target: VM_LINK_LOCAL })])
        assert.deepEqual(runs(object, frame), ['passed'])
      makeOlder(object, 1_100_000_000n)
      for (const frame of [probe, dad()]) assert.deepEqual(runs(object, frame, 2), ['passed', 'repeated'])
      for (const frame of [arp({ senderIp: PEER_IP }), na({ target: VM_LINK_LOCAL })])
        assert.deepEqual(runs(object, frame), ['repeated'])
      makeOlder(object, 3600_000_000_000n)
      assert.deepEqual(runs(object, na({ target: VM_LINK_LOCAL })), ['passed'])
    })
  })

  test('what was passed until a moment is as if it never was', () => {
    const config = { repeatIntervalMs: HOUR, learnNs: true }
    withObject(config, (object) => {
      const claim = advertisement(host | NA_ROUTER)
      assert.deepEqual(runs(object, claim), ['passed'])
      // before the tick in which the next ones are seen
      makeOlder(object, 1_000_000_000n)
      const [at = assert.fail()] = firsts(object, 'seen')
      configure(object, config, at - 1n)
      assert.deepEqual(runs(object, claim), ['repeated'])
      configure(object, config, at)
      assert.deepEqual(runs(object, solicitation, 2), ['passed', 'repeated'])
      assert.deepEqual(runs(object, claim, 2), ['passed', 'repeated'], 'nor was the flag of the router')
    })
  })

  test('all is news once everything is forgotten, by the same configuration', async () => {
    const snooper = open({ repeatIntervalMs: HOUR, learnNs: true, rate: { perSecond: 1 / 3600, burst: 2 } })
    snooper.attach(LOOPBACK)
    const known = [arp(), ns()]
    assert.deepEqual(outcomes(snooper, known), [NEWS, NEWS])
    assert.deepEqual(outcomes(snooper, known), [OLD, OLD])
    snooper.forgetAll()
    assert.deepEqual(outcomes(snooper, known), ['rate-limited', 'rate-limited'])
    snooper.detach(LOOPBACK)
    // the coarse clock must pass the moment of forgetting first
    while (outcomes(snooper, known).includes(NEWS)) await setImmediate()
    assert.deepEqual(outcomes(snooper, known), [OLD, OLD])
  })

  test('100,000 hosts are known at once', () => {
    withObject({ repeatIntervalMs: HOUR }, (object) => {
      const frame = arp()
      const slab = Buffer.alloc(1000 * RECORD_BYTES)
      for (let i = 0; i < 200_000; i++) {
        frame.writeUInt32BE(0x0a000000 + (i % 100_000), 28)
        addon.testRun(object, frame, 1, undefined)
        if (i % 1000 === 999) addon.drain(object, slab, RECORD_BYTES)
      }
      assert.deepEqual([count(object, 'passed'), count(object, 'repeated')], [100_000, 100_000])
    })
  })
})

test('solicitations are looked at only if user space wants them; duplicate address detection always', () => {
  const snooper = open({ repeatIntervalMs: 0 })
  assert.deepEqual(outcomes(snooper, [ns(), ns({ checksumError: 1 }), ns({ options: [] }), dad(), ra()]), [
    ...['ns-not-learned', 'ns-not-learned', 'ns-not-learned'],
    ...['passed', 'passed'],
  ])
})

suite('the rate of a port', () => {
  const claims = (count: number, prefix = '10.0.0') =>
    Array.from({ length: count }, (_, index) => arp({ senderIp: `${prefix}.${index}` }))
  const SLOW = { perSecond: 1 / 3600, burst: 3 }

  test('lets as many records pass at once as the burst says', () => {
    const snooper = open({ repeatIntervalMs: HOUR, rate: SLOW })
    snooper.attach(LOOPBACK)
    assert.deepEqual(outcomes(snooper, claims(5)), [
      ...['passed', 'passed', 'passed'],
      ...['rate-limited', 'rate-limited'],
    ])
    assert.equal(snooper.limited(LOOPBACK), 2)
    let passed = 0
    snooper.drain(() => passed++)
    assert.equal(passed, 3)
  })

  test('counts every kind, repetitions of none', () => {
    const snooper = open({ repeatIntervalMs: HOUR, rate: SLOW, learnNs: true })
    snooper.attach(LOOPBACK)
    const known = [arp(), ns(), ra()]
    assert.deepEqual(outcomes(snooper, known), ['passed', 'passed', 'passed'])
    assert.deepEqual(outcomes(snooper, known), ['repeated', 'repeated', 'repeated'])
    const news = [arp({ senderIp: PEER_IP }), probe, na({ target: PEER_IP6 }), dad(), ns({ source: PEER_IP6 })]
    assert.deepEqual(outcomes(snooper, news), Array(5).fill('rate-limited'))
  })

  test('what it held back passes as soon as it may', () => {
    const snooper = open({ repeatIntervalMs: HOUR, rate: SLOW })
    snooper.attach(LOOPBACK)
    const frames = claims(4)
    outcomes(snooper, frames)
    snooper.detach(LOOPBACK)
    snooper.attach(LOOPBACK)
    assert.equal(snooper.limited(LOOPBACK), 0)
    assert.deepEqual(outcomes(snooper, frames), ['repeated', 'repeated', 'repeated', 'passed'])
  })

  test('is a rate: time pays, and never for more than the burst', () => {
    const hour = 3600_000_000_000n
    withObject({ repeatIntervalMs: 0, rate: SLOW }, (object) => {
      addPort(object)
      assert.deepEqual(runs(object, arp(), 4), [...Array<string>(3).fill('passed'), 'rate-limited'])
      payPort(object, hour)
      assert.deepEqual(runs(object, arp(), 2), ['passed', 'rate-limited'])
      payPort(object, 2n * hour)
      assert.deepEqual(runs(object, arp(), 3), ['passed', 'passed', 'rate-limited'])
      payPort(object, 1000n * hour)
      assert.deepEqual(runs(object, arp(), 4), [...Array<string>(3).fill('passed'), 'rate-limited'])
      const [[, port]] = addon.mapEntries(object, 'ports') as [[Buffer, Buffer]]
      assert.equal(decodeLimited(port), 4)
    })
  })

  test('a burst below one is one, and 0 per second no limit', () => {
    const one = open({ repeatIntervalMs: HOUR, rate: { perSecond: 1 / 3600, burst: 0 } })
    one.attach(LOOPBACK)
    assert.deepEqual(outcomes(one, claims(2)), ['passed', 'rate-limited'])
    const free = open({ repeatIntervalMs: HOUR, rate: { perSecond: 0, burst: 1 } })
    free.attach(LOOPBACK)
    assert.deepEqual(outcomes(free, claims(20)), Array(20).fill('passed'))
    assert.equal(free.limited(LOOPBACK), 0)
  })

  test('a port that is not attached to has none, nor a anchor in the map', () => {
    const snooper = open({ repeatIntervalMs: HOUR, rate: SLOW })
    assert.deepEqual(outcomes(snooper, claims(10)), Array(10).fill('passed'))
    assert.equal(snooper.limited(LOOPBACK), 0)
    const nonesuch = 1_000_000
    assert.throws(() => snooper.attach(nonesuch), { code: 'ENODEV' })
    snooper.detach(nonesuch)
    snooper.attach(LOOPBACK)
    snooper.detach(LOOPBACK)
    assert.deepEqual(outcomes(snooper, claims(10, '10.0.1')), Array(10).fill('passed'))
  })

  test('any rate and burst: exactly the burst passes of a flood', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 60, max: 86_400 }), (burst, seconds) => {
        withObject({ repeatIntervalMs: 0, rate: { perSecond: 1 / seconds, burst } }, (object) => {
          addPort(object)
          addon.testRun(object, arp({ senderIp: VM_IP }), burst + 7, undefined)
          addon.testRun(object, na({ target: VM_IP6 }), 1, undefined)
          assert.deepEqual([count(object, 'passed'), count(object, 'rate-limited')], [burst, 8])
        })
      }),
      { numRuns: 20 },
    )
  })
})

const addon = loadAddon()
const OBJECT = fileURLToPath(new URL('../../../bpf/snoop.bpf.o', import.meta.url))

function withObject(config: SnoopConfig, use: (object: BpfObject) => void): void {
  const object = addon.open(OBJECT, () => undefined, false)
  try {
    configure(object, config)
    use(object)
  } finally {
    addon.close(object)
  }
}

function configure(object: BpfObject, config: SnoopConfig, forgetBefore?: bigint): void {
  addon.mapSet(object, '.bss', Buffer.alloc(4), encodeConfig(config, forgetBefore))
}

const count = (object: BpfObject, name: OutcomeName) =>
  addon.counters(object, 'percpu_scratch', OUTCOMES.length)[OUTCOMES.indexOf(name)] ?? 0

/** Outcomes of so many runs on one frame, in the order in which such frames meet them. */
function runs(object: BpfObject, frame: Buffer, repeat = 1): string[] {
  const before = OUTCOMES.map((name) => count(object, name))
  addon.testRun(object, frame, repeat, undefined)
  return OUTCOMES.flatMap((name, index) => Array<string>(count(object, name) - (before[index] ?? 0)).fill(name))
}

const addPort = (object: BpfObject) => {
  addon.mapSet(object, 'ports', encodeIfindex(LOOPBACK), Buffer.alloc(PORT_BYTES))
}

/** The numbers, in the byte order of the machine, with which the values of a map begin. */
const firsts = (object: BpfObject, map: string): bigint[] =>
  addon.mapEntries(object, map).map(([, value]) => new BigUint64Array(Uint8Array.from(value).buffer)[0] ?? 0n)

/** Changes the number, in the byte order of the machine, with which every value of a map begins. */
function change(object: BpfObject, map: string, by: (first: bigint) => bigint): void {
  for (const [key, value] of addon.mapEntries(object, map)) {
    const words = new BigUint64Array(Uint8Array.from(value).buffer)
    words[0] = by(words[0] ?? 0n)
    addon.mapSet(object, map, key, new Uint8Array(words.buffer))
  }
}

/** As if what is in `seen` had been passed on so long ago; before the machine was started, if need be: it wraps. */
const makeOlder = (object: BpfObject, nanoseconds: bigint) => {
  change(object, 'seen', (at) => at - nanoseconds)
}

/** As if so much time had passed for the port. */
const payPort = (object: BpfObject, nanoseconds: bigint) => {
  change(object, 'ports', (tat) => (tat > nanoseconds ? tat - nanoseconds : 0n))
}
