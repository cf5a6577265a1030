// The overlay between a zebra and a bgpd, both played by the test, and the messages that they say.
import assert from 'node:assert/strict'
import { Overlay } from '../../src/relay/overlay/overlay.js'
import type { Entry } from '../../src/bindings/model.js'
import type { Injection } from '../../src/relay/overlay/entry.js'
import { Views, viewMessages } from '../../src/relay/overlay/views.js'
import { type BgpMessage, type ZebraMessage, isFromBgpd } from '../../src/zapi/evpn-codec.js'

export const ESI = Buffer.alloc(10)
export const SEGMENT = Buffer.from('034438390000ff000001', 'hex')
/** zebra repeats what another node of the segment says. */
export const PROXY = 0x20
export const M1 = 'bc:24:11:00:00:01'
export const M2 = 'bc:24:11:00:00:02'
export const IP = '10.2.1.11'

export const entry = (mac: string, ip: string, more: Partial<Entry> = {}): Entry => {
  const seen = { port: 'tap1', vlan: 0, firstSeen: 1, lastSeen: 2 }
  return { ...seen, vni: 100, mac, ip, router: false, minSeq: 0, observe: false, ...more }
}
export const vniAdd: ZebraMessage = {
  command: 'ZEBRA_VNI_ADD',
  vrf: 0,
  body: {
    vni: 100,
    vtep: '192.0.2.3',
    tenantVrf: 0,
    multicastGroup: '0.0.0.0',
    sviIfindex: 0,
  },
}
export const vniDel: ZebraMessage = { command: 'ZEBRA_VNI_DEL', vrf: 0, body: { vni: 100 } }
export const add = (mac: string, ip?: string, seq = 0, flags = 0, esi = ESI): ZebraMessage => {
  return { command: 'ZEBRA_MACIP_ADD', vrf: 0, body: { vni: 100, mac, ip, flags, seq, esi } }
}
export const del = (mac: string, ip?: string, state = 1): ZebraMessage => {
  return { command: 'ZEBRA_MACIP_DEL', vrf: 0, body: { vni: 100, mac, ip, state } }
}
export const remoteAdd = (mac: string, ip?: string, seq = 0, { vtep = '192.0.2.2', flags = 0 } = {}): BgpMessage => {
  return { command: 'ZEBRA_REMOTE_MACIP_ADD', vrf: 0, body: { vni: 100, mac, ip, vtep, flags, seq, esi: ESI } }
}
export const remoteDel = (mac: string, ip?: string): BgpMessage => {
  return { command: 'ZEBRA_REMOTE_MACIP_DEL', vrf: 0, body: { vni: 100, mac, ip, vtep: '192.0.2.2' } }
}

/** The relay between a zebra and a bgpd, both played by the test; `log` is what bgpd is told, in order. */
export class Rig {
  views = new Views()
  overlay = new Overlay(this.views)
  readonly log: string[] = []
  /** What a successor is told of the past. */
  private journal: ((overlay: Overlay) => void)[] = []

  constructor() {
    this.overlay.setGate('open')
  }

  /** Another overlay takes over, from the journal or from one that was written anew. */
  die(compacted: boolean): this {
    if (compacted) this.journal = this.snapshot()
    this.views = new Views()
    this.overlay = new Overlay(this.views)
    for (const record of this.journal) record(this.overlay)
    this.overlay.setGate('open')
    return this.inject()
  }

  private snapshot(): Rig['journal'] {
    const { overlay, views } = this
    return [
      ...[...overlay.entries()].map((each) => (to: Overlay) => {
        to.put(each.entry)
      }),
      ...[...overlay.heldMinSequences()].map((floor) => (to: Overlay) => {
        to.onMinSequence(floor)
      }),
      ...[...viewMessages(views)].map((message) => {
        if (isFromBgpd(message))
          return (to: Overlay) => {
            to.onBgpd(message)
          }
        const held = overlay.isDropped(message)
        return (to: Overlay) => {
          to.onRecorded(message, held)
        }
      }),
      ...[...overlay.injected()].map((message) => (to: Overlay) => {
        to.onInjected(message)
      }),
    ]
  }

  loseSession(): this {
    this.journal.push((to) => {
      to.onSessionLost()
    })
    this.overlay.onSessionLost()
    this.inject()
    this.overlay.setGate('open')
    return this
  }

  zebra(...messages: ZebraMessage[]): this {
    for (const message of messages) {
      let verdict = this.overlay.onZebra(message)
      for (let tries = 0; verdict === 'defer'; tries++) {
        assert.ok(tries < 3, 'a frame stays cut')
        this.inject()
        verdict = this.overlay.onZebra(message)
      }
      this.journal.push((to) => {
        to.onRecorded(message, verdict === 'drop')
      })
      if (verdict === 'pass') this.log.push(`zebra ${words(message)}`)
      this.inject()
    }
    return this
  }

  /** A message of zebra that is held back by a process that does no more. */
  holdOnly(message: ZebraMessage): void {
    assert.equal(this.overlay.onZebra(message), 'drop')
    this.journal.push((to) => {
      to.onRecorded(message, true)
    })
  }

  bgpd(...messages: BgpMessage[]): this {
    for (const message of messages) {
      this.journal.push((to) => {
        to.onBgpd(message)
      })
      this.overlay.onBgpd(message)
    }
    return this.inject()
  }

  put(...entries: Entry[]): this {
    for (const one of entries) {
      this.journal.push((to) => {
        to.put(one)
      })
      this.overlay.put(one)
    }
    return this.inject()
  }

  remove(mac: string, ip: string): this {
    this.journal.push((to) => {
      to.remove({ vni: 100, mac, ip })
    })
    this.overlay.remove({ vni: 100, mac, ip })
    return this.inject()
  }

  inject(): this {
    while (this.overlay.pending) {
      for (const message of this.overlay.next(4)) {
        this.journal.push((to) => {
          to.onInjected(message)
        })
        this.log.push(`us ${words(message)}`)
      }
    }
    return this
  }

  told(): string[] {
    return this.log.splice(0)
  }

  status(mac = M1, ip = IP): string | undefined {
    for (const { entry: found, report } of this.overlay.entries())
      if (found.mac === mac && found.ip === ip) return report.status
    return undefined
  }
}

export function words(message: ZebraMessage | Injection): string {
  switch (message.command) {
    case 'ZEBRA_MACIP_ADD': {
      const { mac, ip, seq, flags, esi } = message.body
      const more = `${flags === 0 ? '' : ` flags ${flags}`}${esi.equals(ESI) ? '' : ' segment'}`
      return `ADD ${mac.slice(-1)} ${ip ?? '-'} seq ${seq}${more}`
    }
    case 'ZEBRA_MACIP_DEL':
      return `DEL ${message.body.mac.slice(-1)} ${message.body.ip ?? '-'}`
    case 'ZEBRA_VNI_ADD':
    case 'ZEBRA_VNI_DEL':
      return message.command.slice('ZEBRA_'.length)
  }
}

export const ready = (): Rig => {
  const rig = new Rig().zebra(vniAdd, add(M1)).put(entry(M1, IP))
  rig.told()
  return rig
}
