/** CLOCK_MONOTONIC in milliseconds. Evidence uses it, so that a changed date neither ages nor revives a binding. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6

/** How far the date is ahead of the monotonic clock at this moment, in milliseconds. */
const offset = (): number => Date.now() - monotonicMs()

/**
 * Converts monotonic milliseconds to whole ones since the epoch, which are uncertain by one because Date.now() is
 * rounded.
 */
export const toEpoch = (monotonic: number): number => Math.round(monotonic + offset())

/** Converts milliseconds since the epoch to monotonic ones; negative before the start of the machine. */
export const fromEpoch = (epoch: number): number => epoch - offset()
