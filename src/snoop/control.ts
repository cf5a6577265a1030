// The snooper's control socket: serves bindings, events and status to macipctl, and takes the operator's commands.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type ControlClient, ControlServer } from '../control/server.js'
import { reason } from '../base/exit.js'
import type { Logger } from '../base/log.js'
import type { Binding } from '../bindings/model.js'
import type { Table } from '../bindings/table.js'
import { snoop as proto } from '../gen/snoop.js'
import {
  type BindingDetail,
  bindingToProto,
  clearFromProto,
  type ClearRequest,
  detailToProto,
  eventToProto,
  explainFromProto,
  filterFromProto,
  type PolicyValues,
  QuestionError,
  refusalToProto,
  type Target,
} from '../control/snoop-codec.js'
import type { HistoryFilter } from '../bindings/event.js'
import { fpmQuestionFromProto } from '../control/fpm-codec.js'
import { watchFromProto } from '../control/vxlan-codec.js'
import { feedFpmDump, refusalOfDump, sendFpm } from './fpm-control.js'
import type { FpmSubject } from './fpm-source.js'
import type { History } from './history.js'
import { policyToProto } from './status.js'
import type { Underlay } from './underlay/underlay.js'

export type { BindingDetail, ClearRequest, PolicyValues } from '../control/snoop-codec.js'

/** What the answers are made from. */
export type Subject = {
  readonly table: Table
  readonly history: History
  readonly policy: PolicyValues
  /** Removes what the request names and returns how many; the events are in the history before it returns. */
  clear(request: ClearRequest): number
  explain(binding: Binding): BindingDetail
  /** undefined while the snooper starts, or if zebra's FPM connection is not wanted. */
  fpm(): FpmSubject | undefined
  /** undefined while the snooper starts. */
  underlay(): Pick<Underlay, 'watch' | 'end'> | undefined
}

/** Maximum number of bindings, events or refusals in one message. */
const PART = 500
/** Number of bindings examined in one turn of the event loop. */
const SLICE = 5000
const STARTING = 'the snooper is just starting'

type Client = ControlClient<proto.FromSnoop.$Properties>
export type SnoopControl = ControlServer<proto.ToSnoop, proto.FromSnoop.$Properties>

/** `status` returns undefined while the snooper starts. Throws FatalError as ControlServer.listen does. */
export function listenSnoopControl(
  path: string,
  subject: Subject,
  status: () => proto.SnoopStatus.$Properties | undefined,
  log: Logger,
): Promise<SnoopControl> {
  const onClient = (client: Client) => {
    let busy = false
    let following = false
    let dumping = false
    const take = (answer: Promise<void>): void => {
      busy = true
      answer
        .catch((error: unknown) => {
          log.error({ error: reason(error) }, 'a question could not be answered')
          refuse(client, `this question cannot be answered: ${reason(error)}`)
        })
        .finally(() => (busy = false))
    }
    const handle = (message: proto.ToSnoop): void => {
      if (busy) {
        refuse(client, 'one question at a time')
      } else if (message.getStatus != null) {
        answerStatus(client, status())
      } else if (message.getBindings != null) {
        take(sendBindings(client, subject))
      } else if (message.getEvents != null) {
        const { follow, last, filter } = message.getEvents
        const wanted = filterFromProto(filter)
        following = follow === true
        take(sendEvents(client, subject.history, wanted, last ?? 0, following))
      } else if (message.explain != null) {
        take(sendExplanation(client, subject, explainFromProto(message.explain)))
      } else if (message.clear != null) {
        clear(client, subject, clearFromProto(message.clear), log)
      } else if (message.getFpm != null) {
        take(sendFpm(client, subject.fpm(), fpmQuestionFromProto(message.getFpm)))
      } else if (message.fpmDump != null) {
        const fpm = subject.fpm()
        const why = dumping ? 'one dump for one connection' : refusalOfDump(fpm)
        if (why !== undefined) {
          refuse(client, why)
        } else if (fpm?.recent !== undefined) {
          dumping = true
          take(feedFpmDump(client, fpm.recent, message.fpmDump))
        }
      } else if (message.watchVxlan != null) {
        const underlay = subject.underlay()
        if (underlay === undefined) refuse(client, STARTING)
        else underlay.watch(client, watchFromProto(message.watchVxlan))
      } else {
        refuse(client, 'the message asks nothing that is known here')
      }
    }
    return {
      onMessage: (message: proto.ToSnoop) => {
        try {
          handle(message)
        } catch (error) {
          if (!(error instanceof QuestionError)) throw error
          refuse(client, error.message)
        }
      },
      onClose: () => {
        // a sender that waits for more must notice that its client has gone
        if (following) subject.history.wake()
        if (dumping) subject.fpm()?.recent?.wake()
        subject.underlay()?.end(client)
      },
    }
  }
  return ControlServer.listen<proto.ToSnoop, proto.FromSnoop.$Properties>({
    path,
    decode: (bytes) => proto.ToSnoop.decode(bytes),
    encode: (message) => proto.FromSnoop.encode(message).finish(),
    onClient,
    log,
  })
}

function answerStatus(client: Client, status: proto.SnoopStatus.$Properties | undefined): void {
  if (status === undefined) refuse(client, STARTING)
  else client.send({ status })
}

function refuse(client: Client, error: string): void {
  client.send({ error })
  client.close()
}

/** Lets other work run, and waits for a slow reader; false if the client has gone. */
async function room(client: Client): Promise<boolean> {
  await nextTurn()
  return client.writable()
}

/** Sends the bindings in parts, as fast as the client reads. */
async function sendBindings(client: Client, { table, policy }: Subject): Promise<void> {
  let part: proto.Binding.$Properties[] = []
  for (const binding of table.bindings()) {
    part.push(bindingToProto(binding, table, policy))
    if (part.length < PART) continue
    client.send({ bindings: { bindings: part } })
    part = []
    if (!(await room(client))) return
  }
  client.send({ bindings: { bindings: part } })
  client.send({ end: {} })
}

/** Events for a slow client wait in the history, which forgets the oldest ones, so that memory is bounded. */
async function sendEvents(
  client: Client,
  history: History,
  filter: HistoryFilter,
  last: number,
  follow: boolean,
): Promise<void> {
  const cursor = history.last(last, filter)
  const { end } = history
  let caughtUp = false
  // waiting comes before reading: nothing is read for a client that does not read
  while (await room(client)) {
    const { events, lost } = history.read(cursor, filter, PART)
    if (events.length > 0 || lost > 0) client.send({ events: { events: events.map(eventToProto), lost } })
    if (!caughtUp && cursor.sequence >= end) {
      caughtUp = true
      client.send({ end: {} })
    }
    if (caughtUp && !follow) return
    if (cursor.sequence >= history.end) await history.more()
  }
}

async function sendExplanation(client: Client, subject: Subject, target: Target): Promise<void> {
  const { table, history, policy } = subject
  client.send({ explanation: { policy: policyToProto(subject.policy) } })
  let part: proto.BindingDetail.$Properties[] = []
  let looked = 0
  const ports = new Set<string>()
  for (const binding of candidates(table, target)) {
    if (isMeant(binding, target)) {
      part.push(detailToProto(bindingToProto(binding, table, policy), subject.explain(binding)))
      ports.add(binding.anchor.port)
    }
    if (part.length === PART) {
      client.send({ explanation: { bindings: part } })
      part = []
    }
    if (++looked % SLICE === 0 && !(await room(client))) return
  }
  client.send({ explanation: { bindings: part } })
  const cursor = history.last(Infinity, target)
  const { end } = history
  while (cursor.sequence < end) {
    client.send({ explanation: { events: history.read(cursor, target, PART).events.map(eventToProto) } })
    if (!(await room(client))) return
  }
  const refusals = history.refusals(target, ports)
  for (let start = 0; start < refusals.length; start += PART) {
    client.send({ explanation: { refusals: refusals.slice(start, start + PART).map(refusalToProto) } })
  }
  client.send({ end: {} })
}

function candidates(table: Table, { vni, mac, ip }: Target): Iterable<Binding> {
  if (vni === undefined) return table.bindings()
  if (mac !== undefined) return [...(table.ofMac(vni, mac)?.bindings ?? [])]
  const binding = ip === undefined ? undefined : table.find(vni, ip)
  return binding === undefined ? [] : [binding]
}

const isMeant = (binding: Binding, { vni, mac, ip }: Target): boolean =>
  (vni === undefined || binding.vni === vni) &&
  (mac === undefined || binding.mac === mac) &&
  (ip === undefined || binding.ip === ip)

function clear(client: Client, subject: Subject, request: ClearRequest, log: Logger): void {
  const cursor = subject.history.last(0, {})
  const count = subject.clear(request)
  const { events } = subject.history.read(cursor, {}, PART)
  log.info({ pid: client.peer.pid, count, ...request }, 'cleared for an operator')
  client.send({ cleared: { count, events: events.map(eventToProto) } })
}
