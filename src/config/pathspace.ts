// FRR's path spaces (-N): each has directories of its own.

/** Checks a pathspace of FRR's option -N, which is a directory name. */
export const isPathspace = (name: string): boolean => /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(name)
export const PATHSPACE_EXPECTED = "a name of letters, digits, '_', '-' and '.', as FRR's -N takes it"
