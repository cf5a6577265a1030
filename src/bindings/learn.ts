// Makes the binding of an IP that has no owner, or has lost it.
import { countMove } from './duplicate.js'
import { type Binding, type Claim, type Key, newBinding } from './model.js'
import { makeRoom } from './quota.js'
import { claimRemote, reserveQuestions, settle, take } from './remote-claim.js'
import type { StepContext } from './step-context.js'

/** Binds an IP to the claiming host: an IP that had no binding, or one that `former` had until now. */
export function learn(context: StepContext, vni: number, ip: string, claim: Claim, former?: Binding): void {
  const { table, policy } = context
  const { mac, anchor, evidence, router, at } = claim
  const key: Key = { vni, mac, ip }
  const remoteOwner = table.views.competingRemote(key)
  // on a segment of this node the owner was asked through the tunnel as well
  const wasAsked = former?.phase === 'contested' && former.mac === remoteOwner?.mac && table.views.isOnSegment(former)
  const isAsked = remoteOwner !== undefined && !wasAsked && policy.probes === 'send'
  const askAt = isAsked ? reserveQuestions(context, key, anchor) : undefined
  if (isAsked && askAt === undefined) return
  const full = makeRoom(context, key, anchor.ifindex)
  if (full !== undefined) {
    context.refuse(full, key, anchor.port)
    return
  }
  const binding = newBinding({ vni, mac, ip, anchor, router, evidence, firstSeen: at, lastSeen: at })
  table.add(binding)
  if (former === undefined) context.emit('learned', binding, anchor.port, evidence)
  else context.emit('taken-over', binding, anchor.port, `${former.mac} ${former.anchor.port}`)
  if (former !== undefined) {
    binding.moves = former.moves
    // a move from another VTEP is counted when it is decided
    if ((remoteOwner === undefined || wasAsked) && countMove(context, binding)) return
  }
  if (remoteOwner !== undefined && askAt !== undefined) claimRemote(context, binding, remoteOwner.mac, askAt)
  else if (remoteOwner !== undefined && wasAsked) take(context, binding, remoteOwner.seq)
  else settle(context, binding)
}
