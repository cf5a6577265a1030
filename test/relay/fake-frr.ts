// zebra and bgpd as far as the relay's views and overlay can tell, played by the test: their tables, and the messages that
// change them.
import type { Key } from '../../src/bindings/model.js'
import { NeighState } from '../../src/zapi/messages/macip.js'
import type { BgpMessage, ZebraMessage } from '../../src/zapi/evpn-codec.js'
import type { VniReading } from '../../src/relay/overlay/restate.js'
import { type Attributes, type Remote, deleteByIp, eachByIp, isProxy, setByIp } from '../../src/relay/overlay/views.js'

export const ESI = Buffer.alloc(10)

export const vniBody = (vni: number) => {
  return { vni, vtep: '192.0.2.3', tenantVrf: 0, multicastGroup: '0.0.0.0', sviIfindex: 0 }
}

export class FakeFrr {
  /** The tables of each live VNI, as the daemons show them. */
  readonly tables = new Map<number, VniReading>()

  /** What the daemons show now. */
  read(): Map<number, VniReading> {
    return copyOf(this.tables)
  }

  /** zebra has sent the message, and bgpd has received it. Returns it. */
  zebra(message: ZebraMessage): ZebraMessage {
    this.atZebra(message)
    this.toBgpd(message)
    return message
  }

  /** zebra's own tables, before bgpd knows. */
  atZebra({ command, body }: ZebraMessage): void {
    const of = this.tables.get(body.vni)
    switch (command) {
      case 'ZEBRA_VNI_ADD':
        if (of === undefined) this.tables.set(body.vni, emptyTables(body.vni))
        return
      case 'ZEBRA_VNI_DEL':
        this.tables.delete(body.vni)
        return
      case 'ZEBRA_MACIP_ADD':
        if (body.ip === undefined) of?.macs.set(body.mac, { seq: body.seq, isProxy: isProxy(body) })
        else if (of !== undefined) setByIp(of.neighbors, body.ip, body.mac, { seq: body.seq, isProxy: isProxy(body) })
        return
      case 'ZEBRA_MACIP_DEL':
        if (body.ip === undefined) of?.macs.delete(body.mac)
        else if (of !== undefined) deleteByIp(of.neighbors, body.ip, body.mac)
        return
    }
  }

  /** bgpd's routes, after a message of zebra's or of the relay's. */
  toBgpd({ command, body }: ZebraMessage): void {
    const of = this.tables.get(body.vni)
    if (of === undefined) return
    if (command === 'ZEBRA_MACIP_ADD') {
      const { mac, ip, flags, seq, esi } = body
      if (ip === undefined) of.routes.set(mac, { flags, seq, esi })
      else setByIp(of.macIpRoutes, ip, mac, { flags, seq, esi })
    } else if (command === 'ZEBRA_MACIP_DEL' && body.state === NeighState.ACTIVE) {
      if (body.ip === undefined) of.routes.delete(body.mac)
      else deleteByIp(of.macIpRoutes, body.ip, body.mac)
    }
  }

  /** bgpd has sent the message, and zebra has received it. Returns it. */
  bgpd(message: BgpMessage): BgpMessage {
    const { command, body } = message
    if (command === 'ZEBRA_REMOTE_MACIP_ADD' || command === 'ZEBRA_REMOTE_MACIP_DEL') {
      const of = this.tables.get(body.vni)
      if (of === undefined) return message
      const { mac, ip } = body
      const remote =
        command === 'ZEBRA_REMOTE_MACIP_ADD' ? { vtep: body.vtep, seq: body.seq, flags: body.flags } : undefined
      if (ip !== undefined && remote !== undefined) of.remoteMacIps.set(ip, new Map([[mac, remote]]))
      else if (ip !== undefined) deleteByIp(of.remoteMacIps, ip, mac)
      else if (remote !== undefined) of.remoteMacs.set(mac, remote)
      else of.remoteMacs.delete(mac)
    }
    return message
  }

  /** zebra's own MAC-IPs. */
  ownMacIps(vni: number): Key[] {
    const { neighbors } = this.tables.get(vni) ?? emptyTables(vni)
    return [...eachByIp(neighbors)].map(({ mac, ip }) => ({ vni, mac, ip }))
  }
}

function emptyTables(vni: number): VniReading {
  return {
    vrf: 0,
    body: vniBody(vni),
    routes: new Map<string, Attributes>(),
    macIpRoutes: new Map(),
    macs: new Map(),
    neighbors: new Map(),
    remoteMacs: new Map<string, Remote>(),
    remoteMacIps: new Map(),
    vteps: new Set<string>(),
  }
}

function copyOf(tables: ReadonlyMap<number, VniReading>): Map<number, VniReading> {
  const byIp = <T>(from: Map<string, Map<string, T>>): Map<string, Map<string, T>> =>
    new Map([...from].map(([ip, byMac]) => [ip, new Map(byMac)]))
  return new Map(
    [...tables].map(([vni, of]) => [
      vni,
      {
        ...of,
        routes: new Map(of.routes),
        macIpRoutes: byIp(of.macIpRoutes),
        macs: new Map(of.macs),
        neighbors: byIp(of.neighbors),
        remoteMacs: new Map(of.remoteMacs),
        remoteMacIps: byIp(of.remoteMacIps),
        vteps: new Set(of.vteps),
      },
    ]),
  )
}
