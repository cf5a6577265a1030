// A guest that answers for others (proxy_arp, proxy_ndp), such as a VPN concentrator: what it proxies is asked for in a
// form that it answers, and no host that has the address itself believes in a conflict. Real kernels, in namespaces.
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, readFileSync } from 'node:fs'
import { afterEach, beforeEach, suite, test, type TestContext } from 'node:test'
import { waitFor } from '../../lab/wait.js'
import { formatIp, formatMac } from '../../src/base/address.js'
import type { ProbeForm } from '../../src/bindings/model.js'
import { createLogger } from '../../src/os/log.js'
import { pollReadable } from '../../src/os/fd-poll.js'
import * as libc from '../../src/os/libc.js'
import { chooseSource, senderIn } from '../../src/snoop/probe/source.js'
import { ProbeSender } from '../../src/snoop/probe/sender.js'
import { DEFAULT_POLICY } from '../../src/bindings/policy.js'
import { step } from '../../src/bindings/step.js'
import { Table } from '../../src/bindings/table.js'
import { claim, evidence, KEY1 } from '../bindings/build.js'
import { enterNewNetworkNamespace, ip } from '../rtnetlink/namespace.js'
import { enterNewNetns } from '../snoop/packet.js'

const PORT = 21
const PORT_MAC = 'fe:54:00:00:00:01'
const GUEST_MAC = '02:00:00:00:00:01'
const OWN = '192.0.2.1'
const OWN6 = '2001:db8::1'
const PROXIED = '192.0.2.77'
const PROXIED6 = '2001:db8::77'

/** The namespace of the guest lives as long as this process. */
let guest: ChildProcess

const inGuest = (...argv: string[]): string =>
  execFileSync('nsenter', [`--net=/proc/${guest.pid}/ns/net`, ...argv], { encoding: 'utf8' })

beforeEach(async () => {
  enterNewNetworkNamespace()
  guest = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] })
  // what fails from here on is not followed by afterEach, and must not keep this process waiting for the guest
  guest.unref()
  enterNewNetns()
  ip(`link add port index ${PORT} address ${PORT_MAC} up type veth peer name eth0 netns ${guest.pid}`)
  const sysctl = (...settings: string[]): string => inGuest('sysctl', '-qw', ...settings)
  inGuest('ip', 'link', 'set', 'eth0', 'address', GUEST_MAC, 'addrgenmode', 'none')
  inGuest('ip', 'link', 'set', 'eth0', 'up')
  inGuest('ip', 'addr', 'add', `${OWN}/24`, 'dev', 'eth0')
  inGuest('ip', 'addr', 'add', `${OWN6}/64`, 'dev', 'eth0', 'nodad')
  inGuest('ip', 'route', 'add', 'default', 'via', '192.0.2.254', 'dev', 'eth0')
  // the clients of the concentrator
  inGuest('ip', 'link', 'add', 'tun0', 'type', 'veth', 'peer', 'name', 'clients')
  for (const name of ['tun0', 'clients']) {
    inGuest('ip', 'link', 'set', name, 'addrgenmode', 'none')
    inGuest('ip', 'link', 'set', name, 'up')
  }
  inGuest('ip', 'route', 'add', `${PROXIED}/32`, 'dev', 'tun0')
  inGuest('ip', 'route', 'add', `${PROXIED6}/128`, 'dev', 'tun0')
  sysctl('net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1')
  sysctl('net.ipv4.conf.eth0.proxy_arp=1', 'net.ipv6.conf.eth0.proxy_ndp=1')
  inGuest('ip', '-6', 'neigh', 'add', 'proxy', PROXIED6, 'dev', 'eth0')
  await waitFor(
    'the guest to hear what is for its addresses',
    () => readFileSync(`/proc/${guest.pid}/net/igmp6`, 'latin1'),
    (groups) =>
      groups.includes('ff0200000000000000000001ff000001') && groups.includes('ff0200000000000000000001ff000077'),
  )
})

afterEach(async () => {
  guest.ref()
  guest.stdin?.end()
  await once(guest, 'close')
})

const AF_PACKET = 17
const SOCK_RAW = 3
const ETH_P_ALL = 3
const MSG_DONTWAIT = 0x40

/** Who answers, and with which MAC: `192.0.2.1 is at 02:…`. */
class Answers {
  private readonly lines: string[] = []
  private check = (): void => undefined

  constructor(context: TestContext) {
    const fd = libc.socket(AF_PACKET, SOCK_RAW, 0)
    const address = Buffer.alloc(20)
    address.writeUInt16LE(AF_PACKET)
    address.writeUInt16BE(ETH_P_ALL, 2)
    address.writeInt32LE(PORT, 4)
    assert.equal(libc.bind(fd, address, address.length), 0)
    const poll = pollReadable(fd, () => {
      const bytes = Buffer.alloc(2048)
      const length = libc.recvfrom(fd, bytes, bytes.length, MSG_DONTWAIT, Buffer.alloc(20), Buffer.from([20, 0, 0, 0]))
      const line = length > 0 ? answer(bytes.subarray(0, length)) : undefined
      if (line !== undefined) this.lines.push(line)
      this.check()
    })
    context.after(() => {
      poll.close()
      closeSync(fd)
    })
  }

  /** Resolves with all answers once there is one for `address`, and forgets them. */
  until(address: string): Promise<string[]> {
    return new Promise((resolve) => {
      this.check = () => {
        if (!this.lines.some((line) => line.startsWith(`${address} `))) return
        this.check = () => undefined
        resolve(this.lines.splice(0))
      }
      this.check()
    })
  }
}

function answer(frame: Buffer): string | undefined {
  if (formatMac(frame) !== PORT_MAC) return undefined
  const type = frame.readUInt16BE(12)
  if (type === 0x0806 && frame.readUInt16BE(20) === 2)
    return `${formatIp(frame.subarray(28, 32))} is at ${formatMac(frame, 22)}`
  if (type === 0x86dd && frame.readUInt8(20) === 58 && frame.readUInt8(54) === 136)
    return `${formatIp(frame.subarray(62, 78))} is at ${formatMac(frame, 6)}`
  return undefined
}

const nowhere = {
  links: new Map([[PORT, { mac: PORT_MAC }]]),
  vlanLinksOn: () => [],
  addressesOn: () => [],
}

function asking(context: TestContext): { answers: Answers; ask: (address: string, form: ProbeForm) => void } {
  const answers = new Answers(context)
  const sender = ProbeSender.open({ log: createLogger('test', 'warn') })
  context.after(() => {
    sender.close()
  })
  const ask = (address: string, form: ProbeForm): void => {
    const source = chooseSource(nowhere, PORT, undefined, address, [])
    sender.send({ ifindex: PORT, vlan: 0, mac: GUEST_MAC, ip: address, source, form })
  }
  return { answers, ask }
}

for (const rpFilter of [0, 1, 2])
  suite(`rp_filter=${rpFilter}`, () => {
    for (const [own, proxied] of [
      [OWN, PROXIED],
      [OWN6, PROXIED6],
    ] as const) {
      test(`${proxied}: the guest answers a resolution for what it proxies, and both forms for its own address`, async (context) => {
        inGuest('sysctl', '-qw', `net.ipv4.conf.all.rp_filter=${rpFilter}`, `net.ipv4.conf.eth0.rp_filter=${rpFilter}`)
        const { answers, ask } = asking(context)
        ask(own, 'poll')
        await answers.until(own)
        // what is asked for first is answered first: the poll for the proxied address is not answered
        ask(proxied, 'poll')
        ask(own, 'resolution')
        assert.deepEqual(await answers.until(own), [`${own} is at ${GUEST_MAC}`])
        ask(proxied, 'resolution')
        assert.deepEqual(await answers.until(proxied), [`${proxied} is at ${GUEST_MAC}`])
      })
    }
  })

/** A table whose host answers only probes of that form; `asked`: the forms so far. */
function answering(form: ProbeForm): { table: Table; asked: ProbeForm[]; wait: (until: number) => void } {
  const table = new Table()
  const asked: ProbeForm[] = []
  const send = (input: Parameters<typeof step>[1], now: number): void => {
    for (const action of step(table, input, DEFAULT_POLICY, now)) {
      if (action.type !== 'probe' || action.mac !== KEY1.mac) continue
      asked.push(action.form)
      if (action.form === form) send(evidence({ kind: 'arp-reply', at: now }), now)
    }
  }
  send(evidence({ at: 0 }), 0)
  const wait = (until: number): void => {
    for (let at = table.timers.next(); at !== undefined && at <= until; at = table.timers.next())
      send({ type: 'tick' }, at)
  }
  return { table, asked, wait }
}

const DAY = 86_400_000

test('a host that answers only resolutions keeps its address, and is asked so from then on', () => {
  const { table, asked, wait } = answering('resolution')
  wait(DAY)
  assert.ok(table.get(KEY1) !== undefined)
  assert.deepEqual(asked.slice(0, 4), ['poll', 'resolution', 'resolution', 'resolution'])
  assert.ok(asked.length > 800 && asked.slice(1).every((form) => form === 'resolution'), `${asked.length} probes`)
})

test('a host that answers polls is asked in no other form', () => {
  const { asked, wait } = answering('poll')
  wait(DAY)
  assert.ok(asked.length > 800 && asked.every((form) => form === 'poll'), `${asked.length} probes`)
})

test('the owner of a claimed address is asked in both forms', () => {
  for (const form of ['poll', 'resolution'] as const) {
    const { table, asked, wait } = answering(form)
    step(table, claim({ at: 1000 }), DEFAULT_POLICY, 1000).forEach((it) => {
      if (it.type !== 'probe') return
      asked.push(it.form)
      if (it.form === form) step(table, evidence({ kind: 'arp-reply', at: 1001 }), DEFAULT_POLICY, 1001)
    })
    wait(10_000)
    assert.equal(table.find(100, KEY1.ip)?.mac, KEY1.mac, form)
  }
})

test('no sender is an address that a host may have, or the one that is asked for', () => {
  const nobody = { mac: PORT_MAC, ip: '0.0.0.0' }
  for (const asked of [OWN, '169.254.0.254', '169.254.0.253']) {
    assert.equal(senderIn('poll', nobody, asked), '0.0.0.0')
    const sender = senderIn('resolution', nobody, asked)
    assert.match(sender, /^169\.254\.0\./, 'RFC 3927 2.1: hosts must not select it')
    assert.notEqual(sender, asked)
    assert.equal(senderIn('resolution', { mac: PORT_MAC, ip: '192.0.2.254' }, asked), '192.0.2.254')
  }
})
