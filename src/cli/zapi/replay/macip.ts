// Puts a MACIP message in short, as a replay shows and compares it.
import type { ZebraMessage } from '../../../zapi/evpn-codec.js'
import { NeighState } from '../../../zapi/messages/macip.js'
import { esiText, flagNames } from '../../show/report.js'

type MacIp = {
  vni: number
  mac: string
  /** It is null for the MAC alone. */
  ip: string | null
  /** The message in short: `ADD seq 1`, `DEL`. */
  what: string
  /** The same as JSON. */
  fields: Record<string, unknown>
}

/** Returns what a MACIP message says. Throws for other messages, which are neither injected nor dropped. */
export function macIpOf({ command, body }: ZebraMessage): MacIp {
  switch (command) {
    case 'ZEBRA_MACIP_ADD': {
      const { vni, mac, seq } = body
      const [flags, esi] = [flagNames(body.flags), esiText(body.esi)]
      const more = [...flags, ...(esi === null ? [] : [`esi ${esi}`])]
      const what = [`ADD seq ${seq}`, ...more].join(' ')
      return { vni, mac, ip: body.ip ?? null, what, fields: { command, seq, flags, esi } }
    }
    case 'ZEBRA_MACIP_DEL': {
      const { vni, mac, state } = body
      const what = state === NeighState.ACTIVE ? 'DEL' : `DEL state ${state}`
      return { vni, mac, ip: body.ip ?? null, what, fields: { command, state } }
    }
    case 'ZEBRA_VNI_ADD':
    case 'ZEBRA_VNI_DEL':
      throw new TypeError(`${command} is no MACIP message`)
  }
}
