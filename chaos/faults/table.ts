// All faults by name.
import type { Fault } from './fault.js'
import { FILE_FAULTS } from './files.js'
import { LIMIT_FAULTS } from './limits.js'
import { PROCESS_FAULTS } from './processes.js'

export const FAULTS: ReadonlyMap<string, Fault> = new Map(
  Object.entries<Fault>({ ...PROCESS_FAULTS, ...FILE_FAULTS, ...LIMIT_FAULTS }),
)

/** What ends one process, and is done again and again with `--kills`. */
export const KILLS = ['worker-kill', 'snooper-kill', 'unit-kill', 'relay-kill', 'bgpd-kill', 'zebra-kill'] as const
