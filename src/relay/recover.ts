// Rebuilds overlay and views of a predecessor from its journal.
import type { Overlay } from './overlay/overlay.js'
import { type ExchangeEvent, ExchangeReader, type KnownRelease, type Opening } from './exchange.js'
import { reason } from '../base/exit.js'
import { checkedRecords } from './journal-format.js'

/** What a predecessor's journal says. */
export type Recovered = {
  /** How each session began that has not ended. */
  openings: Map<number, Opening>
  /** Why the journal cannot be trusted; undefined if it can. */
  untrusted: string | undefined
}

/**
 * Feeds the records of `file` to `overlay`, and through it to the views. What can be read of a journal that cannot be trusted
 * is used all the same: the entries in it are as good as any.
 */
export function recover(file: Buffer, overlay: Overlay, known: KnownRelease): Recovered {
  const reader = new ExchangeReader(known)
  const records = checkedRecords(file)
  let untrusted: string | undefined
  for (let next = records.next(); ; next = records.next()) {
    if (next.done === true) return { openings: reader.openings, untrusted: untrusted ?? next.value }
    try {
      const event = reader.read(next.value)
      if (event !== undefined) apply(event, overlay)
    } catch (error) {
      untrusted ??= `a record of it cannot be understood: ${reason(error)}`
    }
  }
}

function apply(event: ExchangeEvent, overlay: Overlay): void {
  switch (event.type) {
    case 'put':
      overlay.put(event.entry)
      return
    case 'remove':
      overlay.remove(event.key)
      return
    case 'begun':
      if (event.again) overlay.onSessionLost()
      return
    case 'handshake':
      return
    case 'uncertain':
      overlay.onUncertain()
      return
    case 'lost':
      overlay.onSessionLost()
      return
    case 'bgpd':
      overlay.onBgpd(event.message)
      return
    case 'zebra':
      overlay.onRecorded(event.message, event.dropped)
      return
    case 'injected':
      overlay.onInjected(event.message)
      return
    case 'min-sequence':
      overlay.onMinSequence(event)
      return
  }
}
