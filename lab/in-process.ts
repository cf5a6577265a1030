// Runs a command line in this process: nothing is spawned, and all else is as in the programs.
import { run } from '../src/cli/command.js'
import type { Io, Sink } from '../src/cli/io.js'
import { createMacipd } from '../src/cli/macipd.js'
import { createProgram } from '../src/cli/macipctl.js'

export type Result = { code: number; stdout: string; stderr: string }

class FakeSink implements Sink {
  readonly isTTY: boolean
  private readonly written: Buffer[] = []

  constructor(readonly columns = 0) {
    this.isTTY = columns > 0
  }

  write(bytes: string | Uint8Array): void {
    this.written.push(Buffer.from(bytes))
  }

  get text(): string {
    return Buffer.concat(this.written).toString()
  }
}

/** Keeps what is printed, and has no input. */
export class FakeIo implements Io {
  readonly stdout: FakeSink
  readonly stderr = new FakeSink()

  /** Prints to a terminal of so many columns, or to a pipe. */
  constructor(
    columns?: number,
    readonly env: NodeJS.ProcessEnv = {},
  ) {
    this.stdout = new FakeSink(columns)
  }

  readonly stdin = (): never => {
    throw new Error('there is no standard input here')
  }

  readonly interruption = (): AbortSignal => new AbortController().signal

  readonly onDefect = (): never => {
    throw new Error('a daemon does not run here')
  }
}

async function runWith(create: typeof createProgram, args: readonly string[], io: FakeIo): Promise<Result> {
  const code = await run(create(io), args, io)
  return { code, stdout: io.stdout.text, stderr: io.stderr.text }
}

export const macipd = (...args: string[]): Promise<Result> => runWith(createMacipd, args, new FakeIo())
export const macipctl = (...args: string[]): Promise<Result> => runWith(createProgram, args, new FakeIo())

/** Runs macipctl on a terminal of so many columns. */
export const macipctlOnTerminal = (columns: number, env: NodeJS.ProcessEnv, ...args: string[]): Promise<Result> =>
  runWith(createProgram, args, new FakeIo(columns, env))
