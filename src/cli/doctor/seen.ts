/** Why something could not be observed. `isSilent`: who was asked has not answered in time. */
export type Unseen = { unknown: string; isSilent?: true }

/** What was observed, or why it could not be. */
export type Seen<T> = { value: T } | Unseen
