// A port has another name: what is there says so, to the relay and to people, before its hosts speak again.
import type { Input } from './input.js'
import type { StepContext } from './step-context.js'

export function onPortRenamed(context: StepContext, { ifindex, port }: Extract<Input, { type: 'port-renamed' }>): void {
  const { table } = context
  for (const binding of table.onPort(ifindex)) {
    binding.anchor = { ...binding.anchor, port }
    context.put(binding)
  }
  for (const owner of table.contested) {
    const { claim } = owner
    if (claim?.anchor.ifindex === ifindex) owner.claim = { ...claim, anchor: { ...claim.anchor, port } }
  }
}
