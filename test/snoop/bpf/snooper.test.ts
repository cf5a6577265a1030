// Real frames through real devices, in both ways of attaching.
import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, suite, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { createLogger } from '../../../src/os/log.js'
import { BpfSnooper } from '../../../src/snoop/bpf/snooper.js'
import type { Evidence } from '../../../src/snoop/bpf/evidence.js'
import {
  ETH_P_8021AD,
  NA_OVERRIDE,
  NA_ROUTER,
  NA_SOLICITED,
  VM_IP,
  VM_IP6,
  VM_LINK_LOCAL,
  VM_MAC,
  arp,
  dad,
  na,
  ns,
  ra,
  tlla,
} from './frames.js'
import { ATTACH_MODES, type Sender, createVeth, enterNewNetns, openSender, run } from '../packet.js'

enterNewNetns()

const log = createLogger('test', 'warn')
const OTHER_IP = '192.0.2.99'

/** Evidence in the order it comes. */
class Inbox {
  private readonly waiting: Evidence[] = []
  private wake: () => void = () => undefined

  readonly put = (evidence: Evidence) => {
    this.waiting.push(evidence)
    this.wake()
  }

  async next(): Promise<Evidence> {
    for (;;) {
      const first = this.waiting.shift()
      if (first) return first
      await new Promise<void>((resolve) => (this.wake = resolve))
    }
  }
}

for (const mode of ATTACH_MODES)
  suite(mode, () => {
    let snooper: BpfSnooper
    let inbox: Inbox
    let veth: { vm: number; port: number }
    let sender: Sender
    before(() => {
      veth = createVeth('vm', 'port')
      sender = openSender(veth.vm)
    })
    after(() => {
      sender.close()
      run('ip', 'link', 'del', 'vm')
    })
    beforeEach(() => {
      snooper = BpfSnooper.open({ repeatIntervalMs: 60_000, log, attach: mode })
      inbox = new Inbox()
      snooper.start(inbox.put)
      assert.equal(snooper.attach(veth.port), mode)
    })
    afterEach(() => {
      snooper.close()
    })

    /** Frames are received in order, so what comes before this one's evidence is all there was. */
    async function nothingMore(): Promise<void> {
      sender.send(arp({ senderIp: OTHER_IP, tags: [{ vlan: 4000 }] }))
      assert.equal((await inbox.next()).ip, OTHER_IP)
      snooper.forget(veth.port, 4000, VM_MAC, OTHER_IP)
    }

    test('ARP and an NA are reported, with the port and the time', async () => {
      const sent = Number(process.hrtime.bigint()) / 1e6
      sender.send(arp())
      const { at, ...evidence } = await inbox.next()
      assert.ok(at >= sent && at <= Number(process.hrtime.bigint()) / 1e6, `${sent} ${at}`)
      assert.deepEqual(evidence, {
        kind: 'arp-request',
        ifindex: veth.port,
        vlan: 0,
        vlanProtocol: 0,
        mac: VM_MAC,
        etherSource: VM_MAC,
        ip: VM_IP,
        router: false,
        solicited: false,
        override: false,
      })
      sender.send(na())
      assert.equal((await inbox.next()).ip, VM_IP6)
      assert.equal(snooper.counters().passed, 2)
    })

    test('solicitations, router advertisements and probes are reported as what they are', async () => {
      snooper.close()
      snooper = BpfSnooper.open({ repeatIntervalMs: 60_000, learnNs: true, log, attach: mode })
      snooper.start(inbox.put)
      snooper.attach(veth.port)
      for (const frame of [arp({ senderIp: '0.0.0.0', targetIp: VM_IP }), dad(), arp(), ns(), ra()]) sender.send(frame)
      for (const expected of [
        ['arp-probe', VM_IP, false],
        ['dad-ns', VM_IP6, false],
        ['arp-request', VM_IP, false],
        ['ns', VM_IP6, false],
        ['ra', VM_LINK_LOCAL, true],
      ]) {
        const { kind, ip, router } = await inbox.next()
        assert.deepEqual([kind, ip, router], expected)
      }
    })

    test('the rate of one port is not that of another', async () => {
      const other = createVeth('other', 'otherport')
      const otherSender = openSender(other.vm)
      try {
        snooper.close()
        const rate = { perSecond: 1 / 3600, burst: 2 }
        snooper = BpfSnooper.open({ repeatIntervalMs: 60_000, rate, log, attach: mode })
        snooper.start(inbox.put)
        for (const port of [veth.port, other.port]) snooper.attach(port)
        for (let host = 1; host <= 10; host++) sender.send(arp({ senderIp: `10.0.0.${host}` }))
        for (let host = 1; host <= 3; host++) otherSender.send(arp({ senderIp: `10.0.1.${host}` }))
        const passed = [await inbox.next(), await inbox.next(), await inbox.next(), await inbox.next()]
        assert.deepEqual(passed.map(({ ip }) => ip).sort(), ['10.0.0.1', '10.0.0.2', '10.0.1.1', '10.0.1.2'])
        // What is held back is heard of only here.
        while (snooper.counters()['rate-limited'] < 9) await setImmediate()
        assert.deepEqual([snooper.limited(veth.port), snooper.limited(other.port)], [8, 1])
      } finally {
        otherSender.close()
        run('ip', 'link', 'del', 'other')
      }
    })

    test('a tag that the kernel moved into the skb is the VLAN', async () => {
      sender.send(arp({ tags: [{ vlan: 100, priority: 3 }] }))
      const dot1q = await inbox.next()
      assert.deepEqual([dot1q.vlan, dot1q.vlanProtocol, dot1q.ip], [100, 0x8100, VM_IP])
      sender.send(na({ tags: [{ protocol: ETH_P_8021AD, vlan: 200 }] }))
      const dot1ad = await inbox.next()
      assert.deepEqual([dot1ad.vlan, dot1ad.vlanProtocol, dot1ad.ip], [200, 0x88a8, VM_IP6])
    })

    test('one tag in the skb and one in the frame teach nothing', async () => {
      sender.send(arp({ tags: [{ protocol: ETH_P_8021AD, vlan: 1 }, { vlan: 2 }] }))
      sender.send(arp({ tags: [{ vlan: 0 }, { vlan: 2 }] }))
      await nothingMore()
      assert.equal(snooper.counters()['double-tagged'], 2)
    })

    test('frames too short for their headers teach nothing', async () => {
      sender.send(arp().subarray(0, 30))
      sender.send(na().subarray(0, 20))
      sender.send(na().subarray(0, 60))
      await nothingMore()
      const counters = snooper.counters()
      assert.deepEqual([counters['arp-truncated'], counters['ipv6-malformed'], counters['nd-truncated']], [1, 1, 1])
    })

    test('a repetition is passed on again only after it was forgotten', async () => {
      sender.send(arp())
      await inbox.next()
      sender.send(arp())
      sender.send(arp({ operation: 2 }))
      await nothingMore()
      assert.equal(snooper.counters().repeated, 2)

      snooper.forget(veth.port, 0, VM_MAC, VM_IP)
      sender.send(arp())
      assert.equal((await inbox.next()).ip, VM_IP)

      sender.send(arp())
      await nothingMore()
      snooper.forgetAll()
      sender.send(arp())
      assert.equal((await inbox.next()).ip, VM_IP)
    })

    test('the same claim in another VLAN, or of another MAC or IP, is no repetition', async () => {
      const mac = '02:00:00:00:00:07'
      const frames = [
        arp(),
        arp({ tags: [{ vlan: 5 }] }),
        arp({ tags: [{ protocol: ETH_P_8021AD, vlan: 5 }] }),
        arp({ senderMac: mac, etherSource: mac }),
        arp({ senderIp: '192.0.2.7' }),
      ]
      for (const frame of frames) sender.send(frame)
      for (const { vlan } of [{ vlan: 0 }, { vlan: 5 }, { vlan: 5 }, { vlan: 0 }, { vlan: 0 }])
        assert.equal((await inbox.next()).vlan, vlan)
    })

    test('a change of an NA flag, or of who sends for the MAC, is news at once', async () => {
      const flags = NA_SOLICITED | NA_OVERRIDE
      sender.send(na({ flags }))
      await inbox.next()
      sender.send(na({ flags: flags | NA_ROUTER }))
      assert.equal((await inbox.next()).router, true)
      sender.send(na({ flags: NA_SOLICITED | NA_ROUTER }))
      assert.equal((await inbox.next()).override, false)
      sender.send(na({ flags: NA_ROUTER }))
      await nothingMore()
      sender.send(na({ flags: NA_ROUTER, etherSource: '02:00:00:00:00:08', options: [tlla(VM_MAC)] }))
      assert.equal((await inbox.next()).etherSource, '02:00:00:00:00:08')
    })

    test('more frames than one batch are reported without loss, in order', async () => {
      const addresses = Array.from({ length: 1000 }, (_, index) => `10.0.${index >> 8}.${index & 0xff}`)
      for (const address of addresses) sender.send(arp({ senderIp: address }))
      for (const address of addresses) assert.equal((await inbox.next()).ip, address)
    })

    test('snooped frames go on through the bridge', async () => {
      run('ip', 'link', 'add', 'bridge0', 'type', 'bridge')
      run('ip', 'link', 'set', 'bridge0', 'up')
      const far = createVeth('farport', 'farvm')
      try {
        for (const port of ['port', 'farport']) run('ip', 'link', 'set', port, 'master', 'bridge0')
        snooper.attach(far.port)
        sender.send(arp())
        assert.equal((await inbox.next()).ifindex, veth.port)
        assert.equal((await inbox.next()).ifindex, far.port)
      } finally {
        run('ip', 'link', 'del', 'bridge0')
        run('ip', 'link', 'del', 'farport')
      }
    })

    test('attaching twice is attaching once; nothing is reported after detaching', async () => {
      assert.equal(snooper.attach(veth.port), mode)
      snooper.detach(veth.port)
      sender.send(arp())
      snooper.detach(veth.port)
      snooper.attach(veth.port)
      await nothingMore()
    })

    test('a port that is gone can be detached, and one that cannot be found is an error', () => {
      const gone = createVeth('gone', 'goneport')
      snooper.attach(gone.port)
      run('ip', 'link', 'del', 'gone')
      snooper.detach(gone.port)
      assert.throws(() => snooper.attach(gone.port), { code: 'ENODEV', errno: 19 })
    })

    test('after close nothing is left, and closing again does nothing', () => {
      snooper.close()
      snooper.close()
      assert.equal(run('tc', 'filter', 'show', 'dev', 'port', 'ingress'), '')
      assert.doesNotMatch(run('tc', 'qdisc', 'show', 'dev', 'port'), /clsact/)
      assert.throws(() => snooper.counters(), TypeError)
    })
  })

test('without a choice TCX is used where the kernel has it', () => {
  const { port } = createVeth('any', 'anyport')
  const snooper = BpfSnooper.open({ repeatIntervalMs: 0, log })
  assert.equal(snooper.attach(port), ATTACH_MODES[0])
  snooper.close()
  run('ip', 'link', 'del', 'any')
})
