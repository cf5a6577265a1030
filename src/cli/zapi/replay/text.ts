// Renders the acts of a replay as lines for people, and as JSON.
import { REASONS } from '../../../bindings/state.js'
import type { ZebraMessage } from '../../../zapi/evpn-codec.js'
import type { Act, Cause, Timed } from '../../../relay/replay.js'
import type { Difference } from './check.js'
import { macIpOf } from './macip.js'
import { type Paint, printable, type Style } from '../../text.js'

const CAUSES = {
  removed: 'no entry any more',
  'lost-by-zebra': 'of an earlier session, and zebra has not announced it again',
} as const

const meaning = (cause: Cause): string =>
  cause in CAUSES ? CAUSES[cause as keyof typeof CAUSES] : REASONS[cause as keyof typeof REASONS].meaning

const STYLES: Readonly<Record<Act['type'], Style>> = {
  session: 'bold',
  end: 'bold',
  inject: 'green',
  drop: 'yellow',
  status: 'dim',
  fault: 'red',
}

/** Returns one line; undefined if other lines say the same already. `start` is the time of the first record. */
export function actLine(act: Timed<Act>, start: number, paint: Paint): string | undefined {
  const text = actText(act)
  if (text === undefined) return undefined
  const seconds = `+${((act.time - start) / 1000).toFixed(3)}`.padStart(10)
  return `${seconds}  ${paint(STYLES[act.type], `${act.type.padEnd(7)}  ${printable(text)}`)}\n`
}

function actText(act: Act): string | undefined {
  switch (act.type) {
    case 'session': {
      const release = act.release === '' ? act.releaseReason : `FRR ${act.release} (${act.releaseReason})`
      return `${act.session} ${act.kind}, ${act.client}: ${release}`
    }
    case 'end':
      return `${act.session}: the main session is over`
    case 'inject': {
      const { cause } = act
      return `${macIpText(act.message)}${cause === undefined ? '' : `: ${meaning(cause)}`}`
    }
    case 'drop':
      return `${macIpText(act.message)}: ${act.message.command === 'ZEBRA_MACIP_ADD' ? 'bgpd has it from us' : 'ours stays'}`
    case 'status': {
      // the line of the injection says so
      if (act.status === 'announced') return undefined
      return `${keyText({ ...act.key })}  ${act.status}: ${REASONS[act.status].meaning}`
    }
    case 'fault':
      return `${act.session}: ${act.fault}`
  }
}

function macIpText(message: ZebraMessage): string {
  const it = macIpOf(message)
  return `${keyText(it)}  ${it.what}`
}

const keyText = ({ vni, mac, ip }: { vni: number; mac: string; ip: string | null }): string =>
  `${vni} ${mac} ${(ip ?? '-').padEnd(15)}`

/** Returns one object: `time` is in milliseconds since the epoch, `offset` in milliseconds since the first record. */
export function actJson(act: Timed<Act>, start: number): string {
  const { type, time } = act
  return jsonLine({ time, offset: time - start, action: type, ...actFields(act) })
}

function actFields(act: Act): Record<string, unknown> {
  switch (act.type) {
    case 'session': {
      const { session, kind, client, release, releaseReason } = act
      return { session, kind, client, release, releaseReason }
    }
    case 'end':
      return { session: act.session }
    case 'inject':
      return { ...macIpFields(act.message), cause: act.cause ?? null }
    case 'drop':
      return macIpFields(act.message)
    case 'status': {
      const { vni, mac, ip } = act.key
      return { vni, mac, ip, status: act.status, seq: act.seq }
    }
    case 'fault':
      return { session: act.session, fault: act.fault }
  }
}

function macIpFields(message: ZebraMessage): Record<string, unknown> {
  const { vni, mac, ip, fields } = macIpOf(message)
  return { vni, mac, ip, ...fields }
}

export function differenceLine(difference: Difference, paint: Paint): string {
  const { recorded, replayed } = difference
  const list = (steps: readonly string[]): string => (steps.length === 0 ? 'nothing' : steps.join(', '))
  const text = `${keyText(difference)}  recorded: ${list(recorded)}; replayed: ${list(replayed)}`
  return `${paint('red', `differs  ${text}`)}\n`
}

export const differenceJson = (difference: Difference): string => jsonLine({ action: 'difference', ...difference })

const jsonLine = (value: unknown): string => `${JSON.stringify(value)}\n`
