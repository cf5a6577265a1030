// Asks the relay and the snooper the questions of macipctl.
import { ask as askControl, NoAnswerError } from '../control/client.js'
import { errnoName, ExitCode, FatalError, reason } from '../base/exit.js'
import { descriptorUse } from '../os/descriptor-limit.js'
import { listeningPaths } from '../os/unix-listeners.js'
import { REASONS } from '../bindings/state.js'
import { overlay as relayProto } from '../gen/overlay.js'
import { snoop as snoopProto } from '../gen/snoop.js'
import { entryFromProto, keyFromProto, STATUS_FROM_PROTO } from '../control/relay-codec.js'
import {
  type Answer,
  type BindingReport,
  bindingReport,
  type NotRunning,
  type NotRunningCause,
  type RelayReport,
  relayReport,
  type SnooperReport,
  snooperReport,
} from './report.js'
import { addPart, type EventReport, eventReport, type ExplanationReport } from './explain/report.js'
import { addFpmPart, type FpmReport, fpmStatusReport } from './fpm/report.js'
import { type Address, targetToProto } from './options.js'
import { type ViewsReport, addChange } from './show/report.js'

const TIMEOUT_MS = 5000

/** Resolves with what the process at `socket` says; that it does not answer is an answer, too. */
export async function answer<Report>(socket: string, question: () => Promise<Report>): Promise<Answer<Report>> {
  try {
    return { running: true, socket, ...(await question()) }
  } catch (error) {
    const [cause, text] = causeOf(error, socket)
    return {
      running: false,
      socket,
      cause,
      pid: error instanceof NoAnswerError ? (error.pid ?? null) : null,
      error: text,
    }
  }
}

const CAUSES = new Map<string | undefined, readonly [NotRunningCause, string]>([
  ['ENOENT', ['absent', 'there is no such socket']],
  ['ECONNREFUSED', ['refused', 'nobody listens on the socket']],
  ['EACCES', ['denied', 'no permission: run as root or as a member of the socket’s group']],
  // its queue of connections is full
  ['EAGAIN', ['silent', 'it accepts no connection']],
])

/** libuv frees one descriptor for a moment to close what it cannot accept. */
const LIBUV_SPARE = 1

function causeOf(error: unknown, socket?: string): readonly [NotRunningCause, string] {
  const name = errnoName(error)
  if (name === 'ENOENT' && socket !== undefined && isListening(socket))
    return ['unnamed', 'its process listens, but the socket’s name was removed']
  if (!(error instanceof NoAnswerError)) return CAUSES.get(name) ?? ['other', reason(error)]
  const use = error.pid === undefined ? undefined : descriptorUse(error.pid)
  if (use !== undefined && use.limit - use.open <= LIBUV_SPARE)
    return ['no-descriptor', `it may open no descriptor beyond number ${use.limit - 1}, and all are in use`]
  return [error.isSilent ? 'silent' : 'other', error.message]
}

/** False, too, if that cannot be known: then it is said what the connection met. */
function isListening(socket: string): boolean {
  try {
    return listeningPaths('self').has(socket)
  } catch {
    return false
  }
}

export const explain = (error: unknown): string => causeOf(error)[1]

/** Returns the error (notRunning) of a command that neither process has answered. */
export const nothingAnswers = (relay: string, snoop: string): FatalError =>
  new FatalError(ExitCode.notRunning, `neither the relay (${relay}) nor the snooper (${snoop}) answers`)

/** Returns the error (notRunning) of a command whose only process has not answered. */
export const noAnswer = (who: 'relay' | 'snooper', { socket, error }: NotRunning): FatalError =>
  new FatalError(ExitCode.notRunning, `the ${who} does not answer at ${socket}: ${error}`)

export const askRelay = (socket: string, timeoutMs = TIMEOUT_MS): Promise<Answer<RelayReport>> =>
  answer(socket, async () => {
    let report: RelayReport | undefined
    const onPart = ({ status }: relayProto.FromRelay): boolean => {
      if (status == null) return false
      report = relayReport(status)
      return true
    }
    await relay(socket, { getStatus: {} }, onPart, timeoutMs)
    return complete(report)
  })

export const askSnooper = (socket: string, timeoutMs = TIMEOUT_MS): Promise<Answer<SnooperReport>> =>
  answer(socket, async () => {
    let report: SnooperReport | undefined
    const onPart = ({ status }: snoopProto.FromSnoop): boolean => {
      if (status == null) return false
      report = snooperReport(status)
      return true
    }
    await snooper(socket, { getStatus: {} }, onPart, timeoutMs)
    return complete(report)
  })

/** @param bindings receives them as they come: what an answer had before it broke off is there, too */
export const askBindings = (
  socket: string,
  timeoutMs = TIMEOUT_MS,
  bindings: BindingReport[] = [],
): Promise<Answer<{ bindings: BindingReport[] }>> =>
  answer(socket, async () => {
    const onPart = (message: snoopProto.FromSnoop): boolean => {
      for (const binding of message.bindings?.bindings ?? []) bindings.push(bindingReport(binding))
      return message.end != null
    }
    await snooper(socket, { getBindings: {} }, onPart, timeoutMs)
    return { bindings }
  })

/** Asks what the snooper knows about an address; in all VNIs if none is named. */
export const askExplanation = (
  socket: string,
  address: Address,
  vni: number | undefined,
): Promise<Answer<ExplanationReport>> =>
  answer(socket, async () => {
    const report: ExplanationReport = { policy: undefined, bindings: [], events: [], refusals: [] }
    await snooper(socket, { explain: targetToProto(address, vni) }, ({ explanation, end }) => {
      if (explanation != null) addPart(report, explanation)
      return end != null
    })
    return report
  })

export type Cleared = { cleared: number; events: EventReport[] }

export const askClear = (
  socket: string,
  what: 'duplicate' | 'binding',
  address: Address | undefined,
  vni: number | undefined,
): Promise<Answer<Cleared>> =>
  answer(socket, async () => {
    let report: Cleared | undefined
    await snooper(socket, { clear: { what, ...targetToProto(address, vni) } }, ({ cleared }) => {
      if (cleared == null) return false
      report = { cleared: cleared.count ?? 0, events: (cleared.events ?? []).map(eventReport) }
      return true
    })
    return complete(report)
  })

/** Asks for the relay's entries, as bindings: without a snooper nothing else is known of them. */
export const askOverlay = (socket: string): Promise<Answer<{ bindings: BindingReport[] }>> =>
  answer(socket, async () => {
    const bindings = new Map<string, BindingReport>()
    await relay(socket, { getOverlay: {} }, ({ handedBack, states, synced }) => {
      for (const wire of handedBack?.entries ?? []) {
        const entry = entryFromProto(wire)
        const unknown = { state: 'pending', reason: 'not-reported', evidence: '', seq: 0, expires: 0 }
        bindings.set(keyText(entry), { ...entry, ...unknown })
      }
      for (const { key, status, seq } of states?.states ?? []) {
        const binding = bindings.get(keyText(keyFromProto(key)))
        const name = status == null ? undefined : STATUS_FROM_PROTO.get(status)
        if (binding === undefined || name === undefined) continue
        binding.state = REASONS[name].state
        binding.reason = name
        binding.seq = seq ?? 0
      }
      return synced != null
    })
    return { bindings: [...bindings.values()] }
  })

/**
 * Asks what zebra and bgpd have announced.
 * @param report receives it as it comes: what an answer had before it broke off is there, too
 */
export const askViews = (
  socket: string,
  timeoutMs = TIMEOUT_MS,
  report: ViewsReport = { vnis: [], macs: [], remote: [], synced: [], vteps: [] },
): Promise<Answer<ViewsReport>> =>
  answer(socket, async () => {
    const onPart = ({ views, synced }: relayProto.FromRelay): boolean => {
      for (const change of views?.changes ?? []) addChange(report, change)
      return synced != null
    }
    await relay(socket, { getViews: {} }, onPart, timeoutMs)
    return report
  })

export type FpmQuestion = {
  what: 'routes' | 'macs' | 'nexthops' | 'status'
  address?: Address
  vni?: number
  table?: number
}

/** Asks what zebra programs, as its FPM connection has told the snooper. */
export const askFpm = (socket: string, { what, address, vni, table = 0 }: FpmQuestion): Promise<Answer<FpmReport>> =>
  answer(socket, async () => {
    const report: FpmReport = { status: fpmStatusReport({ off: true }), macs: [], routes: [], nexthops: [] }
    await snooper(socket, { getFpm: { what, table, ...targetToProto(address, vni) } }, ({ fpm, end }) => {
      if (fpm != null) addFpmPart(report, fpm)
      return end != null
    })
    return report
  })

const keyText = ({ vni, mac, ip }: { vni: number; mac: string; ip: string }): string => `${vni} ${mac} ${ip}`

function complete<Report>(report: Report | undefined): Report {
  if (report === undefined) throw new Error('the answer is empty')
  return report
}

function relay(
  path: string,
  question: relayProto.ToRelay.$Properties,
  onPart: (message: relayProto.FromRelay) => boolean,
  timeoutMs = TIMEOUT_MS,
): Promise<void> {
  return askControl<relayProto.FromRelay, relayProto.ToRelay.$Properties>({
    path,
    ask: question,
    decode: (bytes) => relayProto.FromRelay.decode(bytes),
    encode: (message) => relayProto.ToRelay.encode(message).finish(),
    onPart: (message) => onPart(accepted(message)),
    timeoutMs,
  })
}

function snooper(
  path: string,
  question: snoopProto.ToSnoop.$Properties,
  onPart: (message: snoopProto.FromSnoop) => boolean,
  timeoutMs = TIMEOUT_MS,
): Promise<void> {
  return askControl<snoopProto.FromSnoop, snoopProto.ToSnoop.$Properties>({
    path,
    ask: question,
    decode: (bytes) => snoopProto.FromSnoop.decode(bytes),
    encode: (message) => snoopProto.ToSnoop.encode(message).finish(),
    onPart: (message) => onPart(accepted(message)),
    timeoutMs,
  })
}

function accepted<Message extends { error?: string | null }>(message: Message): Message {
  if (message.error != null && message.error !== '') throw new Error(`it refuses: ${message.error}`)
  return message
}
