import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { Overlay } from '../../src/relay/overlay/overlay.js'
import type { Entry } from '../../src/bindings/model.js'
import type { Injection } from '../../src/relay/overlay/entry.js'
import { Views, viewMessages } from '../../src/relay/overlay/views.js'
import { type BgpMessage, type ZebraMessage, isFromBgpd } from '../../src/zapi/evpn-codec.js'

const ESI = Buffer.alloc(10)
const SEGMENT = Buffer.from('034438390000ff000001', 'hex')
/** zebra repeats what another node of the segment says. */
const PROXY = 0x20
const M1 = 'bc:24:11:00:00:01'
const M2 = 'bc:24:11:00:00:02'
const IP = '10.2.1.11'

const entry = (mac: string, ip: string, more: Partial<Entry> = {}): Entry => {
  const seen = { port: 'tap1', vlan: 0, firstSeen: 1, lastSeen: 2 }
  return { ...seen, vni: 100, mac, ip, router: false, minSeq: 0, observe: false, ...more }
}
const vniAdd: ZebraMessage = {
  command: 'ZEBRA_VNI_ADD',
  vrf: 0,
  body: {
    vni: 100,
    vtep: '192.0.2.3',
    tenantVrf: 0,
    multicastGroup: '0.0.0.0',
    sviIfindex: 0,
  },
}
const vniDel: ZebraMessage = { command: 'ZEBRA_VNI_DEL', vrf: 0, body: { vni: 100 } }
const add = (mac: string, ip?: string, seq = 0, flags = 0, esi = ESI): ZebraMessage => {
  return { command: 'ZEBRA_MACIP_ADD', vrf: 0, body: { vni: 100, mac, ip, flags, seq, esi } }
}
const del = (mac: string, ip?: string, state = 1): ZebraMessage => {
  return { command: 'ZEBRA_MACIP_DEL', vrf: 0, body: { vni: 100, mac, ip, state } }
}
const remoteAdd = (mac: string, ip?: string, seq = 0, { vtep = '192.0.2.2', flags = 0 } = {}): BgpMessage => {
  return { command: 'ZEBRA_REMOTE_MACIP_ADD', vrf: 0, body: { vni: 100, mac, ip, vtep, flags, seq, esi: ESI } }
}
const remoteDel = (mac: string, ip?: string): BgpMessage => {
  return { command: 'ZEBRA_REMOTE_MACIP_DEL', vrf: 0, body: { vni: 100, mac, ip, vtep: '192.0.2.2' } }
}

/** The relay between a zebra and a bgpd, both played by the test; `log` is what bgpd is told, in order. */
class Rig {
  views = new Views()
  overlay = new Overlay(this.views)
  readonly log: string[] = []
  /** What a successor is told of the past. */
  private journal: ((overlay: Overlay) => void)[] = []

  constructor() {
    this.overlay.setGate('open')
  }

  /** Another overlay takes over, from the journal or from one that was written anew. */
  die(compacted: boolean): this {
    if (compacted) this.journal = this.snapshot()
    this.views = new Views()
    this.overlay = new Overlay(this.views)
    for (const record of this.journal) record(this.overlay)
    this.overlay.setGate('open')
    return this.inject()
  }

  private snapshot(): Rig['journal'] {
    const { overlay, views } = this
    return [
      ...[...overlay.entries()].map((each) => (to: Overlay) => {
        to.put(each.entry)
      }),
      ...[...overlay.heldMinSequences()].map((floor) => (to: Overlay) => {
        to.onMinSequence(floor)
      }),
      ...[...viewMessages(views)].map((message) => {
        if (isFromBgpd(message))
          return (to: Overlay) => {
            to.onBgpd(message)
          }
        const held = overlay.isDropped(message)
        return (to: Overlay) => {
          to.onRecorded(message, held)
        }
      }),
      ...[...overlay.injected()].map((message) => (to: Overlay) => {
        to.onInjected(message)
      }),
    ]
  }

  loseSession(): this {
    this.journal.push((to) => {
      to.onSessionLost()
    })
    this.overlay.onSessionLost()
    this.inject()
    this.overlay.setGate('open')
    return this
  }

  zebra(...messages: ZebraMessage[]): this {
    for (const message of messages) {
      let verdict = this.overlay.onZebra(message)
      for (let tries = 0; verdict === 'defer'; tries++) {
        assert.ok(tries < 3, 'a frame stays cut')
        this.inject()
        verdict = this.overlay.onZebra(message)
      }
      this.journal.push((to) => {
        to.onRecorded(message, verdict === 'drop')
      })
      if (verdict === 'pass') this.log.push(`zebra ${words(message)}`)
      this.inject()
    }
    return this
  }

  /** A message of zebra that is held back by a process that does no more. */
  holdOnly(message: ZebraMessage): void {
    assert.equal(this.overlay.onZebra(message), 'drop')
    this.journal.push((to) => {
      to.onRecorded(message, true)
    })
  }

  bgpd(...messages: BgpMessage[]): this {
    for (const message of messages) {
      this.journal.push((to) => {
        to.onBgpd(message)
      })
      this.overlay.onBgpd(message)
    }
    return this.inject()
  }

  put(...entries: Entry[]): this {
    for (const one of entries) {
      this.journal.push((to) => {
        to.put(one)
      })
      this.overlay.put(one)
    }
    return this.inject()
  }

  remove(mac: string, ip: string): this {
    this.journal.push((to) => {
      to.remove({ vni: 100, mac, ip })
    })
    this.overlay.remove({ vni: 100, mac, ip })
    return this.inject()
  }

  inject(): this {
    while (this.overlay.pending) {
      for (const message of this.overlay.next(4)) {
        this.journal.push((to) => {
          to.onInjected(message)
        })
        this.log.push(`us ${words(message)}`)
      }
    }
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
      const { mac, ip, seq, flags, esi } = message.body
      const more = `${flags === 0 ? '' : ` flags ${flags}`}${esi.equals(ESI) ? '' : ' segment'}`
      return `ADD ${mac.slice(-1)} ${ip ?? '-'} seq ${seq}${more}`
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
  test('waits until its VNI is live and its MAC is local, then announced with the MAC’s sequence number', () => {
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
    const rig = new Rig().zebra(vniAdd, add(M1, undefined, 0, 1)).put(entry(M1, '2001:db8::11', { router: true }))
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

  test('while the release is uncertain nothing is said', () => {
    const rig = new Rig()
    rig.overlay.setGate('release-uncertain')
    rig.zebra(vniAdd, add(M1)).put(entry(M1, IP))
    assert.deepEqual(rig.told(), ['zebra VNI_ADD', 'zebra ADD 1 - seq 0'])
    assert.equal(rig.status(), 'release-uncertain')
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

  test('removed while shadowed, by zebra’s entry that was dropped: bgpd keeps it until zebra’s goes', () => {
    const rig = ready().zebra(add(M1, IP)).remove(M1, IP)
    assert.deepEqual(rig.told(), [])
    assert.deepEqual(rig.zebra(del(M1, IP)).told(), ['zebra DEL 1 10.2.1.11'])
  })

  test('the IP on another MAC: ours is withdrawn before zebra’s passes, and waits after', () => {
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

suite('a host behind an Ethernet segment', () => {
  const onSegment = (mac: string, ip?: string, seq = 0, flags = 0): ZebraMessage => add(mac, ip, seq, flags, SEGMENT)
  const readyOnSegment = (): Rig => {
    const rig = new Rig().zebra(vniAdd, onSegment(M1)).put(entry(M1, IP))
    assert.deepEqual(rig.told().slice(-1), ['us ADD 1 10.2.1.11 seq 0 segment'])
    return rig
  }

  test('what zebra says as a proxy does not take the place of what was heard here', () => {
    const rig = readyOnSegment().zebra(onSegment(M1, IP, 0, PROXY), onSegment(M1, IP, 0, PROXY), del(M1, IP))
    assert.deepEqual(rig.told(), [])
    assert.equal(rig.status(), 'announced')
  })

  test('a host that is heard here after zebra has announced it as a proxy is announced without it', () => {
    const rig = new Rig().zebra(vniAdd, onSegment(M1, undefined, 0, PROXY), onSegment(M1, IP, 0, PROXY))
    assert.deepEqual(rig.told().slice(-1), ['zebra ADD 1 10.2.1.11 seq 0 flags 32 segment'])
    rig.put(entry(M1, IP))
    assert.deepEqual(rig.told(), ['us ADD 1 10.2.1.11 seq 0 segment'])
    assert.equal(rig.status(), 'announced')
  })

  test('one that is not heard here any more is announced as zebra announces it', () => {
    const rig = readyOnSegment()
      .zebra(onSegment(M1, IP, 0, PROXY))
      .remove(M1, IP)
    assert.deepEqual(rig.told(), ['us ADD 1 10.2.1.11 seq 0 flags 32 segment'])
    assert.deepEqual(rig.zebra(del(M1, IP)).told(), ['zebra DEL 1 10.2.1.11'])
  })

  test('zebra has verified it itself: its own counts', () => {
    const rig = readyOnSegment().zebra(onSegment(M1, IP, 0, PROXY), onSegment(M1, IP))
    assert.deepEqual([rig.status(), rig.told()], ['shadowed', []])
    // and no longer does
    rig.zebra(onSegment(M1, IP, 0, PROXY))
    assert.deepEqual([rig.status(), rig.told()], ['announced', []])
  })

  test('one that is only observed stays as zebra announces it', () => {
    const rig = new Rig().zebra(vniAdd, onSegment(M1), onSegment(M1, IP, 0, PROXY))
    rig.told()
    rig.put(entry(M1, IP, { observe: true }))
    assert.deepEqual([rig.status(), rig.told()], ['shadowed', []])
  })

  test('a segment that is configured late, or goes, is in the next announcement', () => {
    const rig = ready().zebra(onSegment(M1, undefined, 1))
    assert.deepEqual(rig.told(), ['zebra ADD 1 - seq 1 segment', 'us ADD 1 10.2.1.11 seq 1 segment'])
    assert.deepEqual(rig.zebra(add(M1, undefined, 2)).told(), ['zebra ADD 1 - seq 2', 'us ADD 1 10.2.1.11 seq 2'])
  })

  test('the sequence number of the other node is taken over, and does not grow', () => {
    const rig = readyOnSegment().bgpd(
      remoteAdd(M1, undefined, 3, { flags: 0x40 }),
      remoteAdd(M1, IP, 3, { flags: 0x40 }),
    )
    rig.zebra(onSegment(M1, undefined, 3), onSegment(M1, IP, 3, PROXY))
    assert.deepEqual(rig.told(), ['zebra ADD 1 - seq 3 segment', 'us ADD 1 10.2.1.11 seq 3 segment'])
  })

  /** An address of a host on the segment that only the other node hears, and another host of this node. */
  const proxied = (): Rig => {
    const rig = new Rig().zebra(vniAdd, onSegment(M1), onSegment(M1, IP, 1, PROXY), add(M2))
    rig.told()
    return rig
  }

  test('what zebra repeats of the other node stays while its host may have the address', () => {
    const rig = proxied().put(entry(M2, IP, { minSeq: 1 }))
    assert.deepEqual([rig.status(M2), rig.told()], ['remote', ['us ADD 2 - seq 1']])
  })

  test('what zebra repeats of the other node goes when its host was asked in vain', () => {
    const rig = proxied().put(entry(M2, IP, { minSeq: 2 }))
    const took = ['us ADD 2 - seq 2', 'us DEL 1 10.2.1.11', 'us ADD 2 10.2.1.11 seq 2']
    assert.deepEqual([rig.status(M2), rig.told()], ['announced', took])
    // bgpd would take its end, after zebra's hold time, for that of the new owner
    assert.deepEqual(rig.zebra(onSegment(M1, IP, 1, PROXY), del(M1, IP)).told(), [])
    assert.deepEqual(rig.remove(M2, IP).told(), ['us DEL 2 10.2.1.11'])
  })

  test('what zebra repeats of the other node is announced again when who took the address is gone', () => {
    const rig = proxied().put(entry(M2, IP, { minSeq: 2 }))
    rig.told()
    assert.deepEqual(rig.remove(M2, IP).told(), ['us DEL 2 10.2.1.11', 'us ADD 1 10.2.1.11 seq 1 flags 32 segment'])
  })

  test('what zebra hears of the host itself, or with a higher sequence number, is announced again', () => {
    for (const [back, status] of [
      [onSegment(M1, IP, 1), 'ip-conflict'],
      [onSegment(M1, IP, 2, PROXY), 'remote'],
    ] as const) {
      const rig = proxied().put(entry(M2, IP, { minSeq: 2 }))
      rig.told()
      const told = rig.zebra(back).told()
      assert.deepEqual([rig.status(M2), told[0]], [status, 'us DEL 2 10.2.1.11'])
      assert.match(told[1] ?? '', /ADD 1 10\.2\.1\.11/)
    }
  })

  test('one that was heard here does not come back as the other node’s when another host has taken its address', () => {
    const rig = readyOnSegment().zebra(onSegment(M1, IP, 0, PROXY), add(M2))
    rig.told()
    rig.overlay.remove({ vni: 100, mac: M1, ip: IP })
    rig.put(entry(M2, IP, { minSeq: 1 }))
    assert.deepEqual(rig.told(), ['us ADD 2 - seq 1', 'us DEL 1 10.2.1.11', 'us ADD 2 10.2.1.11 seq 1'])
  })

  test('a route of the other node counts against another host, and not against the same one', () => {
    const rig = readyOnSegment()
      .zebra(add(M2))
      .bgpd(remoteAdd(M1, IP, 3, { flags: 0x40 }))
    assert.equal(rig.status(M1), 'announced')
    rig.remove(M1, IP).put(entry(M2, IP, { minSeq: 3 }))
    assert.equal(rig.status(M2), 'remote')
    rig.put(entry(M2, IP, { minSeq: 4 }))
    assert.equal(rig.status(M2), 'announced')
  })

  test('what was announced by others before a session may inject is put right when it may', () => {
    const rig = new Rig()
    rig.overlay.setGate('relearning')
    rig.zebra(vniAdd, onSegment(M1), onSegment(M1, IP, 0, PROXY)).put(entry(M1, IP))
    assert.deepEqual(rig.told().slice(-1), ['zebra ADD 1 10.2.1.11 seq 0 flags 32 segment'])
    rig.overlay.setGate('open')
    assert.deepEqual(rig.inject().told(), ['us ADD 1 10.2.1.11 seq 0 segment'])
  })

  for (const compacted of [false, true]) {
    test(`a successor knows that bgpd has ours${compacted ? ', from a journal written anew' : ''}`, () => {
      const rig = readyOnSegment()
        .zebra(onSegment(M1, IP, 0, PROXY))
        .die(compacted)
      assert.deepEqual([rig.status(), rig.told()], ['announced', []])
      assert.deepEqual(rig.remove(M1, IP).told(), ['us ADD 1 10.2.1.11 seq 0 flags 32 segment'])
    })

    test(`a successor knows whose place was taken${compacted ? ', from a journal written anew' : ''}`, () => {
      const rig = proxied().put(entry(M2, IP, { minSeq: 2 }))
      rig.told()
      assert.deepEqual([rig.die(compacted).status(M2), rig.told()], ['announced', []])
      assert.deepEqual(rig.remove(M2, IP).told(), ['us DEL 2 10.2.1.11', 'us ADD 1 10.2.1.11 seq 1 flags 32 segment'])
    })

    test(`a successor knows the routes of the other node${compacted ? ', from a journal written anew' : ''}`, () => {
      const rig = readyOnSegment()
        .bgpd(remoteAdd(M1, IP, 0, { flags: 0x40 }))
        .die(compacted)
      const [remote] = rig.views.get(100)?.remoteMacIps.get(IP)?.values() ?? []
      assert.equal(remote?.flags, 0x40)
    })
  }
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

  test('bgpd takes back one that it never announced: it has dropped ours for it meanwhile, and gets it again', () => {
    const rig = ready().bgpd(remoteDel(M2, IP))
    assert.deepEqual(rig.told(), ['us ADD 1 10.2.1.11 seq 0'])
    assert.equal(rig.status(), 'announced')
    assert.deepEqual(rig.bgpd(remoteDel(M1)).told(), ['us ADD 1 - seq 0'])
    assert.deepEqual(rig.bgpd(remoteDel(M2), remoteDel(M2, '10.2.1.12')).told(), [], 'of what is not here')
    rig.zebra(add(M1, undefined, 3), add(M1, '10.2.1.12', 3))
    rig.told()
    assert.deepEqual(rig.bgpd(remoteDel(M1), remoteDel(M1, '10.2.1.12')).told(), [
      'us ADD 1 - seq 3',
      'us ADD 1 10.2.1.12 seq 3',
    ])
    assert.deepEqual(rig.zebra(del(M1, '10.2.1.12')).told(), ['zebra DEL 1 10.2.1.12'])
    assert.deepEqual(rig.zebra(del(M1)).told(), ['zebra DEL 1 -', 'us DEL 1 10.2.1.11'])
  })

  test('both announced it at the same moment: of two nodes only the one with the lower address withdraws nothing', () => {
    const lower = ready().bgpd(remoteAdd(M2, IP, 0, { vtep: '192.0.2.20' }))
    assert.equal(lower.status(), 'announced')
    assert.deepEqual(lower.told(), [])
    const higher = ready().bgpd(remoteAdd(M2, IP, 0, { vtep: '192.0.2.2' }))
    assert.equal(higher.status(), 'remote')
    const late = new Rig().zebra(vniAdd, add(M1)).bgpd(remoteAdd(M2, IP, 0, { vtep: '192.0.2.20' }))
    assert.equal(late.put(entry(M1, IP)).status(), 'remote', 'what is there stays')
  })

  test('a sticky one wins, whatever the sequence numbers say', () => {
    const rig = new Rig().zebra(vniAdd, add(M1, undefined, 5)).put(entry(M1, IP))
    assert.equal(rig.bgpd(remoteAdd(M2, IP, 0, { vtep: '192.0.2.20', flags: 1 })).status(), 'remote')
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
    rig.overlay.onInitialSyncDone()
    rig.inject()
    assert.deepEqual(rig.told().sort(), ['us DEL 2 -', 'us DEL 2 10.2.1.12'])
  })

  test('a session that ends while that is under way forgets nothing: the next one withdraws the rest', () => {
    const rig = ready().zebra(add(M2), add(M2, '10.2.1.12'), add(M2, '10.2.1.13'))
    const again = (): void => {
      rig.overlay.onSessionLost()
      rig.overlay.setGate('open')
      rig.zebra(vniAdd, add(M1))
      rig.told()
      rig.overlay.onInitialSyncDone()
    }
    again()
    const first = rig.overlay.next(1).map(words)
    again()
    rig.inject()
    const all = [...first, ...rig.told().map((release) => release.replace('us ', ''))]
    assert.deepEqual(all.sort(), ['DEL 2 -', 'DEL 2 10.2.1.12', 'DEL 2 10.2.1.13'])
  })
})

suite('an IP taken over from a remote MAC', () => {
  /** M1 is local with 10.2.1.12, and 10.2.1.11 is behind another VTEP with sequence number 0. */
  const contested = (): Rig => {
    const rig = new Rig().zebra(vniAdd, add(M1)).bgpd(remoteAdd(M2, IP)).put(entry(M1, '10.2.1.12'), entry(M1, IP))
    assert.equal(rig.status(), 'remote')
    rig.told()
    return rig
  }
  const takenOver = (minSeq = 1): Rig => {
    const rig = contested().put(entry(M1, IP, { minSeq }))
    rig.told()
    return rig
  }

  test('is announced with more than the remote one, and so is its MAC, first, and all its other IPs', () => {
    const rig = contested().put(entry(M1, IP, { minSeq: 1 }))
    assert.equal(rig.status(), 'announced')
    assert.deepEqual(rig.told(), ['us ADD 1 - seq 1', 'us ADD 1 10.2.1.11 seq 1', 'us ADD 1 10.2.1.12 seq 1'])
  })

  test('zebra’s own MAC-IPs of the MAC keep all but their sequence number', () => {
    const rig = new Rig().zebra(vniAdd, add(M1), add(M1, '10.2.1.13', 0, 16), add(M2), add(M2, '10.2.1.14'))
    rig.told()
    rig.put(entry(M1, IP, { minSeq: 2 }), entry(M1, '10.2.1.13'))
    assert.deepEqual(rig.told(), ['us ADD 1 - seq 2', 'us ADD 1 10.2.1.11 seq 2', 'us ADD 1 10.2.1.13 seq 2 flags 16'])
    assert.equal(rig.status(M1, '10.2.1.13'), 'shadowed')
    rig.zebra(del(M1, '10.2.1.13'))
    assert.deepEqual(rig.told(), ['us ADD 1 10.2.1.13 seq 2'], 'ours takes its place')
  })

  test('what zebra then says with less is dropped, and replaced unless bgpd has just that', () => {
    const rig = takenOver().zebra(add(M1), add(M1))
    assert.deepEqual(rig.told(), [])
    rig.zebra(add(M1, '10.2.1.13'), add(M1, '10.2.1.13'), del(M1, '10.2.1.13'))
    assert.deepEqual(rig.told(), ['us ADD 1 10.2.1.13 seq 1', 'zebra DEL 1 10.2.1.13'])
    rig.zebra(add(M1, undefined, 0, 16))
    assert.deepEqual(rig.told(), ['us ADD 1 - seq 1 flags 16'])
  })

  test('what zebra says with as much or more passes, and is what all IPs are announced with', () => {
    const rig = takenOver(3).zebra(add(M1, undefined, 3), add(M1, undefined, 5), add(M1, '10.2.1.13', 5))
    assert.deepEqual(rig.told(), [
      'zebra ADD 1 - seq 3',
      'zebra ADD 1 - seq 5',
      'us ADD 1 10.2.1.12 seq 5',
      'us ADD 1 10.2.1.11 seq 5',
      'zebra ADD 1 10.2.1.13 seq 5',
    ])
  })

  test('a MAC that comes only now is announced with it from the start', () => {
    const rig = new Rig().put(entry(M1, IP, { minSeq: 4 })).zebra(vniAdd, add(M1), add(M1, '10.2.1.13'))
    assert.deepEqual(rig.told(), [
      'zebra VNI_ADD',
      'us ADD 1 - seq 4',
      'us ADD 1 10.2.1.11 seq 4',
      'us ADD 1 10.2.1.13 seq 4',
    ])
  })

  test('the sequence number stays when no entry requires it any more, until zebra withdraws the MAC', () => {
    const rig = takenOver(3).remove(M1, IP)
    assert.deepEqual(rig.told(), ['us DEL 1 10.2.1.11'])
    rig.zebra(add(M1)).put(entry(M1, '10.2.1.13'), entry(M1, '10.2.1.12'))
    assert.deepEqual(rig.told(), ['us ADD 1 10.2.1.13 seq 3'])
    rig.zebra(del(M1, undefined, 0), add(M1))
    assert.deepEqual(
      rig.told().filter((release) => release.includes('ADD 1 -')),
      [],
      'INACTIVE leaves bgpd’s route as it is',
    )
    rig.zebra(del(M1), add(M1))
    assert.deepEqual(
      rig.told().filter((release) => !release.includes('DEL')),
      ['zebra ADD 1 - seq 0', 'us ADD 1 10.2.1.12 seq 0', 'us ADD 1 10.2.1.13 seq 0'],
    )
  })

  test('a required number that bgpd never heard of leaves nothing behind', () => {
    const rig = new Rig()
      .zebra(vniAdd)
      .put(entry(M1, IP, { minSeq: 3 }), entry(M1, IP))
      .zebra(add(M1))
    assert.deepEqual(rig.told(), ['zebra VNI_ADD', 'zebra ADD 1 - seq 0', 'us ADD 1 10.2.1.11 seq 0'])
  })

  test('the highest of several required numbers counts', () => {
    const rig = takenOver(1).put(entry(M1, '10.2.1.12', { minSeq: 2 }))
    assert.deepEqual(rig.told(), ['us ADD 1 - seq 2', 'us ADD 1 10.2.1.12 seq 2', 'us ADD 1 10.2.1.11 seq 2'])
  })

  test('a new session, and a VNI that comes back, hear the required number again, not the one held from before', () => {
    const rig = takenOver(1)
      .put(entry(M1, IP, { minSeq: 3 }))
      .put(entry(M1, IP, { minSeq: 2 }))
    rig.told()
    rig.zebra(vniDel, vniAdd, add(M1))
    assert.deepEqual(rig.told().slice(2, 3), ['us ADD 1 - seq 2'])
    rig
      .put(entry(M1, IP, { minSeq: 1 }))
      .loseSession()
      .zebra(vniAdd, add(M1))
    assert.deepEqual(rig.told().slice(1, 2), ['us ADD 1 - seq 1'])
  })

  test('what a VNI that was not live was told is told again when it is', () => {
    const rig = new Rig().put(entry(M1, IP, { minSeq: 1 }), entry(M2, IP, { minSeq: 1 }))
    rig.zebra(add(M1), add(M2, undefined, 2))
    assert.deepEqual(rig.told(), ['zebra ADD 1 - seq 0', 'zebra ADD 2 - seq 2'])
    rig.zebra(vniAdd)
    assert.deepEqual(rig.told(), ['zebra VNI_ADD', 'us ADD 1 - seq 1', 'us ADD 2 - seq 2', 'us ADD 1 10.2.1.11 seq 1'])
  })

  test('a sticky MAC has no sequence number', () => {
    const rig = takenOver().zebra(add(M1, undefined, 0, 1))
    assert.equal(rig.status(), 'remote')
    assert.deepEqual(rig.told(), ['zebra ADD 1 - seq 0 flags 1', 'us ADD 1 10.2.1.12 seq 0', 'us DEL 1 10.2.1.11'])
    assert.deepEqual(rig.put(entry(M1, IP, { minSeq: 7 })).told(), [])
  })

  test('it loses against a remote route with as much, and not against one with less', () => {
    const rig = takenOver(2).bgpd(remoteAdd(M2, IP, 1))
    assert.equal(rig.status(), 'announced')
    rig.bgpd(remoteAdd(M2, IP, 2))
    assert.equal(rig.status(), 'remote')
    assert.deepEqual(rig.told(), ['us DEL 1 10.2.1.11'])
    rig.put(entry(M1, IP, { minSeq: 3 }))
    assert.deepEqual(rig.told(), ['us ADD 1 - seq 3', 'us ADD 1 10.2.1.11 seq 3', 'us ADD 1 10.2.1.12 seq 3'])
  })

  test('a MAC that a remote one has beaten is said once for each time that zebra says it', () => {
    const rig = takenOver(2).bgpd(remoteAdd(M1, undefined, 2))
    rig.told()
    assert.deepEqual(rig.zebra(add(M1)).told(), ['us ADD 1 - seq 2'])
  })

  test('zebra’s own that outlives its MAC is left to zebra', () => {
    const rig = takenOver().zebra(add(M1, '10.2.1.13'))
    rig.told()
    rig.remove(M1, IP).remove(M1, '10.2.1.12').zebra(del(M1), del(M1, '10.2.1.13'))
    assert.deepEqual(rig.told(), ['us DEL 1 10.2.1.11', 'us DEL 1 10.2.1.12', 'zebra DEL 1 -', 'zebra DEL 1 10.2.1.13'])
  })

  test('what zebra has withdrawn is not raised', () => {
    const rig = takenOver().zebra(
      add(M1, '10.2.1.13'),
      add(M1, '10.2.1.14', 1),
      del(M1, '10.2.1.13'),
      del(M1, '10.2.1.14'),
    )
    rig.told()
    assert.deepEqual(
      rig
        .put(entry(M1, IP, { minSeq: 2 }))
        .told()
        .sort(),
      ['us ADD 1 - seq 2', 'us ADD 1 10.2.1.11 seq 2', 'us ADD 1 10.2.1.12 seq 2'],
    )
  })

  test('the old MAC’s own is withdrawn first', () => {
    const rig = new Rig().zebra(vniAdd, add(M1), add(M2)).put(entry(M2, IP))
    rig.told()
    rig.overlay.put(entry(M1, IP, { minSeq: 1 }))
    rig.overlay.remove({ vni: 100, mac: M2, ip: IP })
    rig.inject()
    assert.deepEqual(rig.told(), ['us ADD 1 - seq 1', 'us DEL 2 10.2.1.11', 'us ADD 1 10.2.1.11 seq 1'])
    rig.put(entry(M2, '10.2.1.12', { minSeq: 1 })).zebra(del(M1, IP))
    rig.told()
    rig.zebra(add(M2, IP))
    assert.deepEqual(rig.told(), ['us DEL 1 10.2.1.11', 'us ADD 2 10.2.1.11 seq 1'])
  })

  test('while nothing may be injected zebra’s words pass; afterwards they are put right', () => {
    const rig = takenOver(2)
    rig.overlay.setGate('release-uncertain')
    rig.zebra(add(M1), add(M1, '10.2.1.13'))
    assert.deepEqual(rig.told(), ['zebra ADD 1 - seq 0', 'zebra ADD 1 10.2.1.13 seq 0'])
    rig.overlay.setGate('open')
    rig.inject()
    assert.deepEqual(rig.told(), ['us ADD 1 - seq 2', 'us ADD 1 10.2.1.13 seq 2'])
  })

  test('a sequence number that was kept ends with zebra’s withdrawal, even while nothing may be injected', () => {
    for (const [state, afterwards] of [
      [1, []],
      // INACTIVE leaves bgpd’s route as it is
      [0, ['us ADD 1 - seq 2']],
    ] as const) {
      const rig = takenOver(2).remove(M1, '10.2.1.12').remove(M1, IP)
      rig.told()
      rig.overlay.setGate('release-uncertain')
      rig.inject().zebra(del(M1, undefined, state), add(M1))
      assert.deepEqual(rig.told(), ['zebra DEL 1 -', 'zebra ADD 1 - seq 0'])
      rig.overlay.setGate('open')
      assert.deepEqual(rig.inject().told(), afterwards)
    }
  })

  for (const compacted of [false, true]) {
    test(`a successor knows what bgpd has${compacted ? ', from a journal written anew' : ''}`, () => {
      const rig = takenOver(3).zebra(add(M1), add(M1, '10.2.1.13')).remove(M1, IP)
      rig.told()
      rig.die(compacted).zebra(add(M1), add(M1, '10.2.1.13'))
      assert.deepEqual(rig.told(), [])
      rig
        .put(entry(M1, '10.2.1.14'))
        .zebra(del(M1, undefined, 0))
        .die(compacted)
      rig.told()
      rig.zebra(add(M1))
      assert.deepEqual(rig.told().at(-1), 'us ADD 1 10.2.1.14 seq 3')
      assert.deepEqual(rig.zebra(del(M1)).told()[0], 'zebra DEL 1 -')
    })

    test(`a successor knows that zebra’s own was raised${compacted ? ', from a journal written anew' : ''}`, () => {
      const rig = new Rig().zebra(vniAdd, add(M1), add(M1, '10.2.1.13')).put(entry(M1, IP, { minSeq: 1 }))
      assert.deepEqual(rig.told().at(-1), 'us ADD 1 10.2.1.13 seq 1')
      assert.deepEqual(rig.die(compacted).zebra(add(M1, '10.2.1.13')).told(), [])
    })

    test(`a successor says what was dropped and not yet replaced${compacted ? ', from a journal written anew' : ''}`, () => {
      const rig = new Rig().put(entry(M1, IP, { minSeq: 2 })).zebra(vniAdd)
      rig.told()
      rig.holdOnly(add(M1))
      rig.holdOnly(add(M1, '10.2.1.13'))
      rig.die(compacted)
      assert.deepEqual(rig.told(), ['us ADD 1 - seq 2', 'us ADD 1 10.2.1.11 seq 2', 'us ADD 1 10.2.1.13 seq 2'])
    })
  }
})

suite('an entry that is only observed', () => {
  test('has the status it would have, but where that is announced, and bgpd is not told', () => {
    const rig = new Rig().put(entry(M1, IP, { observe: true }))
    assert.equal(rig.status(), 'vni-not-live')
    rig.zebra(vniAdd, add(M1))
    assert.equal(rig.status(), 'observed')
    rig.bgpd(remoteAdd(M2, IP))
    assert.equal(rig.status(), 'remote')
    rig.put(entry(M1, IP, { observe: true, minSeq: 1 }))
    assert.equal(rig.status(), 'observed')
    rig.zebra(add(M1, IP))
    assert.equal(rig.status(), 'shadowed')
    rig.zebra(del(M1, IP))
    assert.deepEqual(rig.told(), [
      'zebra VNI_ADD',
      'zebra ADD 1 - seq 0',
      'zebra ADD 1 10.2.1.11 seq 0',
      'zebra DEL 1 10.2.1.11',
    ])
  })

  test('is withdrawn if it was announced, and announced when it no longer is only observed', () => {
    const rig = ready().put(entry(M1, IP, { observe: true }))
    assert.deepEqual(rig.told(), ['us DEL 1 10.2.1.11'])
    assert.deepEqual(rig.put(entry(M1, IP)).told(), ['us ADD 1 10.2.1.11 seq 0'])
  })

  test('raises no sequence number, and is in no other entry’s way', () => {
    const rig = ready()
      .zebra(add(M2))
      .put(entry(M2, IP, { observe: true, minSeq: 5 }))
    assert.equal(rig.status(M2), 'ip-conflict')
    assert.equal(rig.status(M1), 'announced')
    rig.remove(M1, IP)
    assert.equal(rig.status(M2), 'observed')
    rig.put(entry(M1, IP))
    assert.equal(rig.status(M1), 'announced')
    assert.deepEqual(rig.told(), ['zebra ADD 2 - seq 0', 'us DEL 1 10.2.1.11', 'us ADD 1 10.2.1.11 seq 0'])
  })
})

/** bgpd as FRR 8.5 and later keep local routes: per VNI one local path per IP, and one per MAC. */
class SimulatedBgpd {
  live = false
  readonly macs = new Map<string, string>()
  readonly ips = new Map<string, string>()

  tell(words: string): void {
    const [who, verb = '', mac = '', ip = '', ...rest] = words.split(' ')
    if (verb === 'VNI_ADD') this.live = true
    if (verb === 'VNI_DEL') {
      this.live = false
      this.macs.clear()
      this.ips.clear()
    }
    if (verb === 'ADD') {
      assert.ok(this.live, `${words}: the VNI is not live`)
      const [, seq = ''] = rest
      const held = this.macs.get(mac)
      // of a MAC that has just become sticky zebra may not yet have corrected its IPs
      const isKnown = this.ips.get(ip) === `${mac} ${rest.join(' ')}`
      if (who === 'us' && ip !== '-' && !isKnown && held?.endsWith('flags 1') !== true) {
        assert.equal(held?.split(' ')[1], seq, `${words} while bgpd has the MAC with another`)
      }
      const owner = this.ips.get(ip)
      if (ip === '-') this.macs.set(mac, rest.join(' '))
      else {
        assert.ok(owner === undefined || owner.startsWith(`${mac} `), `${words} while bgpd has ${ip} on ${owner ?? ''}`)
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

/** zebra as it is: one sequence number for a MAC and its IPs, which only grows while the MAC is local. */
class SimulatedZebra {
  readonly macs = new Map<string, { seq: number; flags: number }>()
  readonly ips = new Map<string, string>()
  /** IPs that it announces only because another node of an Ethernet segment does. */
  readonly proxied = new Set<string>()

  constructor(private readonly rig: () => Rig) {}

  learn(mac: string, more: number, sticky: boolean): void {
    const before = this.macs.get(mac)
    const seq = sticky ? 0 : (before?.seq ?? 0) + more
    this.macs.set(mac, { seq, flags: sticky ? 1 : 0 })
    this.rig().zebra(add(mac, undefined, seq, sticky ? 1 : 0))
    for (const [ip, owner] of this.ips)
      if (owner === mac && before?.seq !== seq) this.rig().zebra(add(mac, ip, seq, this.flagsOf(ip)))
  }

  lose(mac: string): void {
    if (!this.macs.delete(mac)) return
    this.rig().zebra(del(mac))
    for (const [ip, owner] of this.ips) if (owner === mac) this.loseIp(ip)
  }

  learnIp(mac: string, ip: string, isProxied: boolean): void {
    const local = this.macs.get(mac)
    if (local === undefined) return
    if (this.ips.get(ip) !== mac) this.loseIp(ip)
    this.ips.set(ip, mac)
    if (isProxied) this.proxied.add(ip)
    else this.proxied.delete(ip)
    this.rig().zebra(add(mac, ip, local.seq, this.flagsOf(ip)))
  }

  ipsOf(mac: string): string[] {
    return [...this.ips].filter(([, owner]) => owner === mac).map(([ip]) => ip)
  }

  flagsOf(ip: string): number {
    return this.proxied.has(ip) ? PROXY : 0
  }

  loseIp(ip: string): void {
    const mac = this.ips.get(ip)
    this.ips.delete(ip)
    this.proxied.delete(ip)
    if (mac !== undefined) this.rig().zebra(del(mac, ip))
  }

  /** All it has, to a new session. */
  tell(): void {
    this.rig().zebra(vniAdd)
    for (const [mac, { seq, flags }] of this.macs) this.rig().zebra(add(mac, undefined, seq, flags))
    for (const [ip, mac] of this.ips) this.rig().zebra(add(mac, ip, this.macs.get(mac)?.seq, this.flagsOf(ip)))
  }
}

/** The least sequence numbers as the rules say it, in the simplest way. */
class FloorModel {
  readonly entries = new Map<string, Entry>()
  private readonly kept = new Map<string, number>()

  seqOf(mac: string, zebra: SimulatedZebra): number {
    const local = zebra.macs.get(mac)
    if (local === undefined || local.flags === 1) return 0
    const demands = [...this.entries.values()].filter((each) => each.mac === mac && !each.observe)
    return Math.max(local.seq, this.kept.get(mac) ?? 0, ...demands.map(({ minSeq }) => minSeq))
  }

  /** After every step: zebra's withdrawal reaches bgpd at any time, a floor only while the gate is open. */
  settle(zebra: SimulatedZebra, open: boolean): void {
    for (const mac of [M1, M2]) {
      const local = zebra.macs.get(mac)
      const seq = this.seqOf(mac, zebra)
      if (local === undefined) this.kept.delete(mac)
      else if (open && seq > local.seq) this.kept.set(mac, seq)
    }
  }

  forget(): void {
    this.kept.clear()
  }
}

test('whatever happens, all routes of a MAC carry one sequence number, that of its minimum or zebra’s, and never a lower one', () => {
  type World = { rig: Rig; zebra: SimulatedZebra; bgpd: SimulatedBgpd; model: FloorModel; open: boolean }
  /** The name is for who reads a counterexample. */
  type Step = readonly [name: string, act: (world: World) => void]
  const macs = fc.constantFrom(M1, M2)
  const ips = fc.constantFrom(IP, '10.2.1.12', '10.2.1.13')
  const put = (mac: string, ip: string, minSeq: number, observe: boolean): Step => {
    const one = entry(mac, ip, { minSeq, observe })
    return [
      `put ${mac} ${ip} ${minSeq} ${observe}`,
      ({ rig, model }) => {
        model.entries.set(`${mac} ${ip}`, one)
        rig.put(one)
      },
    ]
  }
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.tuple(macs, fc.nat(2), fc.constantFrom(false, false, false, true)).map<Step>(([mac, more, sticky]) => [
      `learn ${mac} +${more} ${sticky}`,
      ({ zebra, bgpd, open }) => {
        // nor could ours that is announced instead of a proxy's
        const isDisplaced = zebra.ipsOf(mac).some((ip) => bgpd.ips.get(ip)?.charAt(0) !== mac.slice(-1))
        if (open || !isDisplaced) zebra.learn(mac, more, sticky)
      },
    ]),
    macs.map<Step>((mac) => [
      `lose ${mac}`,
      ({ zebra }) => {
        zebra.lose(mac)
      },
    ]),
    fc.tuple(macs, ips, fc.boolean()).map<Step>(([mac, ip, isProxied]) => [
      `learn ${mac} ${ip}${isProxied ? ' as a proxy' : ''}`,
      ({ zebra, bgpd, open }) => {
        // ours could not be withdrawn before it; the relay does not understand zebra while it may not inject, anyway
        const owner = bgpd.ips.get(ip)?.charAt(0) ?? ''
        const isOurs = owner !== (zebra.ips.get(ip)?.slice(-1) ?? '') && owner !== mac.slice(-1)
        if (open || !isOurs) zebra.learnIp(mac, ip, isProxied)
      },
    ]),
    ips.map<Step>((ip) => [
      `lose ${ip}`,
      ({ zebra }) => {
        zebra.loseIp(ip)
      },
    ]),
    fc.tuple(macs, ips, fc.nat(4), fc.constantFrom(false, false, true)).map((given) => put(...given)),
    fc.tuple(macs, ips).map<Step>(([mac, ip]) => [
      `remove ${mac} ${ip}`,
      ({ rig, model }) => {
        model.entries.delete(`${mac} ${ip}`)
        rig.remove(mac, ip)
      },
    ]),
    fc
      .tuple(macs, ips, fc.nat(4))
      .map<Step>(([mac, ip, seq]) => [`remote ${mac} ${ip} ${seq}`, ({ rig }) => rig.bgpd(remoteAdd(mac, ip, seq))]),
    fc.tuple(macs, ips).map<Step>(([mac, ip]) => [`no remote ${mac} ${ip}`, ({ rig }) => rig.bgpd(remoteDel(mac, ip))]),
    fc.tuple(macs, fc.option(ips, { nil: undefined })).map<Step>(([mac, ip]) => [
      `dropped for what was not announced ${mac} ${ip ?? '-'}`,
      ({ rig, bgpd }) => {
        if (rig.views.isRemote({ vni: 100, mac, ip })) return
        if (ip === undefined) bgpd.macs.delete(mac.slice(-1))
        else bgpd.ips.delete(ip)
        rig.bgpd(remoteDel(mac, ip))
      },
    ]),
    fc.boolean().map<Step>((open) => [
      `open ${open}`,
      (world) => {
        world.open = open
        world.rig.overlay.setGate(open ? 'open' : 'release-uncertain')
        world.rig.inject()
      },
    ]),
    fc.boolean().map<Step>((compacted) => [
      `die ${compacted}`,
      ({ rig, open }) => {
        if (!open) return
        const said = rig.log.length
        rig.die(compacted)
        assert.deepEqual(rig.log.slice(said), [], 'a successor says nothing that bgpd has not been told')
      },
    ]),
    fc.constant<Step>([
      'VNI away',
      ({ rig, zebra, model }) => {
        model.forget()
        rig.zebra(vniDel)
        zebra.tell()
      },
    ]),
    fc.constant<Step>([
      'session lost',
      (world) => {
        world.model.forget()
        world.bgpd.tell('zebra VNI_DEL')
        world.open = true
        world.rig.loseSession()
        world.zebra.tell()
      },
    ]),
  )
  const check = ({ rig, zebra, bgpd, model }: World): void => {
    const expected = new Map<string, string>()
    for (const [ip, mac] of zebra.ips) {
      const flags = zebra.flagsOf(ip)
      expected.set(ip, `${mac.slice(-1)} seq ${model.seqOf(mac, zebra)}${flags === 0 ? '' : ` flags ${flags}`}`)
    }
    for (const { entry: each, report } of rig.overlay.entries()) {
      assert.equal(report.status === 'observed', each.observe && report.status === 'observed')
      if (report.status !== 'announced') continue
      assert.equal(each.observe, false)
      expected.set(each.ip, `${each.mac.slice(-1)} seq ${model.seqOf(each.mac, zebra)}`)
    }
    assert.deepEqual(new Map([...bgpd.ips].sort()), new Map([...expected].sort()))
    const expectedMacs = [...zebra.macs].map(([mac, { flags }]): [string, string] => [
      mac.slice(-1),
      `seq ${model.seqOf(mac, zebra)}${flags === 0 ? '' : ` flags ${flags}`}`,
    ])
    assert.deepEqual(new Map([...bgpd.macs].sort()), new Map(expectedMacs.sort()))
  }
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
      const rig = new Rig().zebra(vniAdd)
      const zebra = new SimulatedZebra(() => rig)
      const world: World = { rig, zebra, bgpd: new SimulatedBgpd(), model: new FloorModel(), open: true }
      /** What bgpd was last told of each route, while its MAC is local. */
      let highest = new Map<string, number>()
      for (const [name, act] of steps) {
        act(world)
        if (name === 'VNI away' || name === 'session lost') highest = new Map()
        for (const told of rig.told()) {
          world.bgpd.tell(told)
          const [, verb, mac = '', ip = '', , seqText] = told.split(' ')
          if (verb === 'DEL' && ip === '-') highest.delete(mac)
          // without a sequence number there is none to keep to
          if (zebra.macs.get(mac === '1' ? M1 : M2)?.flags === 1) highest.delete(mac)
          else if (verb === 'ADD' && world.open) {
            const seq = Number(seqText)
            assert.ok(seq >= (highest.get(mac) ?? 0), `${told} after ${highest.get(mac)}`)
            highest.set(mac, seq)
          }
        }
        world.model.settle(zebra, world.open)
        if (world.open) check(world)
      }
    }),
    { numRuns: 5000 },
  )
})
