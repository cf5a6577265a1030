import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type ZebraMessage } from '../../src/zapi/evpn-codec.js'
import {
  SEGMENT,
  PROXY,
  M1,
  M2,
  IP,
  entry,
  vniAdd,
  vniDel,
  add,
  del,
  remoteAdd,
  remoteDel,
  Rig,
  words,
  ready,
} from './overlay-rig.js'

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
