/** CLOCK_MONOTONIC in milliseconds, the clock of evidence: a changed date neither ages nor revives a binding. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6

/** How far the date is ahead of the monotonic clock at this moment, milliseconds. */
const offset = (): number => Date.now() - monotonicMs()

/** Whole milliseconds since the epoch, from monotonic ones; the date's own steps make it uncertain by one. */
export const toEpoch = (monotonic: number): number => Math.round(monotonic + offset())

/** Monotonic milliseconds, from ones since the epoch; negative before the machine started. */
export const fromEpoch = (epoch: number): number => epoch - offset()
