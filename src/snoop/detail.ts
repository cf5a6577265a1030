// Details of one binding for operators, beyond its state: what the core will do next, and why.
import type { Binding } from '../bindings/model.js'
import type { Table } from '../bindings/table.js'
import type { BindingDetail } from './control.js'

export function detailOf(binding: Binding, { timers }: Table): BindingDetail {
  const { timer, tries, claim, moves, confirmed, isStatic, minSeq, phase } = binding
  const at = timers.at(binding)
  return {
    timer: timer === undefined || at === undefined ? undefined : { what: timer, at },
    tries,
    claim: claim && {
      mac: claim.mac,
      port: claim.anchor.port,
      vlan: claim.anchor.vlan,
      evidence: claim.evidence,
      at: claim.at,
    },
    moves,
    frozenUntil: phase === 'duplicate' ? at : undefined,
    confirmed,
    isStatic,
    minSeq,
  }
}
