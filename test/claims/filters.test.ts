// What else is in the way of frames: other programs, tc filters, nftables. With the real kernel.
import assert from 'node:assert/strict'
import { beforeEach, suite, test, type TestContext } from 'node:test'
import { pino } from 'pino'
import { filterFindings } from '../../src/cli/status/filter-findings.js'
import { Attachments } from '../../src/snoop/bpf/attachments.js'
import { type AttachMode, loadAddon } from '../../src/snoop/bpf/native.js'
import { BpfSnooper } from '../../src/snoop/bpf/snooper.js'
import { ebtablesIn, hasNftables } from '../../src/snoop/filters/node.js'
import { FilterWatch } from '../../src/snoop/filters/watch.js'
import type { Port } from '../../src/snoop/ports/ports.js'
import { withProgram } from '../snoop/bpf/clang.js'
import { ATTACH_MODES, run } from '../snoop/packet.js'
import { enterNamespaceWithBridge, ifindexOf, speak } from './devices.js'
import { addChain } from './nft.js'

const log = pino({ enabled: false })

beforeEach(enterNamespaceWithBridge)

type Rig = {
  snooper: BpfSnooper
  watch: FilterWatch
  /** How many frames our program has seen when a host has spoken. */
  seen: () => number
  attach: () => void
}

function rig(t: TestContext, mode: AttachMode): Rig {
  const snooper = BpfSnooper.open({ repeatIntervalMs: 0, log, attach: mode })
  const attachments = new Attachments(snooper, log)
  const ifindex = ifindexOf('tap1')
  const port: Port = { ifindex, name: 'tap1', bridge: 'br0', bridgeIfindex: 1, up: true, mac: '', ageingMs: 0 }
  const watch = new FilterWatch(snooper, attachments, new Map([[ifindex, port]]), log)
  t.after(() => {
    watch.close()
    snooper.close()
  })
  const seen = (): number => {
    const before = snooper.counters().passed
    speak('tap1')
    return snooper.counters().passed - before
  }
  const attach = (): void => {
    attachments.add(port)
    assert.deepEqual(attachments.of(ifindex), { mode })
  }
  return { snooper, watch, seen, attach }
}

/** Attaches another program that ends the chain (TCX_PASS), before all that are there, and returns how it ends. */
function attachOther(t: TestContext): () => void {
  const addon = loadAddon()
  const object = withProgram('return 0;', (path) => addon.open(path, () => undefined, false))
  addon.attach(object, ifindexOf('tap1'), 'tcx')
  let isOpen = true
  const close = (): void => {
    if (isOpen) addon.close(object)
    isOpen = false
  }
  t.after(close)
  return close
}

if (ATTACH_MODES.includes('tcx')) {
  suite('TCX', () => {
    test('another program that ends the chain keeps nothing from ours', async (t) => {
      attachOther(t)
      const { seen, attach, watch } = rig(t, 'tcx')
      attach()
      assert.equal(seen(), 1)
      await watch.look()
      const { ahead, behind } = watch.of(ifindexOf('tap1'))
      assert.deepEqual(ahead, [])
      assert.match(behind.join(), /^TCX program \d+ \(program\)$/)
    })

    test('one that comes before ours later: ours is first again, but there is no contest', async (t) => {
      const { seen, attach, watch } = rig(t, 'tcx')
      attach()
      const end = attachOther(t)
      assert.equal(seen(), 0, 'the other one ends the chain')
      await watch.look()
      assert.equal(seen(), 1)
      assert.deepEqual(watch.of(ifindexOf('tap1')).ahead, [])
      end()
      attachOther(t)
      await watch.look()
      assert.equal(seen(), 0)
      assert.match(watch.of(ifindexOf('tap1')).ahead.join(), /^TCX program \d+ \(program\)$/)
    })
  })
}

suite('clsact', () => {
  const addBpf = (path: string): unknown =>
    run('tc', 'filter', 'add', 'dev', 'tap1', 'ingress', 'pref', '1', 'bpf', 'da', 'obj', path, 'sec', 'tc')

  test('another filter that ends the chain keeps nothing from ours', async (t) => {
    run('tc', 'qdisc', 'add', 'dev', 'tap1', 'clsact')
    withProgram('return 0;', addBpf)
    const { seen, attach, watch } = rig(t, 'clsact')
    attach()
    assert.equal(seen(), 1)
    await watch.look()
    const { ahead, behind } = watch.of(ifindexOf('tap1'))
    assert.deepEqual(ahead, [])
    assert.match(behind.join(), /^tc filter bpf, pref 1 \(.+\)$/)
  })

  test('a filter of another kind that is first is named, unless no ARP or ND passes it', async (t) => {
    run('tc', 'qdisc', 'add', 'dev', 'tap1', 'clsact')
    const u32 = ['u32', 'match', 'u32', '0', '0', 'flowid', '1:1']
    run('tc', 'filter', 'add', 'dev', 'tap1', 'ingress', 'pref', '1', 'protocol', 'ip', ...u32)
    const { attach, watch, seen } = rig(t, 'clsact')
    attach()
    await watch.look()
    assert.deepEqual(watch.of(ifindexOf('tap1')).ahead, [])
    assert.equal(seen(), 1)
    run('tc', 'filter', 'add', 'dev', 'tap1', 'ingress', 'pref', '7', 'protocol', 'arp', ...u32)
    await watch.look()
    assert.deepEqual(watch.of(ifindexOf('tap1')).ahead, ['tc filter u32, pref 7'])
  })

  test('our filter comes back when somebody removes it with its qdisc', async (t) => {
    const { seen, attach, watch } = rig(t, 'clsact')
    attach()
    assert.equal(seen(), 1)
    run('tc', 'qdisc', 'del', 'dev', 'tap1', 'clsact')
    assert.equal(seen(), 0)
    await watch.look()
    assert.equal(seen(), 1)
  })
})

test('chains of nftables that frames of bridges or ports go through are named if they may drop any', async (t) => {
  const { watch } = rig(t, 'clsact')
  const [PREROUTING, FORWARD, INGRESS] = [0, 2, 0]
  addChain({ family: 'bridge', table: 'vms', name: 'spoof', hook: FORWARD, drop: true })
  addChain({ family: 'bridge', table: 'idle', name: 'empty', hook: PREROUTING, drop: false })
  addChain({ family: 'netdev', table: 'dev', name: 'in', hook: INGRESS, device: 'tap1', drop: true })
  addChain({ family: 'netdev', table: 'other', name: 'in', hook: INGRESS, device: 'tap2', drop: true })
  await watch.look()
  assert.deepEqual([...watch.bridgeFilters].sort(), ['nft bridge vms spoof (forward)', 'nft netdev dev in (tap1)'])
})

test('older ebtables: by the modules of its tables; nothing is loaded in order to ask', () => {
  const modules = 'ebtable_filter 16384 1 - Live 0x0\nebtable_nat 16384 0 - Live 0x0\nebtables 40960 2 - Live 0x0\n'
  assert.deepEqual(ebtablesIn(modules), ['ebtables table nat', 'ebtables table filter'])
  assert.deepEqual(
    [hasNftables(modules), hasNftables(`nf_tables 3 1 - Live\n`), hasNftables(undefined)],
    [false, true, true],
  )
})

test('status says what may not be seen, and what is seen although it is dropped', () => {
  const port = {
    ...{ name: 'tap1', bridge: 'br0', up: true, attached: 'tcx', error: '', bindings: 0, limited: 0 },
    ...{
      state: 'forwarding',
      learning: 'on',
      macs: 1,
      silentMs: 0,
      ahead: ['TCX program 7 (cil_from_netdev)'],
      filters: [],
    },
  }
  const other = { ...port, name: 'tap2', ahead: [], filters: ['tc filter flower, pref 3'] }
  assert.deepEqual(filterFindings({ ports: [], bridgeFilters: [], heedsFilters: false }), [])
  const found = filterFindings({
    ports: [port, other],
    bridgeFilters: ['nft bridge vms spoof (forward)'],
    heedsFilters: false,
  })
  assert.deepEqual(
    found.map(({ severity, what }) => `${severity}: ${what}`),
    [
      'notice: hosts on port tap1 may not be seen: its frames pass TCX program 7 (cil_from_netdev) first',
      'notice: filters are in use that the snooper comes before on 1 port: nft bridge vms spoof (forward), tc filter flower, pref 3',
    ],
  )
  const heeding = { ports: [other], bridgeFilters: ['nft bridge vms spoof (forward)'], heedsFilters: true }
  assert.deepEqual(filterFindings(heeding), [])
  const silent = { ...port, ahead: [], silentMs: 20 * 60_000 }
  for (const [ports, expected] of [
    [[silent], 1],
    [[{ ...silent, macs: 0 }], 0],
    [[{ ...silent, silentMs: 60_000 }], 0],
  ] as const)
    assert.equal(filterFindings({ ports: [...ports], bridgeFilters: [], heedsFilters: false }).length, expected)
  const many = Array.from({ length: 7 }, (_, index) => ({ ...port, name: `tap${index}` }))
  assert.deepEqual(filterFindings({ ports: many, bridgeFilters: [], heedsFilters: false }).length, 6)
})
