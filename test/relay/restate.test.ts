// The way back to certainty, without sockets and time: what is read of FRR while messages go on passing.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { MacIpFlag } from '../../src/base/macip-flags.js'
import { ESI } from './fake-frr.js'
import { type Happening, VNIS, World, keyText } from './fake-world.js'

const { SYNC_PATH, PROXY_ADVERT } = MacIpFlag
const MACS = ['bc:24:11:00:00:01', 'bc:24:11:00:00:02'] as const
const IPS = ['10.2.1.11', '10.2.1.12', '2001:db8::11'] as const
/** As many as the relay tries before it waits. */
const READINGS = 5

const vni = fc.constantFrom(...VNIS)
const mac = fc.constantFrom(...MACS)
const ip = fc.constantFrom(...IPS)
const seq = fc.constantFrom(0, 0, 1, 4)
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ what: fc.constant('vni'), vni, live: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({ what: fc.constant('mac'), vni, mac, seq, sticky: fc.constantFrom(false, false, true) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ what: fc.constant('neighbor'), vni, mac, ip, router: fc.boolean(), isProxy: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('gone'), vni, mac, ip: fc.option(ip, { nil: undefined }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constant('remote'),
      vni,
      mac,
      ip: fc.option(ip, { nil: undefined }),
      seq,
      gone: fc.boolean(),
      flags: fc.constantFrom(0, 0, SYNC_PATH, SYNC_PATH | PROXY_ADVERT),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constant('entry'),
      key: fc.record({ vni, mac, ip }),
      minSeq: seq,
      observe: fc.constantFrom(false, false, true),
      put: fc.constantFrom(true, true, false),
    }),
  },
)
/** Both VNIs and their MACs are there at first, so that something can happen. */
const START: readonly Happening[] = VNIS.flatMap((each) => [
  { what: 'vni', vni: each, live: true } as const,
  ...MACS.map((one) => ({ what: 'mac', vni: each, mac: one, seq: 0, sticky: false }) as const),
])
const happenings = (maxLength: number): fc.Arbitrary<Happening[]> => fc.array(happening, { maxLength })

/** Reads until relay and FRR agree. */
function relearn(world: World, busy: readonly (readonly Happening[])[]): void {
  world.loseCertainty()
  for (let reading = 0; ; reading++) {
    const [before = [], after = [], between = []] = busy.slice(3 * reading)
    if (world.correct(before, after, between) === 0) break
    assert.ok(reading < READINGS + busy.length / 3, 'relay and FRR do not agree')
  }
  world.becomeCertain()
}

suite('what FRR shows', () => {
  test('makes the relay certain again, whatever it has missed and whatever happens meanwhile', () => {
    fc.assert(
      fc.property(happenings(25), happenings(15), fc.array(happenings(5), { maxLength: 6 }), (seen, unseen, busy) => {
        const world = new World()
        for (const one of [...START, ...seen]) world.happen(one)
        world.seeing = false
        for (const one of unseen) world.happen(one)
        relearn(world, busy)
        assert.deepEqual(world.known(), world.true())
        assert.deepEqual(world.routes(), world.wanted())
      }),
      { numRuns: 2000 },
    )
  })

  test('is taken up by a relay that knows nothing but some entries', () => {
    fc.assert(
      fc.property(happenings(25), happenings(8), (unseen, after) => {
        const world = new World()
        world.seeing = false
        for (const one of [...START, ...unseen]) world.happen(one)
        relearn(world, [])
        assert.deepEqual(world.known(), world.true())
        assert.deepEqual(world.routes(), world.wanted())
        for (const one of after) world.happen(one)
        assert.deepEqual(world.known(), world.true())
        assert.deepEqual(world.routes(), world.wanted())
      }),
      { numRuns: 1000 },
    )
  })

  test('finds nothing to correct the second time, when nothing happens', () => {
    fc.assert(
      fc.property(happenings(25), happenings(15), (seen, unseen) => {
        const world = new World()
        for (const one of [...START, ...seen]) world.happen(one)
        world.seeing = false
        for (const one of unseen) world.happen(one)
        world.loseCertainty()
        world.correct([], [], [])
        assert.equal(world.correct([], [], []), 0)
      }),
      { numRuns: 1000 },
    )
  })

  test('finds nothing to correct in what a relay knows that has seen everything', () => {
    fc.assert(
      fc.property(happenings(25), (seen) => {
        const world = new World()
        for (const one of [...START, ...seen]) world.happen(one)
        const before = world.known()
        world.loseCertainty()
        // what bgpd has of the relay's own is forgotten, what zebra has is not
        world.correct([], [], [])
        assert.deepEqual(world.known(), before)
      }),
      { numRuns: 500 },
    )
  })

  const [m1, m2] = MACS
  const mac1 = { what: 'mac', vni: 100, mac: m1, seq: 0, sticky: false } as const
  const remote2 = { what: 'remote', vni: 100, mac: m2, ip: undefined, seq: 1, gone: false } as const
  const there: readonly Happening[] = [
    { what: 'vni', vni: 100, live: true },
    mac1,
    { what: 'neighbor', vni: 100, mac: m1, ip: IPS[0], router: false, isProxy: false },
    remote2,
    { ...remote2, ip: IPS[1] },
  ]
  const ends: readonly Happening[] = [
    { what: 'vni', vni: 100, live: false },
    { what: 'gone', vni: 100, mac: m1, ip: undefined },
    { what: 'gone', vni: 100, mac: m1, ip: IPS[0] },
    { ...remote2, gone: true },
    { ...remote2, ip: IPS[1], gone: true },
  ]
  for (const end of ends)
    test(`changes nothing that a message of the time was about: ${JSON.stringify(end)}`, () => {
      const world = new World()
      world.seeing = false
      for (const one of there) world.happen(one)
      world.loseCertainty()
      // it goes after the reading, and so it is gone, although the reading has it
      world.correct([], [end], [])
      assert.deepEqual(world.known(), world.true())
    })

  test('tells that the relay has raised a sequence number, which must not fall', () => {
    const world = new World()
    for (const one of there) world.happen(one)
    const key = { vni: 100, mac: m1, ip: IPS[2] }
    world.happen({ what: 'entry', key, minSeq: 4, observe: false, put: true })
    const successor = new World()
    for (const [vni, of] of world.frr.tables) successor.frr.tables.set(vni, of)
    relearn(successor, [])
    successor.happen(mac1)
    const routes = successor.frr.tables.get(100)
    assert.equal(routes?.routes.get(m1)?.seq, 4)
    assert.equal(routes.macIpRoutes.get(IPS[0])?.get(m1)?.seq, 4)
    assert.equal(routes.macs.get(m1)?.seq, 0)
  })

  test('a VNI that comes while FRR is read is there after the next reading', () => {
    const world = new World()
    world.loseCertainty()
    assert.notEqual(world.correct([], START, []), 0)
    assert.notEqual(world.correct([], [], []), 0)
    assert.equal(world.correct([], [], []), 0)
    assert.deepEqual(world.known(), world.true())
  })
})

test('a VNI that goes while its reading is used is gone', () => {
  const world = new World()
  world.seeing = false
  world.happen({ what: 'vni', vni: 100, live: true })
  for (let number = 0; number < 500; number++) {
    const mac = `bc:24:11:00:${String(number).padStart(4, '0').replace(/(..)$/, ':$1')}`
    world.happen({ what: 'mac', vni: 100, mac, seq: 0, sticky: false })
    const ip = `10.2.${number >> 8}.${number & 255}`
    world.happen({ what: 'neighbor', vni: 100, mac, ip, router: false, isProxy: false })
  }
  world.loseCertainty()
  world.correct([], [], [{ what: 'vni', vni: 100, live: false }])
  assert.deepEqual([...world.views.entries()], [])
  assert.deepEqual([...world.follower.entries()], [])
  world.becomeCertain()
  assert.equal(world.overlay.pending, false)
})

suite('a route that bgpd has, and neither zebra nor an entry wants', () => {
  const key = { vni: 100, mac: MACS[0], ip: IPS[0] }
  function withOurs(): World {
    const world = new World()
    world.happen({ what: 'vni', vni: 100, live: true })
    world.happen({ what: 'mac', vni: 100, mac: MACS[0], seq: 0, sticky: false })
    world.happen({ what: 'entry', key, minSeq: 0, observe: false, put: true })
    assert.deepEqual(world.routes(), [keyText(key)])
    return world
  }

  test('is reported, and withdrawn if nobody answers for it', () => {
    const { frr } = withOurs()
    const successor = new World()
    for (const [vni, of] of frr.tables) successor.frr.tables.set(vni, of)
    relearn(successor, [])
    assert.deepEqual(successor.orphans.slice(0, 1), [{ ...key, router: false }])
    assert.deepEqual(successor.routes(), [])
  })

  test('is withdrawn if it is of a MAC alone', () => {
    const world = withOurs()
    world.frr.tables.get(100)?.routes.set(MACS[1], { flags: 0, seq: 0, esi: ESI })
    relearn(world, [])
    assert.deepEqual([...(world.frr.tables.get(100)?.routes.keys() ?? [])], [MACS[0]])
  })

  test('is kept if its entry comes before the relay is certain', () => {
    const { frr } = withOurs()
    const successor = new World()
    for (const [vni, of] of frr.tables) successor.frr.tables.set(vni, of)
    successor.loseCertainty()
    successor.correct([], [], [])
    successor.happen({ what: 'entry', key, minSeq: 0, observe: false, put: true })
    assert.equal(successor.correct([], [], []), 0)
    const told: string[] = []
    const toBgpd = successor.frr.toBgpd.bind(successor.frr)
    successor.frr.toBgpd = (message) => {
      told.push(message.command)
      toBgpd(message)
    }
    successor.becomeCertain()
    assert.deepEqual(successor.routes(), [keyText(key)])
    assert.deepEqual(told, [])
  })

  test('is not one that zebra has itself, nor one with an entry', () => {
    const world = withOurs()
    world.happen({ what: 'neighbor', vni: 100, mac: MACS[0], ip: IPS[1], router: false, isProxy: false })
    relearn(world, [])
    assert.deepEqual(world.orphans, [])
    assert.deepEqual(world.routes(), [keyText(key), keyText({ ...key, ip: IPS[1] })].sort())
  })
})
