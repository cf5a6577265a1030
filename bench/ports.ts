// How fast the map of ports follows the kernel, and what it costs with many ports. Runs itself in a process with a
// network namespace of its own.
import { execFile, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createLogger } from '../src/os/log.js'
import * as libc from '../src/os/libc.js'
import { Ports } from '../src/snoop/ports/ports.js'
import * as write from '../test/rtnetlink/writer.js'
import { type Measurement, median, percentile } from './measurement.js'

const FEW = 10
const MANY = 1000
const ROUNDS = 200
const CHANGES = 200
const AF_NETLINK = 16
const SOCK_RAW = 3

/** Needs root. */
export async function benchPorts(): Promise<Measurement[]> {
  const command = ['--net', '--', process.execPath, fileURLToPath(import.meta.url)]
  const { stdout } = await promisify(execFile)('unshare', command)
  return JSON.parse(stdout) as Measurement[]
}

async function measure(): Promise<Measurement[]> {
  ip('link add br0 up type bridge', 'link add vx100 up master br0 type vxlan id 100 local 127.0.0.1 dstport 4789')
  ip('link add vm up type veth peer name tap', 'link set tap up master br0')
  const latency = await addLatency()
  addPorts(0, FEW)
  // compiled code is what is measured
  await eventCost()
  const few = await startTime()
  const eventFew = await eventCost()
  addPorts(FEW, MANY)
  const many = await startTime()
  const eventMany = await eventCost()
  return [
    { name: 'port joins a bridge → add, p50', value: percentile(latency, 50), unit: 'ms' },
    { name: 'port joins a bridge → add, p99', value: percentile(latency, 99), unit: 'ms', target: '< 50' },
    { name: `start with ${FEW} ports`, value: few, unit: 'ms' },
    { name: `start with ${MANY} ports`, value: many, unit: 'ms' },
    { name: `link event with ${FEW} ports`, value: eventFew, unit: 'µs' },
    { name: `link event with ${MANY} ports`, value: eventMany, unit: 'µs' },
    { name: `link event, ${MANY} / ${FEW} ports`, value: eventMany / eventFew, unit: 'ratio', target: '<= 2' },
  ]
}

function ip(...commands: string[]): void {
  execFileSync('ip', ['-batch', '-'], { input: commands.join('\n'), stdio: ['pipe', 'ignore', 'inherit'] })
}

function addPorts(from: number, to: number): void {
  ip(...Array.from({ length: to - from }, (_, index) => `link add p${from + index} master br0 type ifb`))
}

const open = (): Promise<Ports> => Ports.open({ log: createLogger('bench', 'warn') })

/** From just before the request to the kernel until the event: an upper bound, the work of the kernel included. */
async function addLatency(): Promise<number[]> {
  const ports = await open()
  const fd = libc.socket(AF_NETLINK, SOCK_RAW, 0)
  const [tap] = ports.ports.values()
  if (tap === undefined) throw new Error('tap is no port of br0')
  const setMaster = (master: number): void => {
    const request = write.message(write.NEWLINK, [ifinfomsg(tap.ifindex), write.attr(10, write.u32(master))], {
      flags: 1,
    })
    libc.send(fd, request, request.length, 0)
  }
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const removed = once(ports, 'remove')
    setMaster(0)
    await removed
    const added = once(ports, 'add').then(() => performance.now())
    const start = performance.now()
    setMaster(tap.bridgeIfindex)
    times.push((await added) - start)
  }
  closeSync(fd)
  ports.close()
  return times
}

/** struct ifinfomsg that leaves the flags alone. */
const ifinfomsg = (index: number): Buffer => write.ifinfomsg(index, { flags: 0 })

/** Until everything is read. */
async function startTime(): Promise<number> {
  const times: number[] = []
  for (let round = 0; round < 10; round++) {
    const start = performance.now()
    const ports = await open()
    times.push(performance.now() - start)
    ports.close()
  }
  return median(times)
}

/** Of each change among many that came while the event loop stood still; several messages tell each. */
async function eventCost(): Promise<number> {
  const ports = await open()
  const times: number[] = []
  for (let round = 0; round < 10; round++) {
    ip(...Array.from({ length: CHANGES / 2 }, () => ['link set p0 up', 'link set p0 down']).flat())
    const start = performance.now()
    let left = CHANGES
    const done = new Promise<void>((resolve) => {
      const count = (): void => {
        if (--left === 0) resolve()
      }
      ports.removeAllListeners()
      ports.on('up', count)
      ports.on('down', count)
    })
    await done
    times.push(((performance.now() - start) * 1000) / CHANGES)
  }
  ports.close()
  return median(times)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(JSON.stringify(await measure()))
