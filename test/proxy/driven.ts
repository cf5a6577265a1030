// Drives the proxy's table by hand, and does what its actions say on a list of routes.
import assert from 'node:assert/strict'
import { BlockList } from 'node:net'
import { announcementKey, type Announcement, type OtherRoute } from '../../src/proxy/decision/model.js'
import { DEFAULT_POLICY, type Policy, type StaticHost } from '../../src/proxy/decision/policy.js'
import { type Action, step } from '../../src/proxy/decision/step.js'
import type { Input } from '../../src/proxy/decision/input.js'
import { Table } from '../../src/proxy/decision/table.js'

export const VNI = 100
/** VTEPs that may be found: 192.0.2.1 to .254. */
export const [S1, S2, S3] = ['192.0.2.1', '192.0.2.2', '192.0.2.3'] as const
/** A VTEP that speaks EVPN itself. */
export const EVPN = '198.51.100.9'
export const [MAC1, MAC2] = ['02:00:00:00:00:01', '02:00:00:00:00:02'] as const

const from = new BlockList()
from.addSubnet('192.0.2.0', 24)

/** The policy of a VNI in which VTEPs are found, some configured. */
export const policyOf = (
  more: Partial<Policy> = {},
  vteps: Readonly<Record<string, readonly StaticHost[]>> = {},
): Policy => ({
  ...DEFAULT_POLICY,
  vnis: new Map([[VNI, { vteps: new Map(Object.entries(vteps)) }]]),
  discover: { from, limit: 3 },
  ...more,
})

export type HeardOptions = {
  readonly ip?: string
  readonly vni?: number
  readonly isRouter?: boolean
  readonly etherSource?: string
}

export class Driven {
  readonly table = new Table()
  /** What the actions have made of it: must be what the table says. */
  readonly routes = new Map<string, Announcement>()
  now = 0

  constructor(public policy: Policy = policyOf()) {
    this.step({ type: 'policy' })
    this.step({ type: 'session-synced', session: 'rr' })
  }

  step(input: Input): Action[] {
    const actions = step(this.table, input, this.policy, this.now)
    for (const action of actions) {
      if (action.type === 'announce') this.routes.set(announcementKey(action.route), action.route)
      if (action.type === 'withdraw') assert.ok(this.routes.delete(announcementKey(action.route)), 'was announced')
    }
    assert.deepEqual(new Map([...this.routes].sort()), new Map([...this.table.announced].sort()))
    return actions
  }

  hear(vtep: string, mac: string, { ip, vni = VNI, isRouter, etherSource = mac }: HeardOptions = {}): Action[] {
    return this.step({ type: 'heard', heard: { vni, vtep, mac, etherSource, ip, isRouter, at: this.now } })
  }

  /** Another speaker announces a MAC, with an IP if one is given. */
  route(nextHop: string, mac: string, more: Partial<OtherRoute['macIp']> & { isMarked?: boolean } = {}): Action[] {
    const { isMarked = false, ...macIp } = more
    const ip = macIp.ip
    const attributes = { mac, ip, seq: 0, isSticky: false, isGateway: false, ...macIp }
    const key = `rr ${nextHop}:${isMarked ? 'marked' : 'own'} ${VNI} ${mac} ${ip ?? ''}`
    return this.step({ type: 'route', route: { key, vni: VNI, nextHop, isMarked, macIp: attributes } })
  }

  withdraw(nextHop: string, mac: string, { ip = '', isMarked = false } = {}): Action[] {
    return this.step({
      type: 'route-withdrawn',
      key: `rr ${nextHop}:${isMarked ? 'marked' : 'own'} ${VNI} ${mac} ${ip}`,
    })
  }

  /** Lets time pass; returns what was due, in order. */
  wait(ms: number): Action[] {
    const end = this.now + ms
    const actions: Action[] = []
    for (;;) {
      const next = this.table.timers.next()
      if (next === undefined || next > end) break
      this.now = Math.max(this.now, next)
      actions.push(...this.step({ type: 'tick' }))
    }
    this.now = end
    return actions
  }

  /** What is announced, one line each: `VTEP` or `VTEP MAC IP seq N`. */
  get shown(): string[] {
    return [...this.routes.values()].map(shown).sort()
  }
}

const shown = (route: Announcement): string =>
  route.type === 'imet'
    ? route.vtep
    : [route.vtep, route.mac, ...(route.ip === undefined ? [] : [route.ip]), `seq ${route.seq}`].join(' ')

/** The actions, one line each, without events. */
export const done = (actions: readonly Action[]): string[] =>
  actions.flatMap((action) => {
    switch (action.type) {
      case 'announce':
      case 'withdraw':
        return [`${action.type} ${shown(action.route)}`]
      case 'probe':
        return [`probe ${action.vtep} ${action.mac} ${action.ip}`]
      case 'event':
        return []
    }
  })

export const eventsOf = (actions: readonly Action[]): string[] =>
  actions.flatMap((action) =>
    action.type === 'event' ? [[action.event.event, action.event.detail].filter((it) => it !== '').join(' ')] : [],
  )
