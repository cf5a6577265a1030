// What else sees or drops the frames of a port: the TCX programs and tc filters before and after ours, in their order.
// Pure.
import type { TcFilter } from '../../rtnetlink/filter.js'
import type { ChainedProgram } from '../bpf/native.js'

export type Chain = {
  /** Whether our program is in the chain at all: it may have been removed with its qdisc. */
  isPresent: boolean
  /** What sees a frame before our program, and may keep it from it. */
  ahead: readonly string[]
  /** What sees a frame after our program, and may drop it. */
  behind: readonly string[]
}

/** The handle of our own filter: see native/attach.c. */
const OUR_HANDLE = 0x6d616370
/** Ethertypes of filters that see ARP or ND: all frames, ARP, IPv6, and VLAN tags. */
const PROTOCOLS = new Set([0x0003, 0x0806, 0x86dd, 0x8100, 0x88a8])

/** TCX programs come before all filters of qdiscs (net/core/dev.c sch_handle_ingress). */
export function chainOf(programs: readonly ChainedProgram[], filters: readonly TcFilter[]): Chain {
  const steps = [
    ...programs.map(({ id, name, ours }) => ({ ours, text: named(`TCX program ${id}`, name) })),
    ...filters
      .filter(({ protocol }) => PROTOCOLS.has(protocol))
      .map(({ handle, kind, priority, name }) => ({
        ours: kind === 'bpf' && handle === OUR_HANDLE,
        text: named(`tc filter ${kind}, pref ${priority}`, name),
      })),
  ]
  const ours = steps.findIndex((step) => step.ours)
  const texts = (some: typeof steps): string[] => [
    ...new Set(some.filter((step) => !step.ours).map(({ text }) => text)),
  ]
  if (ours === -1) return { isPresent: false, ahead: texts(steps), behind: [] }
  return { isPresent: true, ahead: texts(steps.slice(0, ours)), behind: texts(steps.slice(ours + 1)) }
}

const named = (what: string, name: string): string => (name === '' ? what : `${what} (${name})`)
