/** What was observed, or why it could not be. */
export type Seen<T> = { value: T } | { unknown: string }
