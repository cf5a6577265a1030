// Holds all that the commands have of their process. Tests hand in a substitute, and need no process for a command.
import { ExitCode } from '../base/exit.js'

/** A stream that a command prints to. It is a terminal if `isTTY`, and has so many columns then. */
export type Sink = { write(bytes: string | Uint8Array): unknown; isTTY?: boolean; columns?: number }

export type Io = {
  /** Opens standard input, which a command without need for it must not do. */
  stdin: () => AsyncIterable<Buffer>
  stdout: Sink
  stderr: Sink
  env: NodeJS.ProcessEnv
  /** Returns a signal that is aborted when the command is to end: it was told so, or its output is not read any more. */
  interruption: () => AbortSignal
  /** Has every error that nothing catches reported, and then ends the process with exit code 1. */
  onDefect: (report: (error: Error) => void) => void
}

export const processIo = (): Io => ({
  stdin: () => process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  interruption: () => {
    const interrupted = new AbortController()
    const stop = (): void => {
      interrupted.abort()
    }
    process.once('SIGINT', stop).once('SIGTERM', stop)
    process.stdout.once('error', stop)
    return interrupted.signal
  },
  onDefect: (report) => {
    process.on('uncaughtException', (error) => {
      report(error)
      process.exit(ExitCode.internal)
    })
  },
})

/** Returns the columns of the terminal; undefined if standard output is none. */
export const terminalWidth = ({ stdout }: Io): number | undefined => (stdout.isTTY ? stdout.columns : undefined)

export function print({ stdout }: Io, text: string): void {
  stdout.write(text)
}

/** Says something besides the result, on standard error. */
export function remark({ stderr }: Io, ...texts: readonly string[]): void {
  for (const text of texts) stderr.write(`macipctl: ${text}\n`)
}
