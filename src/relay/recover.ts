// Rebuilds what a predecessor knew from its journal.
import type { Overlay } from './overlay/overlay.js'
import { type ExchangeEvent, ExchangeReader, type KnownLine, type Opening } from './exchange.js'
import { fileRecords } from '../record/zapi-records.js'

/**
 * Feeds the records of `file` to `overlay` (and through it to the views); the sessions' first frames are returned.
 * A record that cannot be understood is reported and left out.
 */
export function replay(
  file: Buffer,
  overlay: Overlay,
  known: KnownLine,
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
      overlay.onRecorded(event.message, event.held)
      return
    case 'injected':
      overlay.onInjected(event.message)
      return
    case 'min-sequence':
      overlay.onMinSequence(event)
      return
  }
}
