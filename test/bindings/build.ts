// Events as the tests write them: only what matters is named.
import assert from 'node:assert/strict'
import type { Entry, Evidence, Key } from '../../src/bindings/model.js'
import { DEFAULT_POLICY, type Policy } from '../../src/bindings/policy.js'
import { reasonOf, type Reason, type State, stateOf } from '../../src/bindings/state.js'
import type { Input } from '../../src/bindings/input.js'
import { type Action, step } from '../../src/bindings/step.js'
import { Table } from '../../src/bindings/table.js'
import type { Status } from '../../src/bindings/model.js'

export const VM1 = 'bc:24:11:00:00:01'
export const VM2 = 'bc:24:11:00:00:02'
export const VM3 = 'bc:24:11:00:00:03'
export const TAP1 = { ifindex: 11, port: 'tap1', vlan: 0, ageingMs: 300_000 }
export const TAP2 = { ifindex: 12, port: 'tap2', vlan: 0, ageingMs: 300_000 }
export const TAP3 = { ifindex: 13, port: 'tap3', vlan: 0, ageingMs: 300_000 }
export const KEY1: Key = { vni: 100, mac: VM1, ip: '10.0.0.1' }
export const KEY2: Key = { ...KEY1, mac: VM2 }

/** Owners have three seconds, so that the times in the tests are whole seconds. */
export const DUPLICATES = { ...DEFAULT_POLICY.duplicates, confirmMs: 3000 }

/** Of a frame that is handed over when it comes. */
const AT_ONCE = Infinity

export const evidence = (changes: Partial<Evidence>): Input => ({
  type: 'evidence',
  evidence: {
    kind: 'arp-request',
    mac: VM1,
    etherSource: changes.mac ?? VM1,
    ip: '10.0.0.1',
    router: false,
    override: false,
    anchor: TAP1,
    vni: 100,
    selfMatch: undefined,
    fdbPort: undefined,
    bridgeRefusal: undefined,
    at: AT_ONCE,
    ...changes,
  },
})

/** The other VM, behind the other port, says that it has the address. */
export const claim = (changes: Partial<Evidence> = {}): Input => evidence({ mac: VM2, anchor: TAP2, ...changes })

export const restored = (changes: Partial<Entry>, now: Partial<Extract<Input, { type: 'restored' }>> = {}): Input => ({
  type: 'restored',
  from: 'relay',
  entry: {
    ...{ vni: 100, mac: VM1, ip: '10.0.0.1', router: false, port: 'tap1', vlan: 0, firstSeen: 0, lastSeen: 0 },
    ...{ minSeq: 0, observe: false },
    ...changes,
  },
  anchor: TAP1,
  vni: changes.vni ?? 100,
  selfMatch: undefined,
  ...now,
})

export const gateway = (by: 'zebra' | 'bgpd', mac: string, ip: string, gone = false): Input => ({
  type: 'view',
  change: { type: 'macip', by, vni: 100, mac, ip, gone, flags: 0x02, seq: 0 },
})

/** bgpd has a route to another VTEP for the MAC, or the MAC with the IP. */
export const remote = (mac: string, ip: string | undefined, seq = 0, gone = false, flags = 0): Input => ({
  type: 'view',
  change: { type: 'macip', by: 'bgpd', vni: 100, mac, ip, gone, flags, seq },
})

export const report = (status: Status, key: Key = KEY1): Input => ({ type: 'report', key, status, seq: 0 })

export type Driven = {
  readonly table: Table
  readonly policy: Policy
  /** Moves the clock to `at`, and says what one event does. */
  readonly send: (event: Input, at?: number) => string[]
  /** Lets time pass: every timer comes when it is due. Each line with its time in seconds. */
  readonly wait: (until: number) => string[]
  /** Connects the relay. */
  readonly connect: () => void
  /** State and reason of a binding. */
  readonly seen: (key?: Key) => { state: State; reason: Reason } | undefined
  /** Names of what happened, in order. */
  readonly noted: string[]
}

/** A table driven by events; `at` is the clock. What the eBPF program is told and what is only noted is left out. */
export function driven(changes: Partial<Policy> = {}): Driven {
  const table = new Table()
  const policy = { ...DEFAULT_POLICY, duplicates: DUPLICATES, ...changes }
  const noted: string[] = []
  let now = 0
  const send = (event: Input, at = now): string[] => {
    now = at
    const actions = step(table, event, policy, at)
    for (const action of actions) if (action.type === 'event') noted.push(action.event.event)
    return actions.filter(({ type }) => type !== 'event' && type !== 'forget' && type !== 'remember').map(show)
  }
  const wait = (until: number): string[] => {
    const lines: string[] = []
    for (let rounds = 0; (table.timers.next() ?? Infinity) <= until; rounds++) {
      assert.ok(rounds < 100_000, 'time does not pass')
      const at = Math.max(now, table.timers.next() ?? 0)
      for (const line of send({ type: 'tick' }, at)) lines.push(`${Math.round(at / 1000)}s ${line}`)
    }
    now = until
    return lines
  }
  const seen = (key = KEY1): ReturnType<Driven['seen']> => {
    const binding = table.get(key)
    return binding && { state: stateOf(binding, table), reason: reasonOf(binding, table) }
  }
  const connect = (): void => {
    send({ type: 'relay', connected: true })
  }
  return { table, policy, send, wait, connect, seen, noted }
}

/** An action as one line: `put 100 MAC IP tap1`. */
export function show(action: Action): string {
  switch (action.type) {
    case 'put': {
      const { vni, mac, ip, port, router, minSeq, observe } = action.entry
      const more = `${router ? ' router' : ''}${minSeq > 0 ? ` seq>=${minSeq}` : ''}${observe ? ' observe' : ''}`
      return `put ${vni} ${mac} ${ip} ${port}${more}`
    }
    case 'remove':
      return `remove ${action.key.vni} ${action.key.mac} ${action.key.ip}`
    case 'forget':
      return `forget ${action.anchor.port} ${action.mac} ${action.ip}`
    case 'probe':
      return `probe ${action.anchor.port} ${action.mac} ${action.ip}`
    case 'ask-remote':
      return `ask-remote ${action.key.mac} ${action.key.ip}${action.form === 'resolution' ? ' resolution' : ''}`
    case 'remember':
      return `remember ${action.entry.mac} ${action.entry.ip}`
    case 'event':
      return `event ${action.event.event} ${action.event.key.mac} ${action.event.key.ip} ${action.event.detail}`.trim()
  }
}
