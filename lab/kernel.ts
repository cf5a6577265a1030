// What `ip -j` and `bridge -j` show of a node's kernel.
import * as v from 'valibot'

const Fdb = v.array(
  v.pipe(
    v.object({
      mac: v.string(),
      ifname: v.string(),
      flags: v.optional(v.array(v.string()), []),
      master: v.optional(v.string()),
      /** `permanent` for a port's own address, `static`, or empty for what was learned. */
      state: v.optional(v.string(), ''),
      /** Address of the VTEP behind which it is. */
      dst: v.optional(v.string()),
    }),
    v.readonly(),
  ),
)
export type FdbEntry = v.InferOutput<typeof Fdb>[number]

const Neighbours = v.array(
  v.pipe(
    v.object({
      dst: v.string(),
      lladdr: v.optional(v.string()),
      /** NUD states: `REACHABLE`, `NOARP`, … */
      state: v.array(v.string()),
      protocol: v.optional(v.string()),
      router: v.optional(v.null()),
      extern_learn: v.optional(v.null()),
    }),
    // a flag that is set is there, with the value null
    v.transform(({ router, extern_learn, ...rest }) => ({
      router: router === null,
      externLearn: extern_learn === null,
      ...rest,
    })),
    v.readonly(),
  ),
)
export type Neighbour = v.InferOutput<typeof Neighbours>[number]

/** `bridge -j fdb show`. */
export const parseFdb = (json: unknown): FdbEntry[] => v.parse(Fdb, json)

/** `ip -j neigh show`. */
export const parseNeighbours = (json: unknown): Neighbour[] => v.parse(Neighbours, json)
