// The programs, as they are packaged: bundled, they start in half the time. A report of coverage knows the others.
import { join } from 'node:path'
import { ROOT } from './frr.js'

const directory = process.env['NODE_V8_COVERAGE'] === undefined ? 'dist/programs/bin' : 'dist/src/bin'

export const MACIPD = join(ROOT, directory, 'macipd.js')
export const MACIPCTL = join(ROOT, directory, 'macipctl.js')
