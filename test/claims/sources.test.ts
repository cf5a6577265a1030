// Frames that no receiver would believe: what they say teaches nothing, and the outcome has a name.
import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import fc from 'fast-check'
import { formatIp, isHostIp } from '../../src/base/address.js'
import { createLogger } from '../../src/os/log.js'
import type { Evidence } from '../../src/snoop/bpf/evidence.js'
import { BpfSnooper, type OutcomeName } from '../../src/snoop/bpf/snooper.js'
import { dad, na, ns, NA_OVERRIDE, ra, slla, tlla, VM_LINK_LOCAL, VM_MAC } from '../snoop/bpf/frames.js'

const OTHER_MAC = '02:00:00:00:00:09'

let snooper: BpfSnooper
before(() => {
  snooper = BpfSnooper.open({ repeatIntervalMs: 0, learnNs: true, log: createLogger('test', 'warn') })
})
after(() => {
  snooper.close()
})

function evidenceOf(frame: Buffer): Evidence[] {
  const all: Evidence[] = []
  snooper.testRun(frame)
  while (snooper.drain((evidence) => all.push(evidence)) > 0);
  return all
}

/** Addresses of ::/32 are unspecified, loopback, or embed an IPv4 address (RFC 4291 2.5.5): no host has one. */
const NOT_OF_A_HOST = ['::', '::1', '::2', '::c000:201', '::ffff:192.0.2.1', '::ffff:0:c000:201', '0:0:1::1', 'ff02::1']

suite('a neighbour advertisement from an address that no host has', () => {
  for (const source of NOT_OF_A_HOST)
    test(`${source}: na-source`, () => {
      for (const destination of ['2001:db8::2', 'ff02::1']) {
        const frame = na({ source, destination, flags: NA_OVERRIDE })
        assert.deepEqual(snooper.testRun(frame).outcomes, { 'na-source': 1 })
        assert.deepEqual(evidenceOf(frame), [])
      }
    })
})

suite('a claimed address that embeds an IPv4 address, or is reserved beside those', () => {
  for (const ip of NOT_OF_A_HOST.filter((it) => !/^(::|::1|ff02::1)$/.test(it))) {
    const frames: [name: string, frame: Buffer][] = [
      ['target of an NA', na({ target: ip })],
      ['source of an NS', ns({ source: ip })],
      ['target of duplicate address detection', dad({ target: ip })],
    ]
    for (const [name, frame] of frames)
      test(`${ip} as ${name}: ip-reserved`, () => {
        assert.deepEqual(snooper.testRun(frame).outcomes, { 'ip-reserved': 1 })
        assert.deepEqual(evidenceOf(frame), [])
      })
  }

  test('what the program passes on, and what an entry of an earlier run or an operator may name, is the same', () => {
    const word = fc.constantFrom(0, 0, 1, 0x64, 0xff9b, 0xffff, 0xfe80, 0xff02, 0x2001, 0x7f00)
    fc.assert(
      fc.property(fc.array(word, { minLength: 8, maxLength: 8 }), (words) => {
        const ip = formatIp(Buffer.from(words.flatMap((it) => [it >> 8, it & 255])))
        assert.equal(evidenceOf(na({ target: ip })).length > 0, isHostIp(ip), ip)
      }),
      { numRuns: 1000 },
    )
  })

  test('addresses beside the reserved ones are those of hosts', () => {
    for (const ip of ['64:ff9b::c000:201', '0:1::1', '1::', '2001:db8::', 'fe80::1', 'fc00::1', '200::1'])
      assert.equal(isHostIp(ip), true, ip)
    for (const ip of NOT_OF_A_HOST) assert.equal(isHostIp(ip), false, ip)
  })
})

suite('two link-layer address options that differ: a receiver may take either', () => {
  const cases: [name: string, frame: Buffer][] = [
    ['NA', na({ options: [tlla(VM_MAC), tlla(OTHER_MAC)] })],
    ['NA, the last two of three', na({ options: [tlla(VM_MAC), tlla(VM_MAC), tlla(OTHER_MAC)] })],
    ['NA, differing in one bit', na({ options: [tlla(VM_MAC), tlla('02:00:00:00:00:03')] })],
    ['NS', ns({ options: [slla(OTHER_MAC), slla(VM_MAC)] })],
    ['RA', ra({ source: VM_LINK_LOCAL, options: [slla(VM_MAC), slla(OTHER_MAC)] })],
  ]
  for (const [name, frame] of cases)
    test(`${name}: nd-macs-differ`, () => {
      assert.deepEqual(snooper.testRun(frame).outcomes, { 'nd-macs-differ': 1 } satisfies Partial<
        Record<OutcomeName, number>
      >)
      assert.deepEqual(evidenceOf(frame), [])
    })

  test('the same one twice is believed', () => {
    assert.equal(evidenceOf(na({ options: [tlla(VM_MAC), tlla(VM_MAC)] }))[0]?.mac, VM_MAC)
  })
})
