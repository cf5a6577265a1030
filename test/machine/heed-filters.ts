// With `snoop.filters: heed`, what a filter drops on its way through the bridge teaches nothing. Needs a kernel on which
// functions can be traced.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { beforeEach, suite, test, type TestContext } from 'node:test'
import { pino } from 'pino'
import { arpAnnouncement, arpReply } from '../../lab/frames.js'
import type { Evidence, RefusedFrame } from '../../src/snoop/bpf/evidence.js'
import { BpfSnooper } from '../../src/snoop/bpf/snooper.js'
import { enterNamespaceWithBridge, ifindexOf } from '../claims/devices.js'
import { addChain, removeTable } from '../claims/nft.js'
import { ip } from '../rtnetlink/namespace.js'
import { withProgram } from '../snoop/bpf/clang.js'
import * as frames from '../snoop/bpf/frames.js'
import { openSender, run } from '../snoop/packet.js'

const log = pino({ enabled: false })
const [PREROUTING, INPUT, FORWARD] = [0, 1, 2]
const VM = { mac: '02:00:00:00:00:11', ipv4: '10.2.1.11', ipv6: '2001:db8::11' }
const OTHER = { mac: '02:00:00:00:00:12', ipv4: '10.2.1.12', ipv6: '2001:db8::12' }

beforeEach(enterNamespaceWithBridge)

type Heard = { learned: string[]; refused: string[] }

/** Sends frames from the host behind tap1, one after the other, and tells what the snooper says of them. */
function rig(t: TestContext): (...sent: Buffer[]) => Heard {
  const snooper = BpfSnooper.open({ repeatIntervalMs: 60_000, heedFilters: true, log })
  snooper.attach(ifindexOf('tap1'))
  const sender = openSender(ifindexOf('vm-tap1'))
  t.after(() => {
    snooper.close()
    sender.close()
  })
  return (...sent) => {
    const heard: Heard = { learned: [], refused: [] }
    for (const frame of sent) sender.send(frame)
    const learn = ({ mac, ip }: Evidence): unknown => heard.learned.push(`${mac} ${ip}`)
    const refuse = ({ mac, ip, reason }: RefusedFrame): unknown => heard.refused.push(`${mac} ${ip} ${reason}`)
    snooper.drain(learn, refuse)
    return heard
  }
}

const LEARNED: Heard = { learned: [`${VM.mac} ${VM.ipv4}`], refused: [] }
const FILTERED: Heard = { learned: [], refused: [`${VM.mac} ${VM.ipv4} filtered`] }
const NOTHING: Heard = { learned: [], refused: [] }

test('without filters ARP and ND teach, to all and to one host, and a repeated claim is said once', (t) => {
  const hear = rig(t)
  assert.deepEqual(hear(arpAnnouncement(VM), arpAnnouncement(VM)), LEARNED)
  assert.deepEqual(hear(arpReply(OTHER, VM)), { learned: [`${OTHER.mac} ${OTHER.ipv4}`], refused: [] })
  assert.deepEqual(hear(frames.na()), { learned: [`${frames.VM_MAC} ${frames.VM_IP6}`], refused: [] })
})

suite("the bridge's own filters", () => {
  test('what the hook forward drops is told, not learned, and is learned at once when it may pass', (t) => {
    const hear = rig(t)
    addChain({ family: 'bridge', table: 'vms', name: 'spoof', hook: FORWARD, drop: true })
    assert.deepEqual(hear(arpAnnouncement(VM)), FILTERED)
    assert.deepEqual(hear(frames.na()), {
      learned: [],
      refused: [`${frames.VM_MAC} ${frames.VM_IP6} filtered`],
    })
    removeTable('bridge', 'vms')
    assert.deepEqual(hear(arpAnnouncement(VM)), LEARNED)
  })

  test('what the hook prerouting drops is told when the next frame comes', (t) => {
    const hear = rig(t)
    // the claim waits on the CPU that has seen it: the next frame has to come there
    run('taskset', '-acp', '0', String(process.pid))
    addChain({ family: 'bridge', table: 'vms', name: 'spoof', hook: PREROUTING, drop: true })
    assert.deepEqual(hear(arpAnnouncement(VM)), NOTHING)
    removeTable('bridge', 'vms')
    assert.deepEqual(hear(arpAnnouncement(VM)), { ...FILTERED, ...LEARNED, refused: FILTERED.refused })
  })

  test('what only the node itself may not hear is learned', (t) => {
    const hear = rig(t)
    addChain({ family: 'bridge', table: 'vms', name: 'mine', hook: INPUT, drop: true })
    assert.deepEqual(hear(arpAnnouncement(VM)), LEARNED)
  })

  test('a host alone on its bridge is learned', (t) => {
    for (const device of ['vx100', 'tap2']) ip(`link set ${device} down`)
    assert.deepEqual(rig(t)(arpAnnouncement(VM)), LEARNED)
  })
})

test('what tc drops is not learned, nor when another frame of the host comes to the bridge', (t) => {
  const hear = rig(t)
  run('tc', 'qdisc', 'replace', 'dev', 'tap1', 'clsact')
  withProgram('return 2; /* TC_ACT_SHOT */', (path) => {
    const filter = ['filter', 'add', 'dev', 'tap1', 'ingress', 'pref', '60000', 'protocol', 'arp']
    run('tc', ...filter, 'bpf', 'da', 'obj', path, 'sec', 'tc')
  })
  const data = frames.ethernet(frames.ETH_P_IP, Buffer.alloc(64), { etherSource: VM.mac, etherDestination: OTHER.mac })
  assert.deepEqual(hear(arpAnnouncement(VM), data), NOTHING)
  assert.deepEqual(hear(arpAnnouncement(OTHER)), FILTERED)
})

test('a privilege that is missing is named', () => {
  const open = `
    import { BpfSnooper } from '${new URL('../../src/snoop/bpf/snooper.js', import.meta.url).href}'
    import { pino } from '${import.meta.resolve('pino')}'
    BpfSnooper.open({ repeatIntervalMs: 0, heedFilters: true, log: pino({ enabled: false }) })
    console.log('loaded')`
  const withCapabilities = (names: string): string => {
    const node = [process.execPath, '--input-type=module', '--eval', open]
    const { stdout, stderr } = spawnSync('setpriv', [`--bounding-set=${names}`, ...node], { encoding: 'utf8' })
    return stdout + stderr
  }
  assert.match(
    withCapabilities('-all,+net_admin,+bpf'),
    /snoop\.filters: heed also needs CAP_PERFMON, and CAP_SYS_ADMIN/,
  )
  assert.match(withCapabilities('-all,+net_admin,+bpf,+perfmon,+sys_admin'), /^loaded/)
})
