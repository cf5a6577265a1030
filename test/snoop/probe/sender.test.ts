// Real hosts answer real probes: a bridge with two ports and a VXLAN device in one network namespace, the host behind
// the first port in another.
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { closeSync, readFileSync } from 'node:fs'
import { afterEach, beforeEach, suite, test, type TestContext } from 'node:test'
import { waitFor } from '../../../lab/wait.js'
import { ExitCode } from '../../../src/base/exit.js'
import { createLogger } from '../../../src/os/log.js'
import { pollReadable } from '../../../src/os/fd-poll.js'
import * as libc from '../../../src/os/libc.js'
import { formatIp, formatMac, parseIp } from '../../../src/base/address.js'
import { Ports, type PortsOptions } from '../../../src/snoop/ports/ports.js'
import { arpRequest } from '../../../src/arp-nd/question.js'
import { type Probe, ProbeSender } from '../../../src/snoop/probe/sender.js'
import { enterNewNetworkNamespace, ip } from '../../rtnetlink/namespace.js'
import { arp, VM_IP, VM_IP6, VM_MAC } from '../bpf/frames.js'
import { enterNewNetns, openSender, type Sender } from '../packet.js'

const log = createLogger('test', 'warn')
const [BR0, VX, PORT1, PORT2, VM1] = [10, 11, 21, 22, 31]
const PORT1_MAC = 'fe:54:00:00:00:01'
const BR0_MAC = '02:00:00:00:00:b0'

/** The namespace of the host lives as long as this process. */
let holder: ChildProcess
/** Sends in the name of the host. */
let host: Sender

beforeEach(async () => {
  enterNewNetworkNamespace()
  host = openSender(VM1)
  holder = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] })
  // what fails from here on is not followed by afterEach, and must not keep this process waiting for the holder
  holder.unref()
  enterNewNetns()
  ip(
    `link add br0 index ${BR0} address ${BR0_MAC} type bridge`,
    `link add vx100 index ${VX} master br0 type vxlan id 100 local 127.0.0.1 dstport 4789`,
    `link add port1 index ${PORT1} master br0 type veth peer name vm1 index ${VM1} netns ${holder.pid}`,
    `link add port2 index ${PORT2} master br0 type veth peer name vm2`,
    `link set port1 address ${PORT1_MAC}`,
    ...['lo', 'br0', 'vx100', 'port1', 'port2', 'vm2'].map((name) => `link set ${name} up`),
  )
  const commands = [
    `link set vm1 address ${VM_MAC} addrgenmode none`,
    'link set vm1 up',
    `addr add ${VM_IP}/24 dev vm1`,
    `addr add ${VM_IP6}/64 dev vm1 nodad`,
  ]
  execFileSync('nsenter', [`--net=/proc/${holder.pid}/ns/net`, 'ip', '-batch', '-'], { input: commands.join('\n') })
  // both come when the kernel gets round to it: before, the bridge forwards nothing, and the host is deaf to solicitations
  await waitFor(
    'three ports to forward',
    () => execFileSync('bridge', ['link', 'show']).toString(),
    (shown) => shown.split('state forwarding').length === 4,
  )
  const group = `ff0200000000000000000001ff${parseIp(VM_IP6)?.toString('hex').slice(-6)}`
  await waitFor(
    'the host to be in the multicast group of its address',
    () => readFileSync(`/proc/${holder.pid}/net/igmp6`, 'latin1'),
    (groups) => groups.includes(group),
  )
})

afterEach(() => {
  host.close()
  holder.stdin?.end()
})

const AF_PACKET = 17
const SOCK_RAW = 3
const ETH_P_ALL = 3
const MSG_DONTWAIT = 0x40

/** Everything that passes a device, in either direction, while the kernel's queue is watched. */
class Capture {
  readonly frames: Buffer[] = []
  private check = (): void => undefined

  constructor(context: TestContext, ifindex: number) {
    const fd = libc.socket(AF_PACKET, SOCK_RAW, 0)
    const address = Buffer.alloc(20)
    address.writeUInt16LE(AF_PACKET)
    address.writeUInt16BE(ETH_P_ALL, 2)
    address.writeInt32LE(ifindex, 4)
    assert.equal(libc.bind(fd, address, address.length), 0)
    const poll = pollReadable(fd, () => {
      this.read(fd)
      this.check()
    })
    context.after(() => {
      poll.close()
      closeSync(fd)
    })
  }

  /** Resolves with the first frame of which that is true. */
  find(what: (frame: Buffer) => boolean): Promise<Buffer> {
    return new Promise((resolve) => {
      this.check = () => {
        const found = this.frames.find(what)
        if (found !== undefined) resolve(found)
      }
      this.check()
    })
  }

  private read(fd: number): void {
    const bytes = Buffer.alloc(2048)
    const length = libc.recvfrom(fd, bytes, bytes.length, MSG_DONTWAIT, Buffer.alloc(20), Buffer.from([20, 0, 0, 0]))
    if (length > 0) this.frames.push(bytes.subarray(0, length))
  }
}

/** ARP, and the parts of neighbour discovery that are about one address: `arp 2 192.0.2.1 at 02:… to 02:…`. */
function line(frame: Buffer): string | undefined {
  const to = formatMac(frame)
  switch (frame.readUInt16BE(12)) {
    case 0x0806:
      return `arp ${frame.readUInt16BE(20)} ${formatIp(frame.subarray(28, 32))} at ${formatMac(frame, 22)} to ${to}`
    case 0x86dd: {
      const type = frame.readUInt8(20) === 58 ? frame.readUInt8(54) : 0
      return type === 135 || type === 136
        ? `icmpv6 ${type} ${formatIp(frame.subarray(22, 38))} at ${formatMac(frame, 6)} to ${to}`
        : undefined
    }
    default:
      return undefined
  }
}

/** Comes last, and everywhere: the bridge floods it. */
const MARKER = arp({ senderIp: '192.0.2.99' })
const MARKER_LINE = line(MARKER)
const isMarker = (frame: Buffer): boolean => frame.subarray(0, MARKER.length).equals(MARKER)

async function open(
  context: TestContext,
  options: Partial<PortsOptions> = {},
): Promise<{ ports: Ports; sender: ProbeSender }> {
  const ports = await Ports.open({ log, ...options })
  const sender = ProbeSender.open({ log })
  context.after(() => {
    ports.close()
    sender.close()
  })
  return { ports, sender }
}

const probe = (ports: Ports, ip: string, vlan = 0): Probe => ({
  ifindex: PORT1,
  vlan,
  mac: VM_MAC,
  ip,
  source: ports.probeSource(PORT1, vlan, ip),
})

/** Probes the host and returns what went by, at its port, at the other one and at the tunnel. */
async function ask(
  context: TestContext,
  address: string,
  options: Partial<PortsOptions> = {},
): Promise<Record<'port1' | 'port2' | 'tunnel', (string | undefined)[]>> {
  const { ports, sender } = await open(context, options)
  const [port1, port2, tunnel] = [PORT1, PORT2, VX].map((ifindex) => new Capture(context, ifindex)) as [
    Capture,
    Capture,
    Capture,
  ]
  sender.send(probe(ports, address))
  assert.deepEqual(sender.counters, { sent: 1 })
  const { source } = probe(ports, address)
  // the answer
  await port1.find((frame) => formatMac(frame) === source.mac && formatMac(frame, 6) === VM_MAC)
  host.send(MARKER)
  await Promise.all([port1, port2, tunnel].map((capture) => capture.find(isMarker)))
  const lines = ({ frames }: Capture): (string | undefined)[] => frames.map(line).filter((found) => found !== undefined)
  return { port1: lines(port1), port2: lines(port2), tunnel: lines(tunnel) }
}

suite('a host answers; neither the probe nor the answer reaches another port or the tunnel', () => {
  const onlyMarker = { port2: [MARKER_LINE], tunnel: [MARKER_LINE] }
  const answered = (sourceIp: string, sourceMac: string): object => ({
    port1: [
      `arp 1 ${sourceIp} at ${sourceMac} to ${VM_MAC}`,
      `arp 2 ${VM_IP} at ${VM_MAC} to ${sourceMac}`,
      MARKER_LINE,
    ],
    ...onlyMarker,
  })
  const answered6 = (sourceIp: string, sourceMac: string): object => ({
    port1: [
      `icmpv6 135 ${sourceIp} at ${sourceMac} to ${VM_MAC}`,
      `icmpv6 136 ${VM_IP6} at ${VM_MAC} to ${sourceMac}`,
      MARKER_LINE,
    ],
    ...onlyMarker,
  })

  test('the bridge is in the subnet', async (context) => {
    ip('addr add 192.0.2.254/24 dev br0')
    assert.deepEqual(await ask(context, VM_IP), answered('192.0.2.254', BR0_MAC))
  })
  test('the bridge is in another subnet', async (context) => {
    ip('addr add 198.51.100.254/24 dev br0')
    assert.deepEqual(await ask(context, VM_IP), answered('0.0.0.0', PORT1_MAC))
  })
  test('from a configured address', async (context) => {
    const probeSources = [{ ip: '192.0.2.253', prefixLength: 24 }]
    assert.deepEqual(await ask(context, VM_IP, { probeSources }), answered('192.0.2.253', PORT1_MAC))
  })
  test('IPv6, the bridge has no address', async (context) => {
    assert.deepEqual(await ask(context, VM_IP6), answered6('fe80::fc54:ff:fe00:1', PORT1_MAC))
  })
  test("IPv6, from the bridge's link-local address", async (context) => {
    execFileSync('sysctl', ['-qw', 'net.ipv6.conf.br0.disable_ipv6=0', 'net.ipv6.conf.br0.addr_gen_mode=1'])
    ip('addr add fe80::b0/64 dev br0 nodad')
    assert.deepEqual(await ask(context, VM_IP6), answered6('fe80::b0', BR0_MAC))
  })
})

test('a tagged probe leaves by its port as it is, and by no other', async (context) => {
  const { ports, sender } = await open(context)
  const [port1, port2, tunnel] = [PORT1, PORT2, VX].map((ifindex) => new Capture(context, ifindex)) as [
    Capture,
    Capture,
    Capture,
  ]
  sender.send(probe(ports, VM_IP, 10))
  const fields = { dstMac: VM_MAC, srcMac: PORT1_MAC, srcIp: '0.0.0.0', targetIp: VM_IP, vlan: 10 }
  const expected = arpRequest(fields)
  await port1.find((frame) => frame.equals(expected))
  host.send(MARKER)
  await Promise.all([port2.find(isMarker), tunnel.find(isMarker)])
  assert.deepEqual(
    [...port2.frames, ...tunnel.frames].filter((frame) => formatMac(frame) === VM_MAC),
    [],
  )
})

test('what cannot be sent is counted by the name of the error', async (context) => {
  const { ports, sender } = await open(context)
  const lost = probe(ports, VM_IP)
  ip('link set port1 down')
  sender.send(lost)
  ip('link del port1')
  sender.send(lost)
  sender.send(lost)
  assert.deepEqual(sender.counters, { sent: 0, ENETDOWN: 1, ENXIO: 2 })
  sender.close()
  sender.send(lost)
  assert.deepEqual(sender.counters, { sent: 0, ENETDOWN: 1, ENXIO: 2 })
})

test('without CAP_NET_RAW: one line that says what to do, exit code of its own', () => {
  const module = new URL('../../../src/snoop/probe/sender.js', import.meta.url).href
  const script = `import { ProbeSender } from '${module}'
try { ProbeSender.open({}) } catch (error) { console.log(error.exitCode, error.message) }`
  const withoutCapability = ['--bounding-set', '-net_raw', '--inh-caps', '-net_raw']
  const node = [process.execPath, '--input-type=module', '--eval', script]
  const { stdout, stderr } = spawnSync('setpriv', [...withoutCapability, ...node], { encoding: 'utf8' })
  const expected = 'probes: socket(AF_PACKET): EPERM: run as root or with CAP_NET_RAW'
  assert.equal(stdout, `${ExitCode.privilege} ${expected}\n`, stderr)
})
