// How the rate of probes is shared between refreshing and asking owners of claimed addresses.
import type { Rate } from '../base/probe-rate-limiter.js'

/** Confirm probes have a share of their own: they cannot wait until a whole table was probed after a restart. */
const CONFIRM_SHARE = 1 / 4
export const confirmRate = ({ perPort, total }: Rate): Rate => ({
  perPort: perPort * CONFIRM_SHARE,
  total: total * CONFIRM_SHARE,
})
export const refreshRate = ({ perPort, total }: Rate): Rate => ({
  perPort: perPort * (1 - CONFIRM_SHARE),
  total: total * (1 - CONFIRM_SHARE),
})

/** Timers are not exact to the millisecond. */
export const REFRESH_BURST_MS = 100
/** A router that takes over is one frame for each of its addresses, all at once; then it is quiet. */
export const CONFIRM_BURST_MS = 4000
