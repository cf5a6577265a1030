// Renders `macipctl check` for people: the verdict, each disagreement, and what could not be compared.
import type { Comparison, Disagreement } from './compare.js'
import { reasonWords } from '../explain/words.js'
import { clock, count, type Paint, printable } from '../text.js'

/** `missing` are the sources that do not answer, and how to get them. */
export type Checked = Comparison & { missing: { source: 'relay' | 'snooper' | 'fpm'; why: string; todo: string }[] }

/** So many disagreements are shown. */
const SHOWN = 50

export function renderCheck(
  { disagreements, agree, notComparable, missing }: Checked,
  now: number,
  paint: Paint,
): string {
  const blocks = [
    verdict(disagreements, missing.length > 0, paint),
    ...disagreements.slice(0, SHOWN).map((it) => renderDisagreement(it, now, paint)),
    disagreements.length > SHOWN ? [`and ${disagreements.length - SHOWN} more; --json shows all`] : [],
    missing.flatMap(({ why, todo }) => [paint('yellow', `- ${printable(why)}`), `    ${printable(todo)}`]),
    missing.length > 0 ? [] : comparedText(agree),
    missing.length > 0 ? [] : notComparableText(notComparable),
  ]
  const shown = blocks.filter((lines) => lines.length > 0)
  return `${shown.map((lines) => lines.join('\n')).join('\n\n')}\n`
}

function verdict(disagreements: readonly Disagreement[], incomplete: boolean, paint: Paint): string[] {
  if (disagreements.length > 0) return [paint('red', count(disagreements.length, 'disagreement'))]
  return [incomplete ? paint('yellow', 'NOT COMPARED: a source is missing') : paint('green', 'OK: ZAPI and FPM agree')]
}

function renderDisagreement(it: Disagreement, now: number, paint: Paint): string[] {
  const { vni, mac, fpm, bindings } = it
  const said = `FPM (${fpm.freshness}, said ${clock(fpm.since, now)})`
  const facts: [string, string][] = [...zapiFacts(it), [said, fpmText(it)]]
  for (const { ip, port, state, reason } of bindings)
    facts.push(['macipd', `${ip} on ${port || 'no port'}: ${state}, ${reasonWords(reason)}`])
  if (bindings.length === 0) facts.push(['macipd', 'has no binding of this MAC: there is nothing to announce'])
  const width = Math.max(...facts.map(([who]) => who.length))
  return [
    paint('red', printable(`! VNI ${vni} ${mac}: ${titleOf(it)}`)),
    ...facts.map(([who, what]) => `    ${printable(`${who.padEnd(width)}  ${what}`)}`),
    ...todoOf(it).map((text) => `  → ${printable(text)}`),
  ]
}

function titleOf(it: Disagreement): string {
  switch (it.kind) {
    case 'local-and-remote':
      return 'local and remote at once'
    case 'vtep':
      return 'behind two VTEPs'
    case 'host-route':
      return `${it.ip} is announced from here, and routed to another VTEP`
  }
}

function zapiFacts(it: Disagreement): [string, string][] {
  switch (it.kind) {
    case 'local-and-remote': {
      const { seq, remoteSeq } = it.zapi
      const remote = remoteSeq === null ? 'does not say that it is remote' : `remote, sequence number ${remoteSeq}`
      return [
        ['zebra (ZAPI)', `local, sequence number ${seq}`],
        ['bgpd (ZAPI)', remote],
      ]
    }
    case 'vtep':
      return [['bgpd (ZAPI)', `behind ${it.zapi.vteps.join(' and ')}, sequence number ${it.zapi.remoteSeq}`]]
    case 'host-route':
      return []
  }
}

function fpmText(it: Disagreement): string {
  if (it.kind !== 'host-route') return `behind ${it.fpm.vtep}`
  const { table, vrf, vni } = it.route
  const where = vrf === null ? `table ${table ?? '?'}` : `VRF ${vrf}`
  return `${it.ip} via ${it.fpm.vtep} in ${where}${vni === null ? '' : `, VNI ${vni}`}`
}

/** Says what to look at. */
function todoOf(it: Disagreement): string[] {
  const explain = `macipctl explain ${it.kind === 'host-route' ? it.ip : it.mac}`
  switch (it.kind) {
    case 'local-and-remote':
      return [
        `a loop, a spoofed MAC, or a move in progress: ${explain}; bridge fdb show | grep ${it.mac}; vtysh -c "show evpn mac vni ${it.vni} mac ${it.mac}"`,
      ]
    case 'vtep':
      return [
        `zebra has not followed bgpd, or is about to: macipctl fpm dump ${it.mac}; vtysh -c "show evpn mac vni ${it.vni} mac ${it.mac}"`,
      ]
    case 'host-route':
      return [
        `two hosts have one address, or it is moving: ${explain}; vtysh -c "show bgp l2vpn evpn route" — or the table is another tenant's, and both are right`,
      ]
  }
}

const comparedText = ({ macs, hostRoutes }: Comparison['agree']): string[] => [
  `Compared: ${count(macs, 'remote MAC')} said the same of by both, ${count(hostRoutes, 'announced IP')} that no host route leads away from`,
]

function notComparableText(not: Comparison['notComparable']): string[] {
  const reasons: [number, string][] = [
    [not.neverSaid, 'that FPM has not spoken of: zebra tells MACs only when they change, not again when it connects'],
    [not.stale, 'that FPM spoke of before the connection there is'],
    [not.superseded, 'that came here since they were programmed: zebra says local with a higher sequence number'],
    [not.unclear, 'whose VNI or VTEP FPM does not say (zebra before 9.0, Ethernet segments)'],
    [not.onlyFpm, 'that bgpd and zebra do not speak of'],
    [not.ambiguousRoutes, 'whose IP is in several VNIs'],
  ]
  const lines = reasons.filter(([number]) => number > 0).map(([number, why]) => `  ${number} ${why}`)
  return lines.length === 0 ? [] : ['Not compared, which proves nothing:', ...lines]
}
