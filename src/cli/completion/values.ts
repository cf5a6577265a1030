// Asks the daemons for values while a person waits at the shell: for a moment only, and without a word on failure.
import { askBindings, askSnooper, askViews } from '../queries.js'
import { type Common, sockets } from '../options.js'
import type { BindingReport } from '../report.js'
import type { ViewsReport } from '../show/report.js'
import { type Live, select } from './live.js'

/** A person takes what comes later for a shell that hangs. */
const TIMEOUT_MS = 200

/** Options of a command line that say where the daemons are. */
const WHERE: Readonly<Record<string, 'relay' | 'snoop' | 'config' | 'pathspace'>> = {
  '--relay': 'relay',
  '--snoop': 'snoop',
  '--config': 'config',
  '--pathspace': 'pathspace',
  '-N': 'pathspace',
}

/** Finds the options that say where the daemons are, in a line that need not be complete. */
export function whereIn(words: readonly string[]): Common {
  const given: Common = {}
  for (const [index, word] of words.entries()) {
    const [flag = '', value = words[index + 1]] = word.startsWith('--') ? word.split(/=(.*)/s, 2) : [word]
    const name = Object.hasOwn(WHERE, flag) ? WHERE[flag] : undefined
    if (name !== undefined && value !== undefined && value !== '') given[name] = value
  }
  return given
}

/** Resolves with the values that begin with `prefix`: those that were said until the time was over. */
export async function liveValues(
  what: Live,
  prefix: string,
  words: readonly string[],
  timeoutMs = TIMEOUT_MS,
): Promise<string[]> {
  const bindings: BindingReport[] = []
  const views: ViewsReport = { vnis: [], macs: [], remote: [], synced: [], vteps: [] }
  const { relay, snoop } = await sockets(whereIn(words))
  const [status] = await Promise.all([
    what === 'port' ? askSnooper(snoop, timeoutMs) : undefined,
    askBindings(snoop, timeoutMs, bindings),
    askViews(relay, timeoutMs, views),
  ])
  const ports = status?.running === true ? status.ports.map(({ name }) => name) : []
  return select(what, { bindings, views, ports }, prefix)
}
