// What the eBPF program refuses is remembered for the address and the port, so that people can be told.
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { createLogger } from '../../src/os/log.js'
import type { Evidence, RefusedFrame } from '../../src/snoop/bpf/evidence.js'
import { BpfSnooper } from '../../src/snoop/bpf/snooper.js'
import {
  arp,
  dad,
  icmpv6,
  na,
  NA_OVERRIDE,
  ns,
  PEER_MAC,
  ra,
  tlla,
  VM_IP,
  VM_IP6,
  VM_LINK_LOCAL,
  VM_MAC,
} from '../snoop/bpf/frames.js'
import { createVeth, enterNewNetns, openSender, run, type Sender } from '../snoop/packet.js'

enterNewNetns()

/** As a cluster of Microsoft's NLB in multicast mode. */
const NLB_MAC = '03:bf:0a:00:00:0a'
/** SNOOP_REFUSED_BURST. */
const AT_ONCE = 32

suite('frames that the program refuses', () => {
  let snooper: BpfSnooper
  let sender: Sender
  let port: number
  const evidence: Evidence[] = []
  const refused: RefusedFrame[] = []

  before(() => {
    const veth = createVeth('vm', 'port')
    port = veth.port
    sender = openSender(veth.vm)
  })
  after(() => {
    snooper.close()
    sender.close()
    run('ip', 'link', 'del', 'vm')
  })

  /** Begins with no debt of the port, sends, and returns once the program has looked at all of it. */
  async function see(frames: readonly Buffer[], options: { perSecond?: number; burst?: number } = {}): Promise<void> {
    const { perSecond = 0, burst = 1 } = options
    ;(snooper as BpfSnooper | undefined)?.close()
    snooper = BpfSnooper.open({ repeatIntervalMs: 0, rate: { perSecond, burst }, log: createLogger('test', 'warn') })
    evidence.length = refused.length = 0
    snooper.attach(port)
    for (const frame of frames) sender.send(frame)
    const seen = (): number => Object.values(snooper.counters()).reduce((sum, value) => sum + value, 0)
    while (seen() < frames.length) await setImmediate()
    while (
      snooper.drain(
        (it) => evidence.push(it),
        (it) => refused.push(it),
      ) > 0
    );
  }

  test('each has its reason, and what was read of the claim', async () => {
    const at = { ifindex: port, vlan: 0 }
    const cases: [frame: Buffer, expected: RefusedFrame][] = [
      [arp({ senderMac: NLB_MAC }), { ...at, reason: 'mac-multicast', mac: NLB_MAC, ip: VM_IP }],
      [
        arp({ tags: [{ vlan: 7 }], senderIp: '127.0.0.1' }),
        { ...at, vlan: 7, reason: 'ip-loopback', mac: VM_MAC, ip: '127.0.0.1' },
      ],
      [arp({ operation: 3 }), { ...at, reason: 'arp-other-operation', mac: VM_MAC, ip: '' }],
      [arp({ etherSource: PEER_MAC, hardware: 6 }), { ...at, reason: 'arp-not-ethernet-ipv4', mac: PEER_MAC, ip: '' }],
      [arp().subarray(0, 30), { ...at, reason: 'arp-truncated', mac: VM_MAC, ip: '' }],
      [na().subarray(0, 60), { ...at, reason: 'nd-truncated', mac: VM_MAC, ip: '' }],
      [na({ hopLimit: 64, options: [tlla(PEER_MAC)] }), { ...at, reason: 'nd-hop-limit', mac: VM_MAC, ip: VM_IP6 }],
      [
        na({ options: [tlla(PEER_MAC)], checksumError: 1 }),
        { ...at, reason: 'nd-checksum', mac: PEER_MAC, ip: VM_IP6 },
      ],
      [na({ options: [tlla(VM_MAC), tlla(PEER_MAC)] }), { ...at, reason: 'nd-macs-differ', mac: VM_MAC, ip: VM_IP6 }],
      [na({ source: '::' }), { ...at, reason: 'na-source', mac: VM_MAC, ip: VM_IP6 }],
      [na({ flags: NA_OVERRIDE, options: [] }), { ...at, reason: 'na-no-mac', mac: VM_MAC, ip: VM_IP6 }],
      [na({ target: '::c000:201' }), { ...at, reason: 'ip-reserved', mac: VM_MAC, ip: '::c000:201' }],
      [dad({ destination: VM_IP6 }), { ...at, reason: 'dad-ns-destination', mac: VM_MAC, ip: VM_IP6 }],
      [ra({ source: VM_IP6 }), { ...at, reason: 'ra-not-link-local', mac: VM_MAC, ip: VM_IP6 }],
      [ra({ code: 1 }), { ...at, reason: 'nd-code', mac: VM_MAC, ip: VM_LINK_LOCAL }],
    ]
    await see(cases.map(([frame]) => frame))
    assert.deepEqual(
      refused,
      cases.map(([, expected]) => expected),
    )
    assert.deepEqual(evidence, [])
  })

  test('what most hosts send all the time is not told', async () => {
    await see([icmpv6(Buffer.alloc(4), { type: 133 }), na({ nextHeader: 0 }), ns(), ns({ options: [] })])
    assert.deepEqual([evidence, refused], [[], []])
  })

  test('a flood of them is told at a low rate, and leaves the port its rate of claims', async () => {
    const flood = Array.from({ length: 500 }, (_, host) =>
      arp({ senderMac: NLB_MAC, senderIp: `10.1.${host >> 8}.${host & 255}` }),
    )
    const claims = Array.from({ length: 10 }, (_, host) => arp({ senderIp: `10.0.0.${host + 1}` }))
    await see([...flood, ...claims], { perSecond: 1 / 3600, burst: 10 })
    assert.equal(evidence.length, 10)
    assert.ok(refused.length >= AT_ONCE && refused.length < 2 * AT_ONCE, `${refused.length} of ${flood.length}`)
  })

  test('a claim over the rate of its port is told, too', async () => {
    await see([arp({ senderIp: '10.0.0.1' }), arp({ senderIp: '10.0.0.2' })], { perSecond: 1 / 3600, burst: 1 })
    assert.deepEqual(
      evidence.map(({ ip }) => ip),
      ['10.0.0.1'],
    )
    assert.deepEqual(refused, [{ ifindex: port, vlan: 0, reason: 'rate-limited', mac: VM_MAC, ip: '10.0.0.2' }])
  })
})
