// Against the real kernel, in network namespaces of their own. Bridges with VLANs: see ports-model.test.ts.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { beforeEach, test, type TestContext } from 'node:test'
import { pino } from 'pino'
import { ExitCode } from '../../../src/base/exit.js'
import { RouteSocket } from '../../../src/rtnetlink/socket.js'
import { Ports, type PortsOptions } from '../../../src/snoop/ports/ports.js'
import { enterNewNetworkNamespace, ip } from '../../rtnetlink/namespace.js'

beforeEach(() => {
  enterNewNetworkNamespace()
  ip(...bridge('br0', 100))
})

/** A bridge with the VXLAN device `vx<vni>`. */
function bridge(name: string, vni: number): string[] {
  return [
    `link add ${name} up type bridge`,
    `link add vx${vni} up master ${name} type vxlan id ${vni} local 127.0.0.1 dstport 4789`,
  ]
}

/** A port that has its carrier from the other end, `vm-<name>`. */
const tap = (name: string): string => `link add ${name} up type veth peer name vm-${name}`

/** Records what happens as lines: `add tap1 br0`, `remove tap1 deleted`, `up tap1`, `vni-change`, … */
class Recorder {
  private lines: string[] = []
  private check = (): void => undefined

  constructor(readonly ports: Ports) {
    const add = (line: string): void => {
      this.lines.push(line)
      this.check()
    }
    ports.on('add', ({ name, bridge }) => {
      add(`add ${name} ${bridge}`)
    })
    ports.on('remove', ({ name }, reason) => {
      add(`remove ${name} ${reason}`)
    })
    for (const event of ['up', 'down'] as const)
      ports.on(event, ({ name }) => {
        add(`${event} ${name}`)
      })
    for (const event of ['vni-change', 'resync'] as const)
      ports.on(event, () => {
        add(event)
      })
  }

  /** Resolves with all lines since the last call when `last` is the newest. */
  until(last: string): Promise<string[]> {
    return new Promise((resolve) => {
      this.check = () => {
        if (this.lines.at(-1) !== last) return
        const lines = this.lines
        this.lines = []
        this.check = () => undefined
        resolve(lines)
      }
      this.check()
    })
  }
}

async function open(context: TestContext, options: Partial<PortsOptions> = {}): Promise<Recorder> {
  const ports = await Ports.open({ log: pino({ enabled: false }), ...options })
  context.after(() => {
    ports.close()
  })
  return new Recorder(ports)
}

function ifindex(ports: Ports, name: string): number {
  const port = [...ports.ports.values()].find((port) => port.name === name)
  assert.ok(port, `${name} among ${names(ports).join()}`)
  return port.ifindex
}

const names = (ports: Ports): string[] => [...ports.ports.values()].map(({ name }) => name).sort()

test('what is there at the start: ports of bridges with a VNI, never VXLAN devices', async (context) => {
  ip(tap('tap1'), 'link set tap1 master br0', 'link set vm-tap1 up', tap('uplink'), 'link set uplink master br0')
  ip(tap('loose'), 'link add plain up type bridge', tap('tap2'), 'link set tap2 master plain')
  const { ports } = await open(context, { exclude: ['uplink'] })
  assert.deepEqual(names(ports), ['tap1'])
  const port = ports.ports.get(ifindex(ports, 'tap1'))
  assert.deepEqual([port?.name, port?.bridge, port?.up], ['tap1', 'br0', true])
  assert.equal(ports.vniOf(ifindex(ports, 'tap1'), 0), 100)
  assert.equal(ports.vniOf(ifindex(ports, 'tap1'), 100), undefined, 'tagged')
})

test('a port joins, leaves, is deleted, comes back with a new ifindex', async (context) => {
  const recorder = await open(context)
  ip(tap('tap1'), 'link set tap1 master br0')
  await recorder.until('add tap1 br0')
  const before = ifindex(recorder.ports, 'tap1')
  assert.equal(recorder.ports.vniOf(before, 0), 100)
  ip('link set tap1 nomaster')
  assert.deepEqual(await recorder.until('remove tap1 left-bridge'), ['remove tap1 left-bridge'])
  assert.equal(recorder.ports.vniOf(before, 0), undefined)
  ip('link set tap1 master br0')
  assert.deepEqual(await recorder.until('add tap1 br0'), ['add tap1 br0'])
  ip('link del tap1', tap('tap1'), 'link set tap1 master br0')
  assert.deepEqual(await recorder.until('add tap1 br0'), ['remove tap1 deleted', 'add tap1 br0'])
  assert.notEqual(ifindex(recorder.ports, 'tap1'), before)
  assert.equal(recorder.ports.ports.get(before), undefined)
})

test('a port is renamed', async (context) => {
  ip(tap('tap1'), 'link set tap1 master br0')
  const { ports } = await open(context)
  const [was] = ports.ports.values()
  const renamed = once(ports, 'rename')
  ip('link set tap1 name web')
  const [port, from] = (await renamed) as [{ ifindex: number; name: string }, string]
  assert.deepEqual([port.ifindex, port.name, from], [was?.ifindex, 'web', 'tap1'])
  assert.deepEqual(names(ports), ['web'])
})

test('a port moves to another bridge, and with it to another VNI', async (context) => {
  ip(...bridge('br1', 200), tap('tap1'), 'link set tap1 master br0')
  const recorder = await open(context)
  ip('link set tap1 master br1')
  assert.deepEqual(await recorder.until('add tap1 br1'), ['remove tap1 left-bridge', 'add tap1 br1'])
  assert.equal(recorder.ports.vniOf(ifindex(recorder.ports, 'tap1'), 0), 200)
})

test('up and down: administratively, and by carrier', async (context) => {
  ip(tap('tap1'), 'link set tap1 master br0')
  const recorder = await open(context)
  const up = (): boolean | undefined => recorder.ports.ports.get(ifindex(recorder.ports, 'tap1'))?.up
  assert.equal(up(), false, 'the other end is down')
  for (const [command, line] of [
    ['link set vm-tap1 up', 'up tap1'],
    ['link set tap1 down', 'down tap1'],
    ['link set tap1 up', 'up tap1'],
    ['link set vm-tap1 down', 'down tap1'],
  ] as const) {
    ip(command)
    assert.deepEqual(await recorder.until(line), [line], command)
    assert.equal(up(), line.startsWith('up'), command)
  }
})

test('a bridge gets its VNI, loses it, gets another', async (context) => {
  ip('link del vx100', tap('tap1'), 'link set tap1 master br0')
  const recorder = await open(context)
  assert.deepEqual(names(recorder.ports), [])
  ip('link add vx7 type vxlan id 7 local 127.0.0.1 dstport 4789', 'link set vx7 master br0')
  assert.deepEqual(await recorder.until('vni-change'), ['add tap1 br0', 'vni-change'])
  const tap1 = ifindex(recorder.ports, 'tap1')
  assert.equal(recorder.ports.vniOf(tap1, 0), 7)
  ip('link set vx7 nomaster')
  assert.deepEqual(await recorder.until('vni-change'), ['remove tap1 no-vni', 'vni-change'])
  ip('link add vx8 master br0 type vxlan id 8 local 127.0.0.1 dstport 4789')
  assert.deepEqual(await recorder.until('vni-change'), ['add tap1 br0', 'vni-change'])
  assert.equal(recorder.ports.vniOf(tap1, 0), 8)
})

test('two VNIs in a bridge without VLANs: none, and one warning', async (context) => {
  ip(tap('tap1'), 'link set tap1 master br0')
  const lines: string[] = []
  const recorder = await open(context, { log: pino({ base: null }, { write: (line: string) => lines.push(line) }) })
  ip('link add vx200 master br0 type vxlan id 200 local 127.0.0.1 dstport 4789')
  await recorder.until('vni-change')
  assert.equal(recorder.ports.vniOf(ifindex(recorder.ports, 'tap1'), 0), undefined)
  assert.match(lines.join(''), /bridge br0: vx100, vx200 have different VNIs for untagged frames/)
  ip('link set vx200 down', 'link set vx200 up', 'link del vx200')
  await recorder.until('vni-change')
  assert.equal(recorder.ports.vniOf(ifindex(recorder.ports, 'tap1'), 0), 100)
  assert.equal(lines.length, 1)
})

test('the bridge itself goes', async (context) => {
  ip(tap('tap1'), 'link set tap1 master br0')
  const recorder = await open(context)
  ip('link del br0')
  await recorder.until('vni-change')
  assert.deepEqual(names(recorder.ports), [])
})

test("a bridge's ageing time is followed", async (context) => {
  ip('link set br0 type bridge ageing_time 108000', tap('tap1'), 'link set tap1 address fe:54:00:00:00:01 master br0')
  const recorder = await open(context)
  const port = () => recorder.ports.ports.get(ifindex(recorder.ports, 'tap1'))
  assert.deepEqual([port()?.mac, port()?.ageingMs], ['fe:54:00:00:00:01', 1_080_000])
  for (const [ageing, expected] of [
    [0, 0],
    [12_300, 123_000],
  ] as const) {
    // the event of the port comes after the one of the bridge
    const [command, line] = ageing === 0 ? ['up', 'up tap1'] : ['down', 'down tap1']
    ip(`link set br0 type bridge ageing_time ${ageing}`, `link set vm-tap1 ${command}`)
    assert.deepEqual(await recorder.until(line), [line], 'no event of its own')
    assert.equal(port()?.ageingMs, expected)
  }
})

test('probes are asked from addresses that interfaces have now', async (context) => {
  ip('link set br0 address 02:00:00:00:00:01', tap('tap1'), 'link set tap1 address fe:54:00:00:00:01 master br0')
  const recorder = await open(context, { probeSources: [{ ip: '10.2.0.9', prefixLength: 16 }] })
  const tap1 = ifindex(recorder.ports, 'tap1')
  const source = () => recorder.ports.probeSource(tap1, 0, '10.2.1.10')
  assert.deepEqual(source(), { mac: 'fe:54:00:00:00:01', ip: '10.2.0.9' })
  ip('link set vm-tap1 up')
  await recorder.until('up tap1')
  ip('addr add 10.2.1.1/24 dev br0', 'link set vm-tap1 down')
  await recorder.until('down tap1')
  assert.deepEqual(source(), { mac: '02:00:00:00:00:01', ip: '10.2.1.1' })
  ip('addr del 10.2.1.1/24 dev br0', 'link set vm-tap1 up')
  await recorder.until('up tap1')
  assert.deepEqual(source(), { mac: 'fe:54:00:00:00:01', ip: '10.2.0.9' })
})

test('what changes while the first dump runs is not missed', async () => {
  ip(...Array.from({ length: 60 }, (_, index) => `link add tap${index} master br0 type ifb`))
  const opening = Ports.open({ log: pino({ enabled: false }) })
  // the first part of the dump, with tap0, is written already
  ip('link del tap0', 'link set tap59 nomaster', 'link add late master br0 type ifb')
  const ports = await opening
  const expected = Array.from({ length: 58 }, (_, index) => `tap${index + 1}`)
  assert.deepEqual(names(ports), [...expected, 'late'].sort())
  ports.close()
})

/** Runs `ip` commands after the first dump of links, before those of VLANs and addresses are asked for. */
function betweenDumps(context: TestContext, ...commands: string[]): void {
  const original = Object.getOwnPropertyDescriptors(RouteSocket.prototype).dump.value
  let done = false
  async function interposed(
    this: RouteSocket,
    ...[request, decode]: Parameters<RouteSocket['dump']>
  ): Promise<unknown> {
    const result = await original?.call(this, request, decode)
    if (!done) ip(...commands)
    done = true
    return result
  }
  context.mock.method(RouteSocket.prototype, 'dump', interposed)
}

test('what changes between the dumps is not missed', async (context) => {
  ip('link add tap1 master br0 type ifb', 'link add tap2 master br0 type ifb')
  betweenDumps(context, 'link del tap1', 'link add tap3 master br0 type ifb')
  const { ports } = await open(context)
  assert.deepEqual(names(ports), ['tap2', 'tap3'])
})

test('events lost during the dumps make them begin again', async (context) => {
  ip('link add tap1 master br0 type ifb', 'link add tap2 master br0 type ifb')
  const fill = Array.from({ length: 50 }, () => ['link set tap2 down', 'link set tap2 up']).flat()
  betweenDumps(context, 'link add tap3 master br0 type ifb', ...fill, 'link del tap1', 'link del tap3')
  const { ports } = await open(context, { receiveBuffer: 4096 })
  assert.deepEqual(names(ports), ['tap2'])
})

test('lost events: everything is read again, the differences are told, then events work', async (context) => {
  ip(...bridge('br1', 200))
  ip(...['tap1', 'tap2', 'tap3', 'tap4'].flatMap((name) => [tap(name), `link set ${name} master br0`]))
  const recorder = await open(context, { receiveBuffer: 4096 })
  const before = ifindex(recorder.ports, 'tap2')
  // the event loop stands still meanwhile
  ip(
    ...Array.from({ length: 200 }, () => ['link set tap1 down', 'link set tap1 up']).flat(),
    'link del tap1',
    'link del tap2',
    tap('tap2'),
    'link set tap2 master br0',
    'link set tap3 master br1',
    'link set vm-tap4 up',
    'link add tap5 master br0 type ifb',
  )
  await recorder.until('resync')
  const { ports } = recorder
  assert.deepEqual(names(ports), ['tap2', 'tap3', 'tap4', 'tap5'])
  assert.notEqual(ifindex(ports, 'tap2'), before)
  assert.equal(ports.vniOf(ifindex(ports, 'tap3'), 0), 200)
  assert.equal(ports.ports.get(ifindex(ports, 'tap4'))?.up, true)
  ip('link del tap5')
  assert.deepEqual(await recorder.until('remove tap5 deleted'), ['remove tap5 deleted'])
})

test('events tell the way to the state, lost ones or not', async (context) => {
  const recorder = await open(context, { receiveBuffer: 4096 })
  const followed = new Set<number>()
  recorder.ports.on('add', (port) => {
    assert.ok(!followed.has(port.ifindex), `${port.name} added twice`)
    followed.add(port.ifindex)
  })
  recorder.ports.on('remove', (port) => {
    assert.ok(followed.delete(port.ifindex), `${port.name} removed without having been added`)
  })
  for (let round = 0; round < 2; round++) {
    const some = Array.from({ length: 30 }, (_, index) => `tap${index}`)
    ip(...some.map((name) => `link add ${name} master br0 type ifb`))
    await recorder.until('resync')
    assert.deepEqual([...followed].sort(), [...recorder.ports.ports.keys()].sort())
    assert.equal(recorder.ports.ports.size, some.length)
    ip(...some.map((name) => `link del ${name}`))
    await recorder.until('resync')
    assert.equal(recorder.ports.ports.size, 0)
    assert.equal(followed.size, 0)
  }
})

test('without CAP_NET_ADMIN: one line that says what to do, exit code of its own', () => {
  const module = new URL('../../../src/snoop/ports/ports.js', import.meta.url).href
  const script = `import { Ports } from '${module}'
await Ports.open({}).catch((error) => console.log(error.exitCode, error.message))`
  const withoutCapability = ['--bounding-set', '-net_admin', '--inh-caps', '-net_admin']
  const node = [process.execPath, '--input-type=module', '--eval', script]
  const { stdout, stderr } = spawnSync('setpriv', [...withoutCapability, ...node], { encoding: 'utf8' })
  const expected = 'rtnetlink: SO_RCVBUFFORCE: EPERM: run as root or with CAP_NET_ADMIN'
  assert.equal(stdout, `${ExitCode.privilege} ${expected}\n`, stderr)
})
