// Child processes inside a lab's namespaces.
import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs'
import { inNamespaces, type Namespaces } from './namespaces.js'
import { crowding, PATIENCE } from './wait.js'

const TAIL_BYTES = 64 * 1024
const EXEC_TIMEOUT_MS = 30_000 * PATIENCE

/** Starts `argv` in the given namespaces; the root file system and the user stay this process's. */
export function launch(
  namespaces: Namespaces,
  argv: readonly string[],
  stdio: StdioOptions,
  timeout?: number,
): ChildProcess {
  const [file, ...args] = argv
  if (file === undefined) throw new Error('an empty command cannot be run')
  return inNamespaces(namespaces, () => spawn(file, args, { stdio, ...(timeout !== undefined && { timeout }) }))
}

/** Runs a command to its end and resolves to its standard output; any other exit code than those of `done` is an error. */
export async function exec(
  namespaces: Namespaces,
  argv: readonly string[],
  input = '',
  done: readonly number[] = [0],
): Promise<string> {
  const child = launch(namespaces, argv, ['pipe', 'pipe', 'pipe'], Math.round(EXEC_TIMEOUT_MS * crowding()))
  const output: string[] = []
  const errors: string[] = []
  child.stdout?.setEncoding('utf8').on('data', (text: string) => output.push(text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => errors.push(text))
  // a command that does not read its input may be gone before it is written
  child.stdin?.on('error', () => undefined).end(input)
  await once(child, 'close')
  if (child.exitCode !== null && done.includes(child.exitCode)) return output.join('')
  const how = child.signalCode ?? `exit code ${child.exitCode}`
  throw new Error(`\`${argv.join(' ')}\` failed (${how}): ${errors.join('')}${output.join('')}`)
}

/** Runs a command on this process's terminal and resolves to its exit code. */
export async function interact(namespaces: Namespaces, argv: readonly string[]): Promise<number> {
  // Ctrl-C belongs to what runs in the terminal's foreground
  const ignore = () => undefined
  process.on('SIGINT', ignore)
  try {
    const child = launch(namespaces, argv, 'inherit')
    await once(child, 'close')
    return child.exitCode ?? 1
  } finally {
    process.off('SIGINT', ignore)
  }
}

/** A long-running process; its output goes to `logPath`. It never keeps this process alive. */
export class Daemon {
  private constructor(
    readonly name: string,
    private readonly child: ChildProcess,
    readonly logPath: string,
    /** Where this process's part of the log begins: earlier ones of the same name wrote before. */
    private readonly logStart: number,
    /** As seen here; what the process itself logs is the number in the lab's own PID namespace. */
    readonly pid: number,
  ) {}

  /** @param descriptors which it has from number 3 on */
  static async start(
    namespaces: Namespaces,
    name: string,
    argv: readonly string[],
    logPath: string,
    descriptors: readonly number[] = [],
  ): Promise<Daemon> {
    const log = openSync(logPath, 'a')
    try {
      const start = fstatSync(log).size
      const child = launch(namespaces, argv, ['ignore', log, log, ...descriptors])
      await once(child, 'spawn')
      if (child.pid === undefined) throw new Error(`${name} has no PID`)
      child.unref()
      return new Daemon(name, child, logPath, start, child.pid)
    } finally {
      closeSync(log)
    }
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null
  }

  /** Sends `signal` and waits for the end of the process. */
  async kill(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (!this.running) return
    this.child.ref()
    const exited = once(this.child, 'exit')
    this.child.kill(signal)
    await exited
  }

  /** PIDs, as seen here, of the processes this one started. */
  children(): number[] {
    const pids = readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, 'utf8').trim()
    return pids === '' ? [] : pids.split(' ').map(Number)
  }

  /** What this process has written so far; empty once the lab is gone. */
  log(): string {
    if (!existsSync(this.logPath)) return ''
    return readFileSync(this.logPath).toString('utf8', this.logStart)
  }

  /** The last lines: a log may be larger than what fits into memory. */
  logTail(lines = 50): string {
    const how = this.child.signalCode ?? `exit code ${this.child.exitCode}`
    const state = this.running ? `running as ${this.pid}` : `ended (${how})`
    return `--- ${this.name}, ${state}:\n${this.logEnd().trimEnd().split('\n').slice(-lines).join('\n')}`
  }

  private logEnd(): string {
    if (!existsSync(this.logPath)) return ''
    const log = openSync(this.logPath, 'r')
    try {
      const { size } = fstatSync(log)
      const bytes = Buffer.alloc(Math.min(size - this.logStart, TAIL_BYTES))
      return bytes.toString('utf8', 0, readSync(log, bytes, 0, bytes.length, size - bytes.length))
    } finally {
      closeSync(log)
    }
  }
}
