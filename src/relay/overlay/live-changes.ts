// Which keys the messages were about since a reading of FRR's tables began, which may be older than they, or since FRR is
// being read at all.
import type { BgpMessage, ZebraMessage } from '../../zapi/evpn-codec.js'

/** More keys of other nodes than this are forgotten, should FRR be unreadable for days. */
const MOST_KEPT = 100_000

export class LiveChanges {
  private readonly local = new Set<string>()
  /** Kept from one reading to the next: zebra goes on showing a MAC of another node while neighbours of it refer to it. */
  private readonly remote = new Set<string>()
  /** IPs of other nodes that got a MAC, and so lost any other one: zebra keeps one for each. */
  private readonly remoteIps = new Set<string>()
  private readonly vteps = new Set<string>()
  /** VNIs of which everything is known from messages, because both sides have forgotten what was before. */
  private readonly forgotten = new Set<number>()
  private allForgotten = false

  /** FRR is going to be read again. */
  onReading(): void {
    for (const each of [this.local, this.vteps, this.forgotten]) each.clear()
    if (this.remote.size > MOST_KEPT) for (const each of [this.remote, this.remoteIps]) each.clear()
    this.allForgotten = false
  }

  onMessage({ command, body }: ZebraMessage | BgpMessage): void {
    switch (command) {
      case 'ZEBRA_MACIP_ADD':
      case 'ZEBRA_MACIP_DEL':
        this.local.add(keyOf(body.vni, body.mac, body.ip))
        return
      case 'ZEBRA_REMOTE_MACIP_ADD':
        this.remote.add(keyOf(body.vni, body.mac, body.ip))
        if (body.ip !== undefined) this.remoteIps.add(`${body.vni} ${body.ip}`)
        return
      case 'ZEBRA_REMOTE_MACIP_DEL':
        this.remote.add(keyOf(body.vni, body.mac, body.ip))
        return
      case 'ZEBRA_REMOTE_VTEP_ADD':
      case 'ZEBRA_REMOTE_VTEP_DEL':
        for (const { vni, vtep } of [body, ...body.more]) this.vteps.add(`${vni} ${vtep}`)
        return
      case 'ZEBRA_VNI_DEL':
        this.forgotten.add(body.vni)
        return
      case 'ZEBRA_ADVERTISE_ALL_VNI':
        if (body.advertise === 0) this.allForgotten = true
        return
      case 'ZEBRA_VNI_ADD':
        return
    }
  }

  hasLocal(vni: number, mac: string, ip: string | undefined): boolean {
    return this.local.has(keyOf(vni, mac, ip))
  }

  hasRemote(vni: number, mac: string, ip: string | undefined): boolean {
    return this.remote.has(keyOf(vni, mac, ip)) || (ip !== undefined && this.remoteIps.has(`${vni} ${ip}`))
  }

  hasVtep(vni: number, vtep: string): boolean {
    return this.vteps.has(`${vni} ${vtep}`)
  }

  hasForgotten(vni: number): boolean {
    return this.allForgotten || this.forgotten.has(vni)
  }
}

const keyOf = (vni: number, mac: string, ip: string | undefined): string => `${vni} ${mac} ${ip ?? ''}`
