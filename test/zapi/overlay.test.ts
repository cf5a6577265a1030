import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { type Injection, Overlay, type OverlayEntry } from '../../src/zapi/overlay.js'
import { Views } from '../../src/zapi/views.js'
import type { BgpMessage, ZebraMessage } from '../../src/zapi/watch.js'

const ESI = Buffer.alloc(10)
const M1 = 'bc:24:11:00:00:01'
const M2 = 'bc:24:11:00:00:02'
const IP = '10.2.1.11'

const entry = (mac: string, ip: string, router = false): OverlayEntry => {
  return { vni: 100, mac, ip, router, port: 'tap1', vlan: 0, firstSeen: 1, lastSeen: 2 }
}
const vniAdd: ZebraMessage = {
  command: 'ZEBRA_VNI_ADD',
  vrf: 0,
  body: {
    vni: 100,
    vtep: '192.0.2.1',
    tenantVrf: 0,
    multicastGroup: '0.0.0.0',
    sviIfindex: 0,
  },
}
const vniDel: ZebraMessage = { command: 'ZEBRA_VNI_DEL', vrf: 0, body: { vni: 100 } }
const add = (mac: string, ip?: string, seq = 0, flags = 0): ZebraMessage => {
  return { command: 'ZEBRA_MACIP_ADD', vrf: 0, body: { vni: 100, mac, ip, flags, seq, esi: ESI } }
}
const del = (mac: string, ip?: string, state = 1): ZebraMessage => {
  return { command: 'ZEBRA_MACIP_DEL', vrf: 0, body: { vni: 100, mac, ip, state } }
}
const remoteAdd = (mac: string, ip?: string, seq = 0): BgpMessage => {
  return {
    command: 'ZEBRA_REMOTE_MACIP_ADD',
    vrf: 0,
    body: { vni: 100, mac, ip, vtep: '192.0.2.2', flags: 0, seq, esi: ESI },
  }
}
const remoteDel = (mac: string, ip?: string): BgpMessage => {
  return { command: 'ZEBRA_REMOTE_MACIP_DEL', vrf: 0, body: { vni: 100, mac, ip, vtep: '192.0.2.2' } }
}

/** The relay between a zebra and a bgpd, both played by the test; `log` is what bgpd is told, in order. */
class Rig {
  readonly overlay = new Overlay(new Views())
  readonly log: string[] = []

  constructor() {
    this.overlay.setGate('open')
  }

  zebra(...messages: ZebraMessage[]): this {
    for (const message of messages) {
      let verdict = this.overlay.onZebra(message)
      for (let tries = 0; verdict === 'cut'; tries++) {
        assert.ok(tries < 3, 'a frame stays cut')
        this.inject()
        verdict = this.overlay.onZebra(message)
      }
      if (verdict === 'pass') this.log.push(`zebra ${words(message)}`)
      this.inject()
    }
    return this
  }

  bgpd(...messages: BgpMessage[]): this {
    for (const message of messages) this.overlay.onBgpd(message)
    return this.inject()
  }

  put(...entries: OverlayEntry[]): this {
    for (const one of entries) this.overlay.put(one)
    return this.inject()
  }

  remove(mac: string, ip: string): this {
    this.overlay.remove({ vni: 100, mac, ip })
    return this.inject()
  }

  inject(): this {
    while (this.overlay.pending) for (const message of this.overlay.next(4)) this.log.push(`us ${words(message)}`)
    return this
  }

  told(): string[] {
    return this.log.splice(0)
  }

  status(mac = M1, ip = IP): string | undefined {
    for (const { entry: found, report } of this.overlay.entries())
      if (found.mac === mac && found.ip === ip) return report.status
    return undefined
  }
}

function words(message: ZebraMessage | Injection): string {
  switch (message.command) {
    case 'ZEBRA_MACIP_ADD': {
      const { mac, ip, seq, flags } = message.body
      return `ADD ${mac.slice(-1)} ${ip ?? '-'} seq ${seq}${flags === 0 ? '' : ` flags ${flags}`}`
    }
    case 'ZEBRA_MACIP_DEL':
      return `DEL ${message.body.mac.slice(-1)} ${message.body.ip ?? '-'}`
    case 'ZEBRA_VNI_ADD':
    case 'ZEBRA_VNI_DEL':
      return message.command.slice('ZEBRA_'.length)
  }
}

const ready = (): Rig => {
  const rig = new Rig().zebra(vniAdd, add(M1)).put(entry(M1, IP))
  rig.told()
  return rig
}

suite('an entry is announced only while it may be', () => {
  test('held until its VNI is live and its MAC is local, then announced with the MAC’s sequence number', () => {
    const rig = new Rig().put(entry(M1, IP))
    assert.equal(rig.status(), 'vni-not-live')
    rig.zebra(vniAdd)
    assert.equal(rig.status(), 'mac-not-local')
    rig.zebra(add(M1, undefined, 7))
    assert.equal(rig.status(), 'announced')
    assert.deepEqual(rig.told(), ['zebra VNI_ADD', 'zebra ADD 1 - seq 7', 'us ADD 1 10.2.1.11 seq 7'])
  })

  test('announced again when the sequence number changes, not when nothing changes', () => {
    const rig = ready()
      .zebra(add(M1, undefined, 0), add(M1, undefined, 2))
      .put(entry(M1, IP))
    assert.deepEqual(rig.told(), ['zebra ADD 1 - seq 0', 'zebra ADD 1 - seq 2', 'us ADD 1 10.2.1.11 seq 2'])
  })

  test('the router flag is carried, flags of the MAC such as STICKY are not', () => {
    const rig = new Rig().zebra(vniAdd, add(M1, undefined, 0, 1)).put(entry(M1, '2001:db8::11', true))
    assert.deepEqual(rig.told().at(-1), 'us ADD 1 2001:db8::11 seq 0 flags 4')
  })

  test('withdrawn when zebra withdraws the MAC, announced again when it is back', () => {
    const rig = ready().zebra(del(M1), add(M1, undefined, 3))
    assert.deepEqual(rig.told(), [
      'zebra DEL 1 -',
      'us DEL 1 10.2.1.11',
      'zebra ADD 1 - seq 3',
      'us ADD 1 10.2.1.11 seq 3',
    ])
  })

  test('withdrawn when it is removed, and then nothing is left of it', () => {
    const rig = ready().remove(M1, IP)
    assert.deepEqual(rig.told(), ['us DEL 1 10.2.1.11'])
    assert.equal(rig.overlay.size, 0)
    assert.deepEqual(rig.zebra(del(M1), add(M1)).told(), ['zebra DEL 1 -', 'zebra ADD 1 - seq 0'])
  })

  test('VNI_DEL takes everything from bgpd: nothing is withdrawn after it, all is announced after the next VNI_ADD', () => {
    const rig = ready().zebra(vniDel, vniAdd, add(M1))
    assert.deepEqual(rig.told(), ['zebra VNI_DEL', 'zebra VNI_ADD', 'zebra ADD 1 - seq 0', 'us ADD 1 10.2.1.11 seq 0'])
  })

  test('while the release line is uncertain nothing is said', () => {
    const rig = new Rig()
    rig.overlay.setGate('line-uncertain')
    rig.zebra(vniAdd, add(M1)).put(entry(M1, IP))
    assert.deepEqual(rig.told(), ['zebra VNI_ADD', 'zebra ADD 1 - seq 0'])
    assert.equal(rig.status(), 'line-uncertain')
  })
})

suite('zebra’s own entry wins', () => {
  test('zebra learns the same entry: it is not said twice, and its loss is no withdrawal', () => {
    const rig = ready().zebra(add(M1, IP))
    assert.equal(rig.status(), 'shadowed')
    rig.zebra(del(M1, IP))
    assert.equal(rig.status(), 'announced')
    assert.deepEqual(rig.told(), [])
  })

  test('with other attributes zebra’s passes; after its loss ours are announced instead of a withdrawal', () => {
    const rig = ready().zebra(add(M1, IP, 0, 16), del(M1, IP))
    assert.deepEqual(rig.told(), ['zebra ADD 1 10.2.1.11 seq 0 flags 16', 'us ADD 1 10.2.1.11 seq 0'])
  })

  test('what only zebra has is none of our business', () => {
    const rig = new Rig().zebra(vniAdd, add(M1), add(M1, IP), add(M1, IP), del(M1, IP))
    assert.deepEqual(rig.told().slice(2), [
      'zebra ADD 1 10.2.1.11 seq 0',
      'zebra ADD 1 10.2.1.11 seq 0',
      'zebra DEL 1 10.2.1.11',
    ])
  })

  test('an entry put while zebra has it, and removed again, is never spoken of', () => {
    const rig = new Rig().zebra(vniAdd, add(M1), add(M1, IP))
    rig.told()
    assert.deepEqual(rig.put(entry(M1, IP)).remove(M1, IP).told(), [])
    assert.deepEqual(rig.zebra(del(M1, IP)).told(), ['zebra DEL 1 10.2.1.11'])
  })

  test('removed while shadowed, by zebra’s entry that was held back: bgpd keeps it until zebra’s goes', () => {
    const rig = ready().zebra(add(M1, IP)).remove(M1, IP)
    assert.deepEqual(rig.told(), [])
    assert.deepEqual(rig.zebra(del(M1, IP)).told(), ['zebra DEL 1 10.2.1.11'])
  })

  test('the IP on another MAC: ours is withdrawn before zebra’s passes, and held after', () => {
    const rig = ready().zebra(add(M2), add(M2, IP))
    assert.deepEqual(rig.told(), ['zebra ADD 2 - seq 0', 'us DEL 1 10.2.1.11', 'zebra ADD 2 10.2.1.11 seq 0'])
    assert.equal(rig.status(), 'ip-conflict')
    assert.deepEqual(rig.zebra(del(M2, IP)).told(), ['zebra DEL 2 10.2.1.11', 'us ADD 1 10.2.1.11 seq 0'])
  })

  test('the withdrawal that leaves the remote route (state INACTIVE) always passes', () => {
    const rig = ready().zebra(add(M1, IP), del(M1, IP, 0))
    assert.deepEqual(rig.told(), ['zebra DEL 1 10.2.1.11'])
  })
})

suite('remote routes', () => {
  test('the MAC becomes remote: withdrawn, and back with the sequence number of its return', () => {
    const rig = ready().bgpd(remoteAdd(M1, undefined, 1))
    assert.equal(rig.status(), 'remote')
    rig.zebra(del(M1))
    assert.equal(rig.status(), 'mac-not-local')
    rig.zebra(add(M1, undefined, 2))
    assert.deepEqual(rig.told(), [
      'us DEL 1 10.2.1.11',
      'zebra DEL 1 -',
      'zebra ADD 1 - seq 2',
      'us ADD 1 10.2.1.11 seq 2',
    ])
  })

  test('a remote route with a lower sequence number does not count', () => {
    const rig = new Rig()
      .zebra(vniAdd, add(M1, undefined, 5))
      .put(entry(M1, IP))
      .bgpd(remoteAdd(M1, IP, 4))
    assert.equal(rig.status(), 'announced')
  })

  test('the IP behind another VTEP, on another MAC: withdrawn while that lasts', () => {
    const rig = ready().bgpd(remoteAdd(M2, IP))
    assert.equal(rig.status(), 'remote')
    rig.bgpd(remoteDel(M2, IP))
    assert.deepEqual(rig.told(), ['us DEL 1 10.2.1.11', 'us ADD 1 10.2.1.11 seq 0'])
  })
})

suite('two MACs, one IP', () => {
  test('the withdrawal of the old comes before the announcement of the new, however they were given', () => {
    const rig = ready().zebra(add(M2))
    rig.overlay.put(entry(M2, IP))
    rig.overlay.remove({ vni: 100, mac: M1, ip: IP })
    rig.inject()
    assert.deepEqual(rig.told(), ['zebra ADD 2 - seq 0', 'us DEL 1 10.2.1.11', 'us ADD 2 10.2.1.11 seq 0'])
  })

  test('while both are wanted the first stays', () => {
    const rig = ready().zebra(add(M2)).put(entry(M2, IP))
    assert.equal(rig.status(M2), 'ip-conflict')
    rig.remove(M1, IP)
    assert.deepEqual(rig.told().slice(1), ['us DEL 1 10.2.1.11', 'us ADD 2 10.2.1.11 seq 0'])
  })
})

suite('sessions', () => {
  test('a new session is told everything again, in order', () => {
    const rig = ready()
    rig.overlay.onSessionLost()
    rig.inject()
    assert.equal(rig.status(), 'no-session')
    rig.overlay.setGate('open')
    rig.zebra(vniAdd, add(M1))
    assert.deepEqual(rig.told(), ['zebra VNI_ADD', 'zebra ADD 1 - seq 0', 'us ADD 1 10.2.1.11 seq 0'])
  })

  test('what zebra no longer has after its restart is withdrawn once the session has settled', () => {
    const rig = ready().zebra(add(M2), add(M2, '10.2.1.12'), add(M1, '10.2.1.99'))
    rig.told()
    rig.overlay.onSessionLost()
    rig.overlay.setGate('open')
    rig.zebra(vniAdd, add(M1), add(M1, '10.2.1.99'))
    rig.told()
    rig.overlay.onSettled()
    rig.inject()
    assert.deepEqual(rig.told().sort(), ['us DEL 2 -', 'us DEL 2 10.2.1.12'])
  })
})

/** bgpd as FRR 8.5 and later keep local routes: per VNI one local path per IP, and one per MAC. */
class SimulatedBgpd {
  live = false
  readonly macs = new Map<string, string>()
  readonly ips = new Map<string, string>()

  tell(words: string): void {
    const [, verb = '', mac = '', ip = '', ...rest] = words.split(' ')
    if (verb === 'VNI_ADD') this.live = true
    if (verb === 'VNI_DEL') {
      this.live = false
      this.macs.clear()
      this.ips.clear()
    }
    if (verb === 'ADD') {
      assert.ok(this.live, `${words}: the VNI is not live`)
      const held = this.ips.get(ip)
      if (ip === '-') this.macs.set(mac, rest.join(' '))
      else {
        assert.ok(held === undefined || held.startsWith(`${mac} `), `${words} while bgpd has ${ip} on ${held ?? ''}`)
        this.ips.set(ip, `${mac} ${rest.join(' ')}`)
      }
    }
    if (verb === 'DEL') {
      if (ip === '-') this.macs.delete(mac)
      else this.ips.delete(ip)
    }
  }
}

test('whatever happens, bgpd has exactly zebra’s entries and those of the overlay that may be announced', () => {
  const macs = fc.constantFrom(M1, M2)
  const ips = fc.constantFrom(IP, '10.2.1.12')
  const seqs = fc.nat(3)
  type Step = (rig: Rig, zebra: Map<string, string>) => void
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.tuple(macs, seqs).map<Step>(
      ([mac, seq]) =>
        (rig) =>
          rig.zebra(add(mac, undefined, seq)),
    ),
    macs.map<Step>((mac) => (rig) => rig.zebra(del(mac))),
    // zebra never has one IP on two MACs: it deletes the old entry first
    fc.tuple(macs, ips, seqs).map<Step>(([mac, ip, seq]) => (rig, zebra) => {
      const before = zebra.get(ip)
      if (before !== undefined && before !== mac) rig.zebra(del(before, ip))
      zebra.set(ip, mac)
      rig.zebra(add(mac, ip, seq, 16))
    }),
    ips.map<Step>((ip) => (rig, zebra) => {
      const mac = zebra.get(ip)
      zebra.delete(ip)
      if (mac !== undefined) rig.zebra(del(mac, ip))
    }),
    fc.tuple(macs, ips).map<Step>(
      ([mac, ip]) =>
        (rig) =>
          rig.put(entry(mac, ip)),
    ),
    fc.tuple(macs, ips).map<Step>(
      ([mac, ip]) =>
        (rig) =>
          rig.remove(mac, ip),
    ),
    fc.tuple(macs, fc.option(ips, { nil: undefined }), seqs).map<Step>(
      ([mac, ip, seq]) =>
        (rig) =>
          rig.bgpd(remoteAdd(mac, ip, seq)),
    ),
    fc.tuple(macs, fc.option(ips, { nil: undefined })).map<Step>(
      ([mac, ip]) =>
        (rig) =>
          rig.bgpd(remoteDel(mac, ip)),
    ),
    fc.constant<Step>((rig, zebra) => {
      zebra.clear()
      rig.zebra(vniDel, vniAdd)
    }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const rig = new Rig().zebra(vniAdd)
      const bgpd = new SimulatedBgpd()
      const zebra = new Map<string, string>()
      for (const one of steps) {
        one(rig, zebra)
        for (const told of rig.told()) bgpd.tell(told)
        const expected = new Map([...zebra].map(([ip, mac]) => [ip, mac.slice(-1)]))
        for (const {
          entry: { mac, ip },
          report,
        } of rig.overlay.entries()) {
          if (report.status === 'announced') expected.set(ip, mac.slice(-1))
        }
        assert.deepEqual(new Map([...bgpd.ips].map(([ip, held]) => [ip, held.charAt(0)])), expected)
      }
    }),
    { numRuns: 5000 },
  )
})
