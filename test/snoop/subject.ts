// What the control socket is asked about, as the tests make it up.
import type { BindingDetail, ClearRequest, PolicyValues, Subject } from '../../src/snoop/control.js'
import { History } from '../../src/snoop/history.js'
import { Table } from '../../src/bindings/table.js'

export const DETAIL: BindingDetail = {
  timer: undefined,
  tries: 0,
  claim: undefined,
  moves: [],
  frozenUntil: undefined,
  confirmed: true,
  isStatic: false,
  minSeq: 0,
}

export const POLICY: PolicyValues = {
  ageMs: 1800_000,
  observe: false,
  probes: 'send',
  duplicates: { moves: 5, windowMs: 180_000, holdDownMs: 540_000, confirmMs: 3000 },
  limits: { perMac: { ipv4: 8, ipv6: 16 }, perPort: { ipv4: 64, ipv6: 128 }, perVni: 16_000, total: 100_000 },
}

/** `cleared`: what it was asked to clear. */
export function subject(changes: Partial<Subject> = {}): Subject & { cleared: ClearRequest[] } {
  const cleared: ClearRequest[] = []
  return {
    table: new Table(),
    history: new History(),
    policy: POLICY,
    clear: (request) => cleared.push(request),
    explain: () => DETAIL,
    fpm: () => undefined,
    underlay: () => undefined,
    cleared,
    ...changes,
  }
}
