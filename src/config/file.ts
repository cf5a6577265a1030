// The configuration file. What parses it is loaded only if it says anything: it takes more memory than all else in the keeper.
import { readFileSync } from 'node:fs'
import { errnoName, ExitCode, FatalError, reason } from '../base/exit.js'
import type { Config } from './parse.js'

export type { Config }

export const DEFAULT_CONFIG = '/etc/macipd/macipd.yaml'

/** Whether any line is neither a comment nor blank: in the file of the packages none is. */
const says = (source: string): boolean => source.split(/\r?\n/).some((line) => !/^[ \t]*(?:#.*)?$/.test(line))

/**
 * Reads the file at `explicit`, or the default one, which need not exist. Rejects with FatalError (usage) with messages of
 * the form `file:line:column: key: expected …`.
 */
export async function loadConfig(explicit: string | undefined, fallback = DEFAULT_CONFIG): Promise<Config> {
  const file = explicit ?? fallback
  let source: string
  try {
    source = readFileSync(file, 'utf8')
  } catch (error) {
    if (explicit === undefined && errnoName(error) === 'ENOENT') return {}
    throw new FatalError(ExitCode.usage, `configuration ${file} cannot be read: ${reason(error)}`, { cause: error })
  }
  if (!says(source)) return {}
  const { parseConfig } = await import('./parse.js')
  return parseConfig(source, file)
}
