// The proxy: its table, its neighbours and its clock. What VTEPs say comes in; routes, probes and events go out.
import { isDeepStrictEqual } from 'node:util'
import { monotonicMs } from '../base/clock.js'
import { EVPN } from '../bgp/family.js'
import { encodeRouteRefresh } from '../bgp/route-refresh.js'
import { encodeEvpnEndOfRib, type UpdateFormat } from '../bgp/update-encode.js'
import { isEvpnEndOfRib } from '../bgp/update.js'
import { Neighbor, type NeighborHandler, type NeighborSettings } from './bgp/neighbor.js'
import { inputsOf, malformedRoutes } from './bgp/others.js'
import type { RouteSettings } from './bgp/settings.js'
import { updatesOf } from './bgp/updates.js'
import type { RouteAction } from './decision/announce.js'
import type { Event } from './decision/event.js'
import type { Heard, Input, SavedHost } from './decision/input.js'
import type { Announcement, MacKey } from './decision/model.js'
import type { Policy } from './decision/policy.js'
import { type Action, step } from './decision/step.js'
import { Table } from './decision/table.js'

export type ProxySettings = {
  readonly policy: Policy
  readonly routes: RouteSettings
  readonly neighbors: readonly NeighborSettings[]
}

export type ProxyHandler = {
  /** Ask a host through the tunnel; its answer is heard like any frame. */
  probe(probe: Extract<Action, { type: 'probe' }>): void
  event(event: Event): void
  /** A session came up, ended, or had something wrong in it. */
  session(name: string, what: string): void
  /** Other VTEPs than before speak EVPN themselves. */
  natives(): void
}

/** Asks for all routes of EVPN again (RFC 2918). */
const REFRESH = encodeRouteRefresh({ ...EVPN, subtype: 'request' })

/** A neighbour that does not say when it has sent all its routes has sent them by then. */
const SYNC_MS = 30_000

type Session = {
  readonly settings: NeighborSettings
  readonly neighbor: Neighbor
  /** While it is established. */
  format: UpdateFormat | undefined
  syncTimer: NodeJS.Timeout | undefined
  /** Since when it is established, or is not; milliseconds since the epoch. */
  since: number
  /** The neighbour's router ID; '' before it was established for the first time. */
  routerId: string
  /** Why it ended last; '' if it did not. */
  lastEnd: string
}

/** A session as people see it. */
export type SessionView = Pick<Session, 'since' | 'routerId' | 'lastEnd'> & {
  readonly name: string
  readonly state: Neighbor['state']
  readonly isSynced: boolean
}

export class Proxy {
  readonly table = new Table()
  private readonly sessions = new Map<string, Session>()
  private timer: NodeJS.Timeout | undefined

  private policy: Policy
  private routes: RouteSettings
  private isDraining = false
  /** Hosts of an earlier run, until it is known which VTEPs speak EVPN themselves. */
  private saved: readonly SavedHost[] | undefined
  private nativeChanges = 0

  constructor(
    { policy, routes, neighbors }: ProxySettings,
    private readonly handler: ProxyHandler,
  ) {
    this.policy = policy
    this.routes = routes
    for (const neighbor of neighbors) this.addSession(neighbor)
  }

  /**
   * Begins to dial. Neighbours that support it keep the routes of an earlier run until `saved` is announced (RFC 4724 4.1),
   * which is as soon as one of them has sent its own.
   */
  start(saved: readonly SavedHost[] = []): void {
    this.take({ type: 'policy' })
    this.saved = saved.length > 0 ? saved : undefined
    for (const { neighbor } of this.sessions.values()) neighbor.start(this.saved !== undefined)
  }

  /** Ends all sessions for good; `text` is told to the neighbours' operators. */
  stop(text: string): void {
    for (const session of this.sessions.values()) this.endSession(session, text)
    // their ends have set it again
    clearTimeout(this.timer)
  }

  /** Takes new settings while it runs: only what they change changes. */
  configure({ policy, routes, neighbors }: ProxySettings): void {
    const before = this.routes
    this.policy = policy
    // what is not there any more is withdrawn as it was announced
    this.routes = { ...routes, vnis: new Map([...routes.vnis, ...before.vnis]) }
    this.take({ type: 'policy' })
    this.routes = routes
    for (const session of this.sessions.values()) this.readdress(session, before)
    const wanted = new Map(neighbors.map((neighbor) => [neighbor.name, neighbor]))
    for (const [name, session] of [...this.sessions]) {
      if (isDeepStrictEqual(session.settings, wanted.get(name))) continue
      this.endSession(session, 'the configuration has changed')
      this.sessions.delete(name)
    }
    for (const neighbor of neighbors)
      if (!this.sessions.has(neighbor.name)) this.addSession(neighbor).neighbor.start(false)
    const isNew = [...routes.vnis.keys()].some((vni) => !before.vnis.has(vni))
    // others' routes of a VNI that was not configured were not kept
    if (isNew) for (const { neighbor } of this.established()) neighbor.send([REFRESH])
  }

  /** Withdraws everything, and learns on; or announces again. */
  drain(isDraining: boolean): void {
    this.isDraining = isDraining
    this.take({ type: 'policy' })
  }

  clear(key: MacKey): boolean {
    const isKnown = this.table.host(key) !== undefined
    this.take({ type: 'clear', key })
    return isKnown
  }

  /** Whether frames of VTEPs are heard. */
  hearing(isHeard: boolean): void {
    this.take({ type: 'hearing', isHeard })
  }

  get currentPolicy(): Policy {
    return this.isDraining ? { ...this.policy, isDraining: true } : this.policy
  }

  sessionViews(): SessionView[] {
    return [...this.sessions].map(([name, { neighbor, since, routerId, lastEnd }]) => ({
      ...{ name, state: neighbor.state, since, routerId, lastEnd, isSynced: this.table.synced.has(name) },
    }))
  }

  private addSession(settings: NeighborSettings): Session {
    const { name, dial, ...ofSession } = settings
    const neighbor = new Neighbor(dial, ofSession, (action) => {
      this.onSession(name, action)
    })
    const none = { format: undefined, syncTimer: undefined, since: Date.now(), routerId: '', lastEnd: '' }
    const session: Session = { settings, neighbor, ...none }
    this.sessions.set(name, session)
    return session
  }

  private endSession({ neighbor, syncTimer }: Session, text: string): void {
    clearTimeout(syncTimer)
    neighbor.stop(text)
  }

  private *established(): Generator<Session> {
    for (const session of this.sessions.values()) if (session.format !== undefined) yield session
  }

  /** Announces what has another route distinguisher or other route targets now, before the old routes are withdrawn. */
  private readdress(session: Session, before: RouteSettings): void {
    const changed = [...this.table.announced.values()].filter(
      ({ vni }) => !isDeepStrictEqual(before.vnis.get(vni), this.routes.vnis.get(vni)),
    )
    this.send(
      session,
      changed.map((route) => ({ type: 'announce', route })),
    )
    const moved = changed.filter(({ vni }) => {
      const old = before.vnis.get(vni)
      return old !== undefined && old.index !== this.routes.vnis.get(vni)?.index
    })
    this.send(
      session,
      moved.map((route) => ({ type: 'withdraw', route })),
      before,
    )
  }

  hear(heard: Heard): void {
    this.take({ type: 'heard', heard })
  }

  private onSession(name: string, action: Parameters<NeighborHandler>[0]): void {
    const session = this.sessions.get(name)
    if (session === undefined) return
    switch (action.type) {
      case 'up':
        session.format = action.peer.format
        session.since = Date.now()
        session.routerId = action.peer.open.routerId
        session.syncTimer = setTimeout(() => {
          this.synced(name)
        }, SYNC_MS)
        this.handler.session(name, `up with ${action.peer.open.routerId}`)
        // an End-of-RIB before the hosts of the earlier run would end what the neighbour keeps for it
        if (this.saved === undefined) this.sendAll(session)
        return
      case 'refresh':
        this.sendAll(session)
        return
      case 'update':
        for (const { reason } of action.problems) this.handler.session(name, reason)
        for (const problem of malformedRoutes(action.update)) this.handler.session(name, problem)
        for (const input of inputsOf(name, action.update, this.routes)) this.take(input)
        if (!isEvpnEndOfRib(action.update)) return
        this.synced(name)
        return
      case 'down':
        clearTimeout(session.syncTimer)
        session.format = undefined
        if (action.wasUp) session.since = Date.now()
        session.lastEnd = action.reason
        this.handler.session(name, action.reason)
        if (action.wasUp) this.take({ type: 'session-lost', session: name })
    }
  }

  /** The neighbour has sent all its routes. */
  private synced(name: string): void {
    clearTimeout(this.sessions.get(name)?.syncTimer)
    this.take({ type: 'session-synced', session: name })
    const { saved } = this
    if (saved === undefined) return
    this.saved = undefined
    this.take({ type: 'restored', hosts: saved })
    for (const session of this.established()) this.sendAll(session)
  }

  /** All that is announced, VTEPs before their hosts; then that it is all. */
  private sendAll(session: Session): void {
    const routes = [...this.table.announced.values()]
    const actions = (type: Announcement['type']): RouteAction[] =>
      routes.filter((route) => route.type === type).map((route) => ({ type: 'announce', route }))
    this.send(session, [...actions('imet'), ...actions('macip')])
    session.neighbor.send([encodeEvpnEndOfRib()])
  }

  private send({ neighbor, format }: Session, actions: readonly RouteAction[], settings = this.routes): void {
    if (format !== undefined && actions.length > 0) neighbor.send(updatesOf(actions, settings, format))
  }

  private take(input: Input): void {
    const routes: RouteAction[] = []
    for (const action of step(this.table, input, this.currentPolicy, monotonicMs())) {
      switch (action.type) {
        case 'announce':
        case 'withdraw':
          routes.push(action)
          break
        case 'probe':
          this.handler.probe(action)
          break
        case 'event':
          this.handler.event(action.event)
      }
    }
    for (const session of this.sessions.values()) this.send(session, routes)
    this.schedule()
    const { nativeChanges } = this.table.others
    if (nativeChanges === this.nativeChanges) return
    this.nativeChanges = nativeChanges
    this.handler.natives()
  }

  private schedule(): void {
    clearTimeout(this.timer)
    const next = this.table.timers.next()
    if (next === undefined) return
    this.timer = setTimeout(
      () => {
        this.take({ type: 'tick' })
      },
      Math.max(0, next - monotonicMs()),
    )
  }
}
