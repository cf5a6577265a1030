// Rebuilds overlay and views of a predecessor from its journal.
import type { Overlay } from './overlay/overlay.js'
import { type ExchangeEvent, ExchangeReader, type KnownRelease, type Opening } from './exchange.js'
import { fileRecords } from '../record/zapi-records.js'

/**
 * Feeds the records of `file` to `overlay`, and through it to the views. Returns how each session began that has not ended.
 * A record that cannot be decoded is reported with `onBad` and left out.
 */
export function recover(
  file: Buffer,
  overlay: Overlay,
  known: KnownRelease,
  onBad: (error: unknown) => void,
): Map<number, Opening> {
  const reader = new ExchangeReader(known)
  for (const record of fileRecords(file)) {
    try {
      const event = reader.read(record)
      if (event !== undefined) apply(event, overlay)
    } catch (error) {
      onBad(error)
    }
  }
  return reader.openings
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
