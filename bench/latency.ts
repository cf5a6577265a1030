// From a frame of a VM to the MACIP_ADD that bgpd gets for it.
//
// The clock starts just before this process hands the frame to the kernel (AF_PACKET on the VM's eth0), and stops when
// MACIP_ADD has arrived on the socket towards bgpd, which ends in this process and is passed on to bgpd from here.
// Nothing is subtracted: veth, bridge, eBPF program, both of macipd's processes, and this process's own waking up are in.
import { setTimeout as sleep } from 'node:timers/promises'
import { HEADER_SIZE, frameCommand, frameLength } from '../src/zapi/frame.js'
import { frrRelease } from '../src/zapi/releases.js'
import { MACIP_ADD } from '../src/zapi/messages/macip.js'
import { Fabric } from '../lab/fabric.js'
import { arpAnnouncement, neighborAdvertisement } from '../lab/frames.js'
import type { Release } from '../lab/frr.js'
import { Recorder } from '../lab/recorder.js'
import type { Router } from '../lab/router.js'
import { type Context, type Measurement, percentile } from './measurement.js'
import { hosts } from '../lab/hosts.js'
import { PATIENCE } from '../lab/wait.js'
import { UNLIMITED } from './limits.js'

const SAMPLES = 600
const WARM_UP = 100
const TIMEOUT_MS = 5000 * PATIENCE
/** Between two frames; random, so that no timer of anyone keeps step. Long enough for every process to fall asleep. */
const PAUSE_MS = { least: 5, most: 15 }

export async function benchLatency({ frr, progress }: Context): Promise<Measurement[]> {
  const arrivals = new MacIpArrivals(frr)
  let recorder: Recorder | undefined
  const tap = async (near: Router): Promise<string> => {
    const inside = '/run/macipd/recorder.api'
    recorder = await Recorder.start(near.path(inside), near.path('/run/macipd/zserv.api'), () => arrivals.listener())
    return inside
  }
  progress('starting a fabric with a recorder between relay and bgpd')
  try {
    await using fabric = await Fabric.start({ frr, tap, near: { config: UNLIMITED } })
    return await measure(fabric, arrivals, progress)
  } finally {
    recorder?.[Symbol.dispose]()
  }
}

async function measure(fabric: Fabric, arrivals: MacIpArrivals, progress: Context['progress']): Promise<Measurement[]> {
  // from here on the VM's MAC is local
  await fabric.learn()
  const { vm } = fabric
  const timeOf = async (ip: string, frame: Buffer): Promise<number> => {
    const arrived = arrivals.of(vm.mac, ip)
    const sent = performance.now()
    vm.send(frame)
    const time = (await arrived) - sent
    await sleep(PAUSE_MS.least + Math.random() * (PAUSE_MS.most - PAUSE_MS.least))
    return time
  }

  progress(`${SAMPLES} addresses in ARP and ND, one after the other`)
  const times: number[] = []
  for (const { ipv4, ipv6 } of hosts(0, (WARM_UP + SAMPLES) / 2)) {
    const sender = { mac: vm.mac, ipv4, ipv6 }
    times.push(await timeOf(ipv4, arpAnnouncement(sender)))
    times.push(await timeOf(ipv6, neighborAdvertisement(sender)))
  }
  const warm = times.slice(WARM_UP)
  return [
    { name: 'frame → MACIP_ADD, p50', value: percentile(warm, 50), unit: 'ms', target: '< 1' },
    { name: 'frame → MACIP_ADD, p99', value: percentile(warm, 99), unit: 'ms', target: '< 5' },
    { name: 'frame → MACIP_ADD, longest', value: Math.max(...warm), unit: 'ms' },
  ]
}

/** Waits for MACIP_ADD in what goes to bgpd. */
class MacIpArrivals {
  private readonly release
  private readonly macIpAdd: number
  private waiting: { mac: string; ip: string; resolve: (time: number) => void } | undefined

  constructor(frr: Release) {
    this.release = frrRelease(frr)
    this.macIpAdd = this.release?.commandNumber('ZEBRA_MACIP_ADD') ?? NaN
  }

  /** Resolves with the time of arrival. One at a time. */
  of(mac: string, ip: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`no MACIP_ADD of ${ip} came within ${TIMEOUT_MS / 1000} s`))
      }, TIMEOUT_MS)
      this.waiting = {
        mac,
        ip,
        resolve: (time) => {
          clearTimeout(timer)
          resolve(time)
        },
      }
    })
  }

  /** For the bytes of one connection. */
  listener(): (bytes: Buffer) => void {
    let rest = Buffer.alloc(0)
    return (bytes) => {
      const now = performance.now()
      rest = Buffer.concat([rest, bytes])
      while (rest.length >= HEADER_SIZE && rest.length >= frameLength(rest)) {
        const frame = rest.subarray(0, frameLength(rest))
        rest = rest.subarray(frame.length)
        if (frameCommand(frame) === this.macIpAdd) this.arrived(frame, now)
      }
    }
  }

  private arrived(frame: Buffer, now: number): void {
    if (this.release === undefined) return
    const { mac, ip } = MACIP_ADD.decode(frame.subarray(HEADER_SIZE), this.release.features)
    if (mac === this.waiting?.mac && ip === this.waiting.ip) this.waiting.resolve(now)
  }
}
