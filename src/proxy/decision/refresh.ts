// Asks hosts that are silent, or that may have come, whether they are there.
import { isBeaten } from './mobility.js'
import type { Address, Host } from './model.js'
import type { StepContext } from './step-context.js'

const TRIES = 3
/** The time between the probes to a host that is not announced yet. */
const ASKED_RETRY_MS = 300
/** A host has this long to answer the last probe. */
const ANSWER_MS = 2000

/** Whether the IP is asked for at all: what is frozen is not, before its hold-down time is over. */
const isAskable = ({ isStatic, phase }: Address): boolean => !isStatic && phase !== 'duplicate'

/** Sets the next deadline after the host was heard, with the IP or behind another VTEP. */
export function scheduleRefresh({ table, policy }: StepContext, address: Address): void {
  if (!isAskable(address)) return
  address.tries = 0
  address.timer = 'ask'
  table.timers.set(address, address.lastSeen + policy.ageMs / TRIES)
}

/** A host without an IP cannot be asked: silence decides. */
export function scheduleAge({ table, policy, now }: StepContext, host: Host): void {
  if (!host.isStatic && host.phase !== 'duplicate') table.timers.set(host, Math.max(now, host.lastSeen + policy.ageMs))
}

/** Asks about an IP, which is announced when its host says that it has it. */
export function askFor({ table, now }: StepContext, address: Address): void {
  if (!isAskable(address)) return
  address.phase = 'asked'
  address.tries = 0
  address.timer = 'ask'
  table.timers.set(address, now)
}

/** The host may be behind its VTEP: it is announced when it says so. */
export function ask(context: StepContext, host: Host): void {
  context.changes.host(host)
  if (host.addresses.size === 0) {
    context.removeHost(host, 'silent')
    return
  }
  host.phase = 'asked'
  context.emit('asked', host)
  for (const address of host.addresses) askFor(context, address)
}

export function onAddressDue(context: StepContext, address: Address): void {
  const { table, policy, now } = context
  const { host } = address
  const expires = address.lastSeen + policy.ageMs
  switch (address.timer) {
    case 'hold-down':
      context.emit('released', host, address.ip)
      address.phase = 'asked'
      askFor(context, address)
      return
    case 'give-up':
      giveUp(context, address)
      return
    case 'ask':
    case 'probe':
      if (host.phase === 'elsewhere' || host.phase === 'duplicate') {
        if (now >= expires) giveUp(context, address)
        else table.timers.set(address, expires)
        return
      }
      if (address.timer === 'ask') {
        const at = table.probes.reserve(host.vtep, now, policy.probeRate)
        if (at > now) {
          address.timer = 'probe'
          table.timers.set(address, at)
          return
        }
      }
      probe(context, address, expires)
  }
}

function probe(context: StepContext, address: Address, expires: number): void {
  const { table, policy, now } = context
  const { host, vni, ip } = address
  address.tries += 1
  context.probe(vni, host.vtep, host.mac, ip)
  const isAsked = host.phase === 'asked' || address.phase === 'asked'
  const next = now + (isAsked ? ASKED_RETRY_MS : policy.ageMs / TRIES)
  if (address.tries < TRIES || (!isAsked && next <= expires)) {
    address.timer = 'ask'
    table.timers.set(address, next)
    return
  }
  address.timer = 'give-up'
  table.timers.set(address, isAsked ? now + ANSWER_MS : Math.max(expires, now + ANSWER_MS))
}

function giveUp(context: StepContext, address: Address): void {
  const { host } = address
  context.removeAddress(address, address.phase === 'asked' || host.phase === 'asked' ? 'silent' : 'aged')
  afterLoss(context, host)
}

/** The host may have lost its last IP: then there is nothing left to ask it for. */
export function afterLoss(context: StepContext, host: Host): void {
  if (host.addresses.size > 0) return
  if (host.phase === 'asked') context.removeHost(host, 'silent')
  else scheduleAge(context, host)
}

export function onHostDue(context: StepContext, host: Host): void {
  if (host.phase === 'duplicate') release(context, host)
  else if (!host.isStatic && host.addresses.size === 0) context.removeHost(host, 'aged')
}

/** The hold-down time is over. */
export function release(context: StepContext, host: Host): void {
  host.moves = []
  context.emit('released', host)
  if (isBeaten(context, host)) {
    host.phase = 'elsewhere'
    scheduleAge(context, host)
  } else if (host.isStatic) {
    host.phase = 'here'
    context.changes.host(host)
  } else ask(context, host)
}
