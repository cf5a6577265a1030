// The proxy: its table, its neighbours and its clock. What VTEPs say comes in; routes, probes and events go out.
import { monotonicMs } from '../base/clock.js'
import { encodeEvpnEndOfRib, type UpdateFormat } from '../bgp/update-encode.js'
import { isEvpnEndOfRib } from '../bgp/update.js'
import { Neighbor, type NeighborHandler, type NeighborSettings } from './bgp/neighbor.js'
import { inputsOf, malformedRoutes } from './bgp/others.js'
import type { RouteSettings } from './bgp/settings.js'
import { updatesOf } from './bgp/updates.js'
import type { RouteAction } from './decision/announce.js'
import type { Event } from './decision/event.js'
import type { Heard, Input } from './decision/input.js'
import type { Announcement } from './decision/model.js'
import type { Policy } from './decision/policy.js'
import { type Action, step } from './decision/step.js'
import { Table } from './decision/table.js'

export type ProxyHandler = {
  /** Ask a host through the tunnel; its answer is heard like any frame. */
  probe(probe: Extract<Action, { type: 'probe' }>): void
  event(event: Event): void
  /** A session came up, ended, or had something wrong in it. */
  session(name: string, what: string): void
}

/** A neighbour that does not say when it has sent all its routes has sent them by then. */
const SYNC_MS = 30_000

type Session = {
  readonly neighbor: Neighbor
  /** While it is established. */
  format: UpdateFormat | undefined
  syncTimer: NodeJS.Timeout | undefined
}

export class Proxy {
  readonly table = new Table()
  private readonly sessions = new Map<string, Session>()
  private timer: NodeJS.Timeout | undefined

  constructor(
    private readonly policy: Policy,
    private readonly routes: RouteSettings,
    neighbors: readonly NeighborSettings[],
    private readonly handler: ProxyHandler,
  ) {
    for (const { name, dial, ...settings } of neighbors) {
      const neighbor = new Neighbor(dial, settings, (action) => {
        this.onSession(name, action)
      })
      this.sessions.set(name, { neighbor, format: undefined, syncTimer: undefined })
    }
  }

  start(): void {
    this.take({ type: 'policy' })
    for (const { neighbor } of this.sessions.values()) neighbor.start(false)
  }

  /** Ends all sessions for good; `text` is told to the neighbours' operators. */
  stop(text: string): void {
    for (const { neighbor } of this.sessions.values()) neighbor.stop(text)
    // their ends have set it again
    clearTimeout(this.timer)
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
        session.syncTimer = setTimeout(() => {
          this.take({ type: 'session-synced', session: name })
        }, SYNC_MS)
        this.handler.session(name, `up with ${action.peer.open.routerId}`)
        this.sendAll(session)
        return
      case 'refresh':
        this.sendAll(session)
        return
      case 'update':
        for (const { reason } of action.problems) this.handler.session(name, reason)
        for (const problem of malformedRoutes(action.update)) this.handler.session(name, problem)
        for (const input of inputsOf(name, action.update, this.routes)) this.take(input)
        if (!isEvpnEndOfRib(action.update)) return
        clearTimeout(session.syncTimer)
        this.take({ type: 'session-synced', session: name })
        return
      case 'down':
        clearTimeout(session.syncTimer)
        session.format = undefined
        this.handler.session(name, action.reason)
        if (action.wasUp) this.take({ type: 'session-lost', session: name })
    }
  }

  /** All that is announced, VTEPs before their hosts; then that it is all. */
  private sendAll(session: Session): void {
    const routes = [...this.table.announced.values()]
    const actions = (type: Announcement['type']): RouteAction[] =>
      routes.filter((route) => route.type === type).map((route) => ({ type: 'announce', route }))
    this.send(session, [...actions('imet'), ...actions('macip')])
    session.neighbor.send([encodeEvpnEndOfRib()])
  }

  private send({ neighbor, format }: Session, actions: readonly RouteAction[]): void {
    if (format !== undefined && actions.length > 0) neighbor.send(updatesOf(actions, this.routes, format))
  }

  private take(input: Input): void {
    const routes: RouteAction[] = []
    for (const action of step(this.table, input, this.policy, monotonicMs())) {
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
