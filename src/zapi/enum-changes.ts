// C enumerations whose numbers differ between releases of FRR: one list, and what later releases changed in it.

/** One change of an enumeration. `after` and `name` are names that the list has when the change is applied. */
export type EnumChange<Name extends string = string> =
  | { readonly change: 'insert'; readonly after: Name; readonly names: readonly Name[] }
  | { readonly change: 'remove'; readonly name: Name }
  | { readonly change: 'rename'; readonly name: Name; readonly to: Name }

/** The list after these changes, made in their order. Throws RangeError when a change refers to a name it does not have. */
export function applyChanges<Name extends string>(
  names: readonly Name[],
  changes: readonly EnumChange<Name>[],
): readonly Name[] {
  return changes.reduce(applyChange, names)
}

function applyChange<Name extends string>(names: readonly Name[], change: EnumChange<Name>): readonly Name[] {
  switch (change.change) {
    case 'insert':
      return names.toSpliced(indexOf(names, change.after) + 1, 0, ...change.names)
    case 'remove':
      return names.toSpliced(indexOf(names, change.name), 1)
    case 'rename':
      return names.with(indexOf(names, change.name), change.to)
  }
}

function indexOf<Name extends string>(names: readonly Name[], name: Name): number {
  const index = names.indexOf(name)
  if (index < 0) throw new RangeError(`the enumeration has no ${name}`)
  return index
}
