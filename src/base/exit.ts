/** Exit codes of every command; they are documented in `--help` and the README. */
export const ExitCode = {
  ok: 0,
  internal: 1,
  usage: 2,
  privilege: 3,
  kernel: 4,
  socketBusy: 5,
  noZebra: 6,
  notRunning: 7,
  notFound: 8,
  disagreement: 9,
  unhealthy: 10,
  notRelayed: 11,
  warnings: 12,
} as const
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

/** An error that ends the command. `message` is the one line for the user: what is wrong and what to do about it. */
export class FatalError extends Error {
  override readonly name = 'FatalError'
  constructor(
    readonly exitCode: ExitCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** Returns the message of a caught value, which may be anything. */
export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The kernel's names for: the file system has no room, nor the quota, or the file has reached the limit of its size. */
export const NO_ROOM: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** Returns the errno name (`ENOENT`, …) of a Node system error; undefined for any other value. */
export function errnoName(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
