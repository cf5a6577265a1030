import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { done, Driven, eventsOf, EVPN, MAC1, MAC2, policyOf, S1, S2, S3, VNI } from './driven.js'

const IP = '10.0.0.1'

suite('a VTEP that is found', () => {
  test('its first host is announced after it, with the MAC alone and with the IP', () => {
    const d = new Driven()
    assert.deepEqual(done(d.hear(S1, MAC1, { ip: IP })), [
      `announce ${S1}`,
      `announce ${S1} ${MAC1} seq 0`,
      `announce ${S1} ${MAC1} ${IP} seq 0`,
    ])
    assert.deepEqual(done(d.hear(S1, MAC1, { ip: IP })), [], 'once')
  })

  test('goes when it has said nothing for long, and has no host any more', () => {
    const d = new Driven()
    d.hear(S1, MAC1)
    d.wait(1000)
    d.hear(S2, MAC1)
    assert.deepEqual(d.shown, [S1, S2, `${S2} ${MAC1} seq 1`])
    assert.deepEqual(done(d.wait(d.policy.ageMs - 1)), [`withdraw ${S1}`])
    d.wait(2 * d.policy.ageMs)
    assert.deepEqual(d.shown, [])
    assert.equal(d.table.timers.next(), undefined, 'nothing is left of it')
  })

  test('there are no more of them than may be, and no others', () => {
    const d = new Driven()
    for (const [index, vtep] of [S1, S2, S3].entries()) d.hear(vtep, `02:00:00:00:02:0${index}`)
    assert.deepEqual(eventsOf(d.hear('192.0.2.4', MAC2)), ['refused vtep-limit'])
    assert.deepEqual(eventsOf(d.hear('203.0.113.1', MAC2)), ['refused vtep-not-allowed'])
    assert.deepEqual(eventsOf(d.hear(S1, MAC2, { vni: 7 })), ['refused vni-unknown'])
  })
})

suite('a VTEP of the configuration', () => {
  test('is always announced, with its hosts, which never age or move', () => {
    const host = { mac: MAC1, ips: [IP], isSticky: true }
    const d = new Driven(policyOf({}, { [S1]: [host] }))
    const all = [S1, `${S1} ${MAC1} ${IP} seq 0`, `${S1} ${MAC1} seq 0`]
    assert.deepEqual(d.shown, all)
    d.wait(10 * d.policy.ageMs)
    assert.deepEqual(eventsOf(d.hear(S2, MAC1)), ['refused static'])
    assert.deepEqual(eventsOf(d.hear(S2, MAC2, { ip: IP })), ['learned', 'refused static'])
    assert.deepEqual(
      d.shown.filter((line) => line.startsWith(S1)),
      all,
    )
  })

  test('a new configuration changes only what it changes', () => {
    const d = new Driven(policyOf({}, { [S1]: [{ mac: MAC1, ips: [IP], isSticky: false }], [S2]: [] }))
    d.policy = policyOf({}, { [S1]: [{ mac: MAC1, ips: [IP, '10.0.0.2'], isSticky: false }] })
    assert.deepEqual(done(d.step({ type: 'policy' })), [`announce ${S1} ${MAC1} 10.0.0.2 seq 0`, `withdraw ${S2}`])
    d.policy = policyOf({}, { [S1]: [] })
    d.step({ type: 'policy' })
    assert.deepEqual(d.shown, [S1])
  })

  test('draining withdraws all, hosts before their VTEP, and learns on', () => {
    const d = new Driven()
    d.hear(S1, MAC1, { ip: IP })
    const before = d.policy
    d.policy = { ...before, isDraining: true }
    assert.deepEqual(done(d.step({ type: 'policy' })).at(-1), `withdraw ${S1}`)
    d.hear(S1, MAC2)
    assert.deepEqual(d.shown, [])
    d.policy = before
    d.step({ type: 'policy' })
    assert.equal(d.shown.length, 4)
  })
})

suite('a MAC that moves', () => {
  test('from VTEP to VTEP: one update each, with the next sequence number', () => {
    const d = new Driven()
    d.hear(S1, MAC1, { ip: IP })
    assert.deepEqual(done(d.hear(S2, MAC1, { ip: IP })), [
      `announce ${S2}`,
      `announce ${S2} ${MAC1} seq 1`,
      `announce ${S2} ${MAC1} ${IP} seq 1`,
    ])
  })

  test('to a VTEP that speaks EVPN, and back', () => {
    const d = new Driven()
    d.hear(S1, MAC1, { ip: IP })
    assert.deepEqual(done(d.route(EVPN, MAC1, { seq: 1 })), [
      `withdraw ${S1} ${MAC1} seq 0`,
      `withdraw ${S1} ${MAC1} ${IP} seq 0`,
    ])
    d.hear(S1, MAC1, { ip: IP })
    assert.deepEqual(d.shown.slice(1), [`${S1} ${MAC1} ${IP} seq 2`, `${S1} ${MAC1} seq 2`])
  })

  test('while it is elsewhere it is not asked here, and forgotten after its age', () => {
    const d = new Driven()
    d.hear(S1, MAC1, { ip: IP })
    d.route(EVPN, MAC1, { seq: 1 })
    assert.deepEqual(done(d.wait(3 * d.policy.ageMs)), [`withdraw ${S1}`])
    assert.equal(d.table.size, 0)
  })

  test('one of the configuration, too: it is announced as soon as the other route is gone', () => {
    const d = new Driven()
    d.route(EVPN, MAC1, { seq: 1 })
    d.policy = policyOf({}, { [S1]: [{ mac: MAC1, ips: [], isSticky: false }] })
    d.step({ type: 'policy' })
    assert.deepEqual(d.shown, [S1])
    d.withdraw(EVPN, MAC1)
    assert.deepEqual(d.shown, [S1, `${S1} ${MAC1} seq 0`])
  })

  test('when the other route is gone it is asked, and announced when it answers', () => {
    const d = new Driven()
    d.hear(S1, MAC1, { ip: IP })
    d.route(EVPN, MAC1, { seq: 1 })
    assert.deepEqual(done([...d.withdraw(EVPN, MAC1), ...d.wait(0)]), [`probe ${S1} ${MAC1} ${IP}`])
    d.hear(S1, MAC1, { ip: IP })
    assert.equal(d.shown.length, 3)
  })

  test('a silent one goes after three questions', () => {
    const d = new Driven()
    d.hear(S1, MAC1, { ip: IP })
    d.route(EVPN, MAC1, { seq: 1 })
    d.withdraw(EVPN, MAC1)
    assert.equal(done(d.wait(5000)).filter((line) => line.startsWith('probe')).length, 3)
    assert.equal(d.table.size, 0)
  })

  test('with equal sequence numbers the lower next hop wins', () => {
    const d = new Driven()
    d.hear(S2, MAC1)
    d.route(S3, MAC1, { isMarked: true })
    assert.equal(d.shown.length, 2)
    d.route(S1, MAC1, { isMarked: true })
    assert.deepEqual(d.shown, [S2])
  })

  test('another proxy says the same: its higher sequence number is ours', () => {
    const d = new Driven()
    d.hear(S1, MAC1)
    assert.deepEqual(done(d.route(S1, MAC1, { isMarked: true, seq: 4 })), [`announce ${S1} ${MAC1} seq 4`])
  })

  test('too often: it is frozen for the hold-down time, and then asked', () => {
    const d = new Driven()
    for (let move = 0; move < 6; move++) d.hear(move % 2 === 0 ? S1 : S2, MAC1, { ip: IP })
    assert.deepEqual(d.shown, [S1, S2])
    assert.deepEqual(eventsOf(d.hear(S1, MAC1)), ['refused duplicate'])
    assert.ok(done(d.wait(d.policy.duplicates.holdDownMs + 10)).includes(`probe ${S2} ${MAC1} ${IP}`))
    d.hear(S2, MAC1, { ip: IP })
    assert.equal(d.shown.filter((line) => line.includes(MAC1)).length, 2)
  })

  test('one that never moves, or is a gateway’s, is not taken', () => {
    const d = new Driven()
    d.route(EVPN, MAC1, { isSticky: true })
    d.route(EVPN, MAC2, { isGateway: true })
    assert.deepEqual(eventsOf(d.hear(S1, MAC1)), ['refused sticky'])
    assert.deepEqual(eventsOf(d.hear(S1, MAC2)), ['refused gateway'])
  })
})

suite('an IP that another host claims', () => {
  test('of a host that is there: its owner answers, and keeps it', () => {
    const d = new Driven()
    d.hear(S1, MAC1, { ip: IP })
    assert.deepEqual(done(d.hear(S2, MAC2, { ip: IP })).slice(0, 1), [`probe ${S1} ${MAC1} ${IP}`])
    d.wait(300)
    assert.deepEqual(eventsOf(d.hear(S1, MAC1, { ip: IP })), [`defended ${MAC1}`, 'refused defended'])
    d.wait(2000)
    assert.ok(d.shown.includes(`${S1} ${MAC1} ${IP} seq 0`))
    assert.ok(!d.shown.includes(`${S2} ${MAC2} ${IP} seq 0`))
  })

  test('its owner is silent: it is withdrawn there before it is announced here', () => {
    const d = new Driven()
    d.hear(S1, MAC1, { ip: IP })
    d.hear(S2, MAC2, { ip: IP })
    assert.deepEqual(done(d.wait(1000)).slice(-2), [
      `withdraw ${S1} ${MAC1} ${IP} seq 0`,
      `announce ${S2} ${MAC2} ${IP} seq 0`,
    ])
  })

  test('of a host behind a VTEP that speaks EVPN: it is asked there, and our sequence number is higher', () => {
    const d = new Driven()
    d.route(EVPN, MAC1, { ip: IP, seq: 3 })
    assert.ok(done(d.hear(S1, MAC2, { ip: IP })).includes(`probe ${EVPN} ${MAC1} ${IP}`))
    d.wait(1000)
    assert.ok(d.shown.includes(`${S1} ${MAC2} ${IP} seq 4`))
  })

  test('the configuration gives it to a host meanwhile: that decides', () => {
    const d = new Driven()
    d.hear(S1, MAC1, { ip: IP })
    d.hear(S2, MAC2, { ip: IP })
    d.policy = policyOf({}, { [S3]: [{ mac: '02:00:00:00:00:03', ips: [IP], isSticky: false }] })
    d.step({ type: 'policy' })
    d.wait(1000)
    assert.ok(d.shown.includes(`${S3} 02:00:00:00:00:03 ${IP} seq 0`))
  })

  test('its owner’s route goes meanwhile: that decides', () => {
    const d = new Driven()
    d.route(EVPN, MAC1, { ip: IP })
    d.hear(S1, MAC2, { ip: IP })
    d.withdraw(EVPN, MAC1, { ip: IP })
    assert.ok(d.shown.includes(`${S1} ${MAC2} ${IP} seq 1`))
  })

  test('an answer from a VTEP that speaks EVPN counts, though its frames teach nothing', () => {
    const d = new Driven()
    d.route(EVPN, MAC1, { ip: IP })
    d.hear(S1, MAC2, { ip: IP })
    d.wait(300)
    assert.deepEqual(eventsOf(d.hear(EVPN, MAC1, { ip: IP })), [
      `defended ${MAC1}`,
      'refused defended',
      'refused vtep-native',
    ])
    d.wait(2000)
    assert.deepEqual(d.shown, [S1, `${S1} ${MAC2} seq 0`])
  })
})

suite('an IP that moves too often', () => {
  /** Two hosts have said in turn that they have it, the owner being silent each time. */
  function frozen(): Driven {
    const d = new Driven()
    d.hear(S1, MAC1, { ip: IP })
    for (let move = 0; move < d.policy.duplicates.moves; move++) {
      if (move % 2 === 0) d.hear(S2, MAC2, { ip: IP })
      else d.hear(S1, MAC1, { ip: IP })
      d.wait(1000)
    }
    return d
  }

  test('is frozen for the hold-down time, and then asked', () => {
    const d = frozen()
    assert.ok(!d.shown.some((line) => line.includes(IP)))
    assert.deepEqual(eventsOf(d.hear(S1, MAC1, { ip: IP })), ['refused duplicate'])
    assert.ok(done(d.wait(d.policy.duplicates.holdDownMs)).includes(`probe ${S2} ${MAC2} ${IP}`))
  })

  test('stays so if its host moves meanwhile, and no longer', () => {
    const d = frozen()
    d.hear(S3, MAC2)
    assert.deepEqual(eventsOf(d.wait(d.policy.duplicates.holdDownMs)), ['released'])
  })
})

suite('a VTEP that begins to speak EVPN', () => {
  test('is announced for no more, nor are its hosts; when it ceases, they are learned anew', () => {
    const d = new Driven(policyOf({}, { [S1]: [{ mac: MAC2, ips: [], isSticky: false }] }))
    d.hear(S1, MAC1, { ip: IP })
    d.route(S1, MAC1)
    assert.deepEqual(d.shown, [])
    assert.deepEqual(eventsOf(d.hear(S1, MAC1)), ['refused vtep-native'])
    d.withdraw(S1, MAC1)
    assert.deepEqual(d.shown, [S1, `${S1} ${MAC2} seq 0`])
    d.hear(S1, MAC1)
    assert.equal(d.shown.length, 3)
  })
})

test('a VTEP that speaks EVPN leaves its place among those that may be found', () => {
  const d = new Driven()
  for (const [index, vtep] of [S1, S2, S3].entries()) d.hear(vtep, `02:00:00:00:02:0${index}`)
  d.route(S1, MAC1)
  assert.deepEqual(eventsOf(d.hear('192.0.2.4', MAC2)), ['learned'])
})

suite('several proxies', () => {
  test('what another one announces is asked for here, and announced when it answers', () => {
    const d = new Driven()
    assert.deepEqual(done([...d.route(S1, MAC1, { ip: IP, isMarked: true, seq: 2 }), ...d.wait(0)]), [
      `probe ${S1} ${MAC1} ${IP}`,
    ])
    d.hear(S1, MAC1, { ip: IP })
    assert.deepEqual(d.shown, [S1, `${S1} ${MAC1} ${IP} seq 2`, `${S1} ${MAC1} seq 2`])
    assert.deepEqual(done(d.withdraw(S1, MAC1, { ip: IP, isMarked: true })), [], 'the other one ends')
  })
})

suite('silence', () => {
  test('a host is asked at every third of its age, and goes after three questions', () => {
    const d = new Driven()
    d.hear(S1, MAC1, { ip: IP })
    assert.deepEqual(done(d.wait(d.policy.ageMs - 1)), [`probe ${S1} ${MAC1} ${IP}`, `probe ${S1} ${MAC1} ${IP}`])
    assert.equal(done(d.wait(3000)).filter((line) => line.startsWith('withdraw')).length, 2)
    assert.equal(d.table.size, 0)
  })

  test('an answer keeps it', () => {
    const d = new Driven()
    for (let round = 0; round < 5; round++) {
      d.hear(S1, MAC1, { ip: IP })
      d.wait(0.8 * d.policy.ageMs)
    }
    assert.equal(d.shown.length, 3)
  })
})

test('what an earlier run knew is announced as it was, and asked', () => {
  const d = new Driven()
  d.now = 1000
  const addresses = [{ ip: IP, isRouter: true, lastSeen: 0 }]
  const actions = [
    ...d.step({ type: 'restored', hosts: [{ vni: 100, mac: MAC1, vtep: S1, seq: 5, lastSeen: 0, addresses }] }),
    ...d.wait(0),
  ]
  assert.deepEqual(done(actions), [
    `announce ${S1}`,
    `announce ${S1} ${MAC1} seq 5`,
    `announce ${S1} ${MAC1} ${IP} seq 5`,
    `probe ${S1} ${MAC1} ${IP}`,
  ])
})

test('limits: hosts of a VTEP, of a VNI, and IPs of a MAC', () => {
  const d = new Driven(policyOf({ limits: { macsPerVtep: 2, macsPerVni: 3, ipsPerMac: 2 } }))
  const mac = (number: number): string => `02:00:00:00:01:0${number}`
  d.hear(S1, mac(1))
  d.hear(S1, mac(2))
  assert.deepEqual(eventsOf(d.hear(S1, mac(3))), ['refused mac-limit'])
  d.hear(S2, mac(3))
  assert.deepEqual(eventsOf(d.hear(S2, mac(4))), ['refused vni-limit'])
  for (const ip of ['10.0.0.1', '10.0.0.2']) d.hear(S1, mac(1), { ip })
  assert.deepEqual(eventsOf(d.hear(S1, mac(1), { ip: '10.0.0.3' })), ['refused ip-limit'])
})

suite('while no frames are heard', () => {
  const deaf = (d: Driven): ReturnType<Driven['step']> => d.step({ type: 'hearing', isHeard: false })
  const heard = (d: Driven): ReturnType<Driven['step']> => d.step({ type: 'hearing', isHeard: true })

  test('silence means nothing; afterwards those are asked who would have been, and go if they are silent still', () => {
    const d = new Driven(policyOf({ ageMs: 60_000 }))
    d.hear(S1, MAC1, { ip: IP })
    const { shown } = d
    deaf(d)
    assert.deepEqual(d.wait(d.policy.staleMs - 1), [], 'nobody is asked, and nothing goes')
    assert.deepEqual(d.shown, shown)
    heard(d)
    const asked = d.wait(1)
    assert.deepEqual(
      asked.map(({ type }) => type),
      ['probe'],
    )
    assert.deepEqual(d.shown, shown, 'it may answer')
    d.wait(3 * d.policy.ageMs)
    assert.deepEqual(d.shown, [])
    assert.equal(d.table.timers.next(), undefined, 'nothing is left of it')
  })

  test('for longer than the stale time, all that was learned goes, but not what is configured', () => {
    const d = new Driven(policyOf({}, { [S2]: [{ mac: MAC2, ips: [], isSticky: false }] }))
    d.hear(S1, MAC1, { ip: IP })
    deaf(d)
    assert.deepEqual(eventsOf(d.wait(d.policy.staleMs)), ['withdrawn unheard'])
    assert.deepEqual(d.shown, [S2, `${S2} ${MAC2} seq 0`])
    heard(d)
    d.hear(S1, MAC1, { ip: IP })
    assert.ok(d.shown.includes(`${S1} ${MAC1} ${IP} seq 0`), 'it is learned anew')
  })

  test('an owner that could not object keeps its IP', () => {
    const d = new Driven()
    d.hear(S1, MAC1, { ip: IP })
    d.hear(S2, MAC2, { ip: IP })
    assert.deepEqual(eventsOf(deaf(d)), ['refused deaf'])
    d.wait(10_000)
    assert.ok(d.shown.includes(`${S1} ${MAC1} ${IP} seq 0`))
  })

  test('an IP that is frozen stays so for its own time', () => {
    const d = new Driven()
    for (let index = 0; index <= d.policy.duplicates.moves; index++) d.hear(index % 2 === 0 ? S1 : S2, MAC1)
    const until = d.table.timers.next()
    deaf(d)
    assert.equal(d.table.timers.at(d.table.host({ vni: VNI, mac: MAC1 }) ?? assert.fail()), until)
    heard(d)
    assert.equal(d.table.timers.at(d.table.host({ vni: VNI, mac: MAC1 }) ?? assert.fail()), until)
  })
})

suite('a session that is lost', () => {
  test('as long as no speaker has said who speaks EVPN, frames teach nothing', () => {
    const d = new Driven()
    d.step({ type: 'session-lost', session: 'rr' })
    assert.deepEqual(eventsOf(d.hear(S1, MAC1)), ['refused no-session'])
  })

  test('its routes count until it is back, and then those that it repeats', () => {
    const d = new Driven()
    d.route(S1, MAC1)
    d.route(EVPN, MAC2)
    d.step({ type: 'session-lost', session: 'rr' })
    assert.ok(d.table.others.isNative(S1))
    d.route(EVPN, MAC2)
    d.step({ type: 'session-synced', session: 'rr' })
    assert.deepEqual([d.table.others.isNative(S1), d.table.others.isNative(EVPN)], [false, true])
  })

  test('while another one tells what holds, they go at once', () => {
    const d = new Driven()
    d.step({ type: 'session-synced', session: 'other' })
    d.route(S1, MAC1)
    d.step({ type: 'session-lost', session: 'rr' })
    assert.equal(d.table.others.size, 0)
  })
})
