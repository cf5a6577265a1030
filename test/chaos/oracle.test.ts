// The oracle says what is there, and finds each kind of difference.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import {
  differences,
  differenceText,
  expectedViews,
  type Known,
  summary,
  type Views,
  withoutForgottenMacs,
  withoutFrrs,
} from '../../chaos/oracle.js'
import { Random } from '../../chaos/random.js'
import { type Operation, type Port, routes, World } from '../../chaos/world.js'
import { hosts } from '../../lab/hosts.js'

const PORTS: readonly [Port, Port] = [
  { index: 0, node: 1, name: 'tap1', mac: 'bc:24:11:00:00:01' },
  { index: 1, node: 2, name: 'tap2', mac: 'bc:24:11:00:00:02' },
]
const HERE = '02:00:00:00:00:00'
const THERE = '02:00:00:00:00:01'
const RATE = 20

/** One host on each node, and one that has not come. */
function world(): World {
  const [first, second, absent] = hosts(0, 3)
  if (first === undefined || second === undefined || absent === undefined) return assert.fail()
  const all = [World.host(first, 0, PORTS[0]), World.host(second, 1, PORTS[1]), World.host(absent, 2, undefined)]
  return new World(PORTS, all, routes(4), RATE)
}

const expected = expectedViews(world(), 1, true)

/** What node 1 shows, with a change. */
const seen = (change: Partial<Views>): Views => ({ ...expected, ...change })

const known = ({ relearned = [], outlived = [] }: { relearned?: (1 | 2)[]; outlived?: (1 | 2)[] } = {}): Known => ({
  relearned: new Set(relearned),
  outlived: new Set(outlived),
})

suite('what is there', () => {
  test('at the node itself, and behind the other one', () => {
    assert.deepEqual(
      [...expected['kernel-fdb']],
      [
        [PORTS[0].mac, 'tap1'],
        [PORTS[1].mac, '192.0.2.2'],
        [HERE, 'tap1'],
        [THERE, '192.0.2.2'],
      ],
    )
    assert.deepEqual(
      [...expected['macipd-bindings']],
      [
        [`${HERE} 10.64.0.0`, 'tap1'],
        [`${HERE} 2001:db8:1::`, 'tap1'],
      ],
    )
    assert.deepEqual([...expected['kernel-neighbours'].keys()], [`${THERE} 10.64.0.1`, `${THERE} 2001:db8:1::1`])
    assert.equal(expected.bgpd.get(`${THERE} 10.64.0.1`), '192.0.2.2')
    assert.deepEqual([...expected['kernel-routes'].keys()], ['198.18.0.2/32', '198.18.0.3/32'])
  })

  test('is the same for both nodes where bgpd is asked', () => {
    assert.deepEqual(expected.bgpd, expectedViews(world(), 2, true).bgpd)
  })

  test('without macipd nobody knows an address', () => {
    const alone = expectedViews(world(), 1, false)
    assert.ok([...alone.bgpd.keys()].every((key) => !key.includes(' ')))
    assert.equal(alone['macipd-local'].size + alone['kernel-neighbours'].size, 0)
  })
})

suite('a difference', () => {
  const found = (change: Partial<Views>): string[] => differences(1, expected, seen(change)).map(differenceText)

  test('is none where there is none', () => {
    assert.deepEqual(found({}), [])
  })

  test('is what is missing', () => {
    const bgpd = new Map(expected.bgpd)
    bgpd.delete(HERE)
    assert.deepEqual(found({ bgpd }), [`n1 bgpd: missing ${HERE} at 192.0.2.1`])
  })

  test('is what is stale', () => {
    const bgpd = new Map(expected.bgpd).set('02:00:00:00:00:02', '192.0.2.1')
    assert.deepEqual(found({ bgpd }), ['n1 bgpd: stale 02:00:00:00:00:02 at 192.0.2.1'])
  })

  test('is what is somewhere else', () => {
    const fdb = new Map(expected['kernel-fdb']).set(THERE, 'tap1')
    assert.deepEqual(found({ 'kernel-fdb': fdb }), [`n1 kernel-fdb: wrong ${THERE} at tap1 instead of 192.0.2.2`])
  })

  test('is a sequence number that is not that of the MAC', () => {
    assert.deepEqual(found({ 'bgpd-sequence': new Map([[`${HERE} 10.64.0.0`, '1, MAC 2']]) }), [
      `n1 bgpd-sequence: stale ${HERE} 10.64.0.0 at 1, MAC 2`,
    ])
  })

  test('is what cannot be seen', () => {
    assert.deepEqual(found({ 'zebra-macs': new Error('zebra is gone') }), [
      'n1 zebra-macs: cannot be seen: zebra is gone',
    ])
  })

  test('of the same kind is told once, with their number', () => {
    const all = differences(1, expected, seen({ 'kernel-neighbours': new Map() }))
    assert.deepEqual(summary(all), [`n1 kernel-neighbours: missing ${THERE} 10.64.0.1 at zebra (and 1 more)`])
  })
})

suite('what zebra ignores', () => {
  const crossed = world()
  const lacking = differences(1, expected, seen({ 'zebra-neighbours': new Map() }))

  test('is FRR’s own only of a host that was at both nodes', () => {
    assert.equal(withoutFrrs(lacking, crossed, known()).length, 2)
    for (const port of [0, 1]) crossed.apply({ kind: 'move', host: 1, from: 1 - port, port })
    assert.deepEqual(withoutFrrs(lacking, crossed, known()), [])
  })

  test('is what a relay shows that has read it from zebra', () => {
    const lackingToo = differences(1, expected, seen({ 'zebra-neighbours': new Map(), 'macipd-remote': new Map() }))
    const ofHost = lackingToo.filter((each) => each.kind === 'missing' && each.key.startsWith(THERE))
    assert.equal(withoutFrrs(ofHost, crossed, known()).length, ofHost.length)
    assert.deepEqual(withoutFrrs(ofHost, crossed, known({ relearned: [1] })), [])
  })

  test('is not if bgpd does not know it either', () => {
    const bgpd = new Map(expected.bgpd)
    bgpd.delete(`${THERE} 10.64.0.1`)
    const all = differences(1, expected, seen({ bgpd, 'zebra-neighbours': new Map() }))
    assert.equal(withoutFrrs(all, crossed, known()).length, 3)
  })
})

suite('what an earlier zebra or bgpd has left behind', () => {
  const gone = '02:00:00:00:00:02'
  const withGone = (view: ReadonlyMap<string, string>, at: string): Map<string, string> =>
    new Map([...view, [gone, at]])
  const fdb = withGone(expected['kernel-fdb'], '192.0.2.2')

  test('is of FRR, where they are not the first ones', () => {
    const all = differences(1, expected, seen({ 'kernel-fdb': fdb }))
    assert.equal(withoutFrrs(all, world(), known()).length, 1)
    assert.equal(withoutFrrs(all, world(), known({ outlived: [2] })).length, 1)
    assert.deepEqual(withoutFrrs(all, world(), known({ outlived: [1] })), [])
  })

  test('is not of FRR if bgpd or macipd shows it, too, or if it is of this node', () => {
    const shown = differences(1, expected, seen({ 'kernel-fdb': fdb, bgpd: withGone(expected.bgpd, '192.0.2.2') }))
    assert.equal(withoutFrrs(shown, world(), known({ outlived: [1] })).length, 2)
    const here = differences(1, expected, seen({ 'kernel-fdb': withGone(expected['kernel-fdb'], 'tap1') }))
    assert.equal(withoutFrrs(here, world(), known({ outlived: [1] })).length, 1)
  })
})

suite('routes that zebra has found in the kernel', () => {
  const prefix = '198.18.0.200/32'
  const via = '192.0.2.2'
  const left = (view: 'zebra-routes' | 'kernel-routes', at: string): ReadonlyMap<string, string> =>
    new Map([...expected[view], [prefix, at]])
  const inKernel = { 'kernel-routes': left('kernel-routes', via) }

  test('are of FRR, there and in the kernel', () => {
    const all = differences(1, expected, seen({ ...inKernel, 'zebra-routes': left('zebra-routes', `kernel ${via}`) }))
    assert.equal(all.length, 2)
    assert.deepEqual(withoutFrrs(all, world(), known()), [])
  })

  test('are not if zebra has got them from bgpd, or does not know them, or bgpd has them, too', () => {
    const told = differences(1, expected, seen({ ...inKernel, 'zebra-routes': left('zebra-routes', via) }))
    assert.equal(withoutFrrs(told, world(), known({ outlived: [1] })).length, 2)
    assert.equal(withoutFrrs(differences(1, expected, seen(inKernel)), world(), known()).length, 1)
    const [[route] = []] = expected['bgpd-routes']
    const both = new Map([...expected['zebra-routes'], [route ?? '', `kernel ${via}`]])
    assert.equal(withoutFrrs(differences(1, expected, seen({ 'zebra-routes': both })), world(), known()).length, 1)
  })
})

suite('hosts and routes in motion', () => {
  const life = (seed: number): { operations: Operation[]; world: World } => {
    const random = new Random(seed)
    const moving = world()
    const operations = Array.from({ length: 2000 }, () => {
      const operation = moving.next(random)
      moving.apply(operation)
      return operation
    })
    return { operations, world: moving }
  }

  test('do the same for the same seed', () => {
    assert.deepEqual(life(1).operations, life(1).operations)
    assert.notDeepEqual(life(1).operations, life(2).operations)
  })

  test('do everything, and no host moves so often that it is taken for a duplicate', () => {
    const { operations } = life(1)
    assert.deepEqual(
      new Set(operations.map(({ kind }) => kind)),
      new Set(['speak', 'move', 'join', 'leave', 'flap', 'routes']),
    )
    for (const host of [0, 1, 2]) {
      const moves = operations.flatMap((each, at) =>
        (each.kind === 'move' || each.kind === 'join') && each.host === host ? [at] : [],
      )
      for (const [index, at] of moves.entries()) assert.ok(at - (moves[index - 3] ?? -Infinity) > 180 * RATE - 1)
    }
  })
})

test('a MAC that a relay takes for remote, and that is gone, is left out only where the relay has read FRR', () => {
  const remote = new Map(expected['macipd-remote']).set('02:00:00:00:00:02', '192.0.2.2')
  const stale = differences(1, expected, seen({ 'macipd-remote': remote }))
  assert.deepEqual(withoutForgottenMacs(stale, new Set([1])), [])
  assert.equal(withoutForgottenMacs(stale, new Set([2])).length, 1)
  const withAddress = new Map(expected['macipd-remote']).set('02:00:00:00:00:02 10.64.0.2', '192.0.2.2')
  const other = differences(1, expected, seen({ 'macipd-remote': withAddress }))
  assert.equal(withoutForgottenMacs(other, new Set([1])).length, 1)
})
