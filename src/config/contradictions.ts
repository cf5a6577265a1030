// Values of a section that are right by themselves and cannot be so together.
import * as v from 'valibot'

/** `keys` lead from the section to what is wrong; `message` says all. */
export type Contradiction = { readonly keys: readonly [string, ...(string | number)[]]; readonly message: string }

/** A check for a section whose values are all of their types. */
export const noContradictions = <Section>(find: (section: Section) => Iterable<Contradiction>) =>
  v.rawCheck<Section>(({ dataset, addIssue }) => {
    if (!dataset.typed) return
    for (const { keys, message } of find(dataset.value)) addIssue({ message, path: pathOf(keys) })
  })

function pathOf([first, ...others]: Contradiction['keys']): [v.IssuePathItem, ...v.IssuePathItem[]] {
  const item = (key: string | number): v.IssuePathItem => ({
    type: 'unknown',
    origin: 'value',
    input: undefined,
    key,
    value: undefined,
  })
  return [item(first), ...others.map(item)]
}
