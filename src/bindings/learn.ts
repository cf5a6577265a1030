// Makes the binding of an IP that has no owner, or has lost it.
import { countMove } from './duplicate.js'
import { type Binding, type Claim, type Key, newBinding } from './model.js'
import { makeRoom } from './quota.js'
import { scheduleRefresh } from './refresh.js'
import type { StepContext } from './step-context.js'

/** Binds an IP to the claiming host: an IP that had no binding, or one that `former` had until now. */
export function learn(context: StepContext, vni: number, ip: string, claim: Claim, former?: Binding): void {
  const { table } = context
  const { mac, anchor, evidence, router, at } = claim
  const key: Key = { vni, mac, ip }
  const full = makeRoom(context, key, anchor.ifindex)
  if (full !== undefined) {
    context.refuse(full, key, anchor.port)
    return
  }
  const competingRemote = table.views.competingRemote(key)
  const minSeq = competingRemote === undefined ? 0 : competingRemote.seq + 1
  const binding = newBinding({ vni, mac, ip, anchor, router, evidence, firstSeen: at, lastSeen: at }, { minSeq })
  table.add(binding)
  if (former === undefined) context.emit('learned', binding, anchor.port, evidence)
  else context.emit('taken-over', binding, anchor.port, `${former.mac} ${former.anchor.port}`)
  if (former !== undefined) binding.moves = former.moves
  if ((former !== undefined || competingRemote !== undefined) && countMove(context, binding)) return
  scheduleRefresh(context, binding)
  context.put(binding)
}
