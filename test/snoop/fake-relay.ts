// A relay that is only its control socket: keeps the overlay, writes down what it is told, says what a test lets it say.
import type { TestContext } from 'node:test'
import { formatIp, formatMac, parseIp, parseMac } from '../../src/base/address.js'
import { type ControlClient, ControlServer } from '../../src/control/server.js'
import { overlay as proto } from '../../src/gen/overlay.js'
import { Awaited, silent } from '../support.js'

type Key = { vni: number; mac: string; ip: string }

export const keyOf = ({ vni, mac, ip }: Key): proto.Key.$Properties => ({
  vni,
  mac: parseMac(mac) ?? Buffer.alloc(0),
  ip: parseIp(ip) ?? Buffer.alloc(0),
})

const textOf = (key: proto.Key.$Properties | null | undefined): string =>
  key?.mac == null || key.ip == null ? '?' : `${key.vni ?? 0} ${formatMac(Buffer.from(key.mac))} ${formatIp(key.ip)}`

export class FakeRelay extends Awaited {
  /** What it was told, one line each: `own NAME`, `put VNI MAC IP`, `remove VNI MAC IP`, `reconciled`. */
  readonly told: string[] = []
  readonly overlay = new Map<string, proto.Entry.$Properties>()
  /** Sent to a new owner before the overlay is handed back, and to who asks. */
  views: proto.ViewChange.$Properties[] = []
  status: proto.RelayStatus.$Properties = { version: '0.1.0' }
  /** It takes its time to hand everything back: nobody is told `synced` until `say({ synced: {} })`. */
  slow = false
  /** What it reports of every entry put. */
  entryStatus = proto.EntryStatus.ANNOUNCED
  private server: ControlServer<proto.ToRelay, proto.FromRelay.$Properties> | undefined
  private owner: ControlClient<proto.FromRelay.$Properties> | undefined

  static async listen(t: TestContext, path: string): Promise<FakeRelay> {
    const relay = new FakeRelay()
    await relay.listen(path)
    t.after(() => relay.close())
    return relay
  }

  async listen(path: string): Promise<void> {
    this.server = await ControlServer.listen<proto.ToRelay, proto.FromRelay.$Properties>({
      path,
      decode: (bytes) => proto.ToRelay.decode(bytes),
      encode: (message) => proto.FromRelay.encode(message).finish(),
      log: silent,
      onClient: (client) => ({
        onMessage: (message) => {
          this.receive(client, message)
          this.changed()
        },
        onClose: () => {
          if (this.owner === client) this.owner = undefined
          this.changed()
        },
      }),
    })
  }

  async close(): Promise<void> {
    await this.server?.close()
    this.server = undefined
  }

  get owned(): boolean {
    return this.owner !== undefined
  }

  /** To the owner. */
  say(message: proto.FromRelay.$Properties): void {
    this.owner?.send(message)
  }

  hold(key: Key, more: proto.Entry.$Properties = {}): void {
    const entry = { key: keyOf(key), ...more }
    this.overlay.set(textOf(entry.key), entry)
  }

  private receive(client: ControlClient<proto.FromRelay.$Properties>, message: proto.ToRelay): void {
    if (message.own != null) {
      this.told.push('own')
      this.owner = client
      this.say({ views: { reset: true, changes: this.views } })
      this.handBack(client)
    } else if (message.put != null) {
      for (const entry of message.put.entries ?? []) {
        this.told.push(`put ${textOf(entry.key)}`)
        this.overlay.set(textOf(entry.key), entry)
        this.say({ states: { states: [{ key: entry.key ?? null, status: this.entryStatus, seq: 7 }] } })
      }
    } else if (message.remove != null) {
      for (const key of message.remove.keys ?? []) {
        this.told.push(`remove ${textOf(key)}`)
        this.overlay.delete(textOf(key))
      }
    } else if (message.reconciled != null) {
      this.told.push('reconciled')
    } else if (message.getStatus != null) {
      client.send({ status: this.status })
    } else if (message.getOverlay != null) {
      this.handBack(client)
    } else if (message.getViews != null) {
      client.send({ views: { reset: true, changes: this.views } })
      client.send({ synced: {} })
    }
  }

  private handBack(client: ControlClient<proto.FromRelay.$Properties>): void {
    const entries = [...this.overlay.values()]
    const states = entries.map(({ key }) => ({ key: key ?? null, status: this.entryStatus, seq: 7 }))
    client.send({ handedBack: { entries } })
    client.send({ states: { states } })
    if (!this.slow) client.send({ synced: {} })
  }
}
