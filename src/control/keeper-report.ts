// What the relay's keeper says of itself on its socket: one line of JSON, to everyone who connects. Nothing is asked, so
// that nothing that a client sends can trouble the keeper.
import * as v from 'valibot'

/**
 * Of the worker: it reads its journal; it is lent the connections; it serves; it does not answer and is killed; it has
 * ended, or none was started yet.
 */
export const WORKER_STATES = ['starting', 'recovered', 'serving', 'hung', 'gone'] as const
export type WorkerState = (typeof WORKER_STATES)[number]

const schema = v.object({
  version: v.string(),
  pid: v.number(),
  /** Start of the keeper; all times are milliseconds since the epoch. */
  since: v.number(),
  /** Connections of bgpd that it holds. */
  connections: v.number(),
  /** Path of the socket that bgpd connects to. */
  listen: v.string(),
  /** Path of zebra's socket. */
  zebra: v.string(),
  runDir: v.string(),
  worker: v.object({
    state: v.picklist(WORKER_STATES),
    pid: v.nullable(v.number()),
    /** How many workers were started. */
    starts: v.number(),
    /** Of the worker before: how it ended. */
    lastEnd: v.nullable(v.object({ why: v.string(), time: v.number() })),
  }),
  /** Why the keeper forwards the bytes itself, unseen; null while it does not. */
  plain: v.nullable(v.string()),
  /** No other relay has locked the run directory. */
  isAlone: v.boolean(),
  /** There is no room for a journal. An older keeper does not say. */
  runDirFull: v.optional(v.boolean(), false),
  /** How many more descriptors the keeper may open; null if there is no limit. An older keeper does not say. */
  descriptorsLeft: v.optional(v.nullable(v.number()), null),
})

export type KeeperReport = v.InferOutput<typeof schema>

/** Throws an error that says what is wrong with the line. */
export function parseKeeperReport(line: string): KeeperReport {
  const result = v.safeParse(schema, JSON.parse(line))
  if (result.success) return result.output
  const [issue] = result.issues
  throw new Error(`${v.getDotPath(issue) ?? 'all'}: ${issue.message}`)
}
