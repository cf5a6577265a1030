import { fileURLToPath } from 'node:url'

/** Above dist/src/base or dist/programs/chunks; the root of the source tree, or of the installed program. */
const ROOT = new URL('../../../', import.meta.url)

/** Returns the path of a file of the program, from the root. */
export const programFile = (path: string): string => fileURLToPath(new URL(path, ROOT))
