// Frames at a steady rate or as fast as they go, out of VMs' own eth0: many with one system call, from memory that was
// written once. How fast a VM's end is never limits what is measured behind it.
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { arpAnnouncement, type Host, neighborAdvertisement } from './frames.js'
import { FrameBatch } from './frame-batch.js'
import type { Vm } from './vm.js'
import { hosts } from './hosts.js'

/** Frames of one system call at full rate; between two calls this process does other things. */
const FLOOD_CALL = 256

export interface Load {
  readonly sent: number
  readonly seconds: number
  /** Frames per second. */
  readonly rate: number
}

export interface SteadyOptions {
  /** Frames per second of all VMs together. */
  rate: number
  seconds: number
  /** How many hosts speak in turn, each always behind the same VM. */
  hosts: number
  /** Number of the first of them. */
  first?: number
  /** What each of them says; default: an ARP announcement. */
  says?: (host: Host) => readonly Buffer[]
}

/** Frames of hosts behind the ports of VMs, in turn, at a steady rate. */
export async function steady(vms: readonly Vm[], options: SteadyOptions): Promise<Load> {
  const { rate, seconds, hosts: count, first = 0, says = (host: Host) => [arpAnnouncement(host)] } = options
  const all = hosts(first, count)
  const batches = vms.map((vm, index) => FrameBatch.open(vm, behind(all, index, vms.length).flatMap(says)))
  try {
    const begin = performance.now()
    const total = Math.round(rate * seconds)
    let sent = 0
    while (sent < total) {
      const due = Math.min(total, Math.floor(((performance.now() - begin) / 1000) * rate))
      // in turn, whatever is due at once
      for (const [index, batch] of batches.entries())
        batch.send(share(due, index, vms.length) - share(sent, index, vms.length))
      sent = due
      await sleep(1)
    }
    return load(sent, begin)
  } finally {
    for (const batch of batches) batch.close()
  }
}

/** Every `of`-th of the hosts. */
const behind = (all: readonly Host[], index: number, of: number): Host[] =>
  all.filter((_host, number) => number % of === index)

/** How many of the first `count` turns are those of one among several. */
const share = (count: number, index: number, of: number): number => Math.ceil((count - index) / of)

export interface FloodOptions {
  /** IPv4 addresses claimed by ARP and as many IPv6 addresses by neighbour advertisements. */
  addresses: number
  /** How often all are claimed at least; default 1. */
  rounds?: number
  /** All are claimed again and again until this is settled. */
  until?: Promise<unknown>
  /** Whose MAC claims them: the VM's own for all, or one for each address; default `own`. */
  macs?: 'own' | 'many'
}

/** One VM claims many addresses as fast as it can. */
export async function flood(vm: Vm, options: FloodOptions): Promise<Load> {
  const { addresses, rounds = 1, until, macs = 'own' } = options
  const claims = hosts(0, addresses).map((host) => (macs === 'many' ? host : { ...host, mac: vm.mac }))
  const batch = FrameBatch.open(
    vm,
    claims.flatMap((host) => [arpAnnouncement(host), neighborAdvertisement(host)]),
  )
  let settled = until === undefined
  const settle = (): void => {
    settled = true
  }
  void until?.then(settle, settle)
  try {
    const begin = performance.now()
    const round = 2 * addresses
    let total = round * rounds
    let sent = 0
    while (sent < total) {
      const call = Math.min(FLOOD_CALL, total - sent)
      batch.send(call)
      sent += call
      await setImmediate()
      if (sent === total && !settled) total += round
    }
    return load(sent, begin)
  } finally {
    batch.close()
  }
}

function load(sent: number, begin: number): Load {
  const seconds = (performance.now() - begin) / 1000
  return { sent, seconds, rate: sent / seconds }
}
