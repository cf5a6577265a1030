import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Namespaces } from './namespaces.js'
import { launch } from './process.js'

/** A command that prints one JSON value a line until it is stopped. */
export class JsonLines implements AsyncDisposable {
  private readonly values: unknown[] = []
  private failure: Error | undefined
  private errors = ''
  private stopped = false

  private constructor(
    private readonly command: string,
    private readonly child: ChildProcess,
  ) {
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.errors += text
    })
    let rest = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) this.take(line)
    })
  }

  /** Whether it has begun to listen, only its output can tell. */
  static async start(namespaces: Namespaces, argv: readonly string[]): Promise<JsonLines> {
    const child = launch(namespaces, argv, ['ignore', 'pipe', 'pipe'])
    await once(child, 'spawn')
    return new JsonLines(argv.join(' '), child)
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null
  }

  /** What it has printed so far, oldest first. Fails if a line was no JSON, or if the command has ended by itself. */
  lines(): readonly unknown[] {
    if (this.failure !== undefined) throw this.failure
    if (!this.running && !this.stopped) {
      const how = this.child.signalCode ?? `exit code ${this.child.exitCode}`
      throw new Error(`\`${this.command}\` has ended (${how}): ${this.errors}`)
    }
    return this.values
  }

  private take(line: string): void {
    try {
      this.values.push(JSON.parse(line))
    } catch (error) {
      this.failure ??= new Error(`this line is no JSON: ${line}`, { cause: error })
    }
  }

  async stop(): Promise<void> {
    this.stopped = true
    if (!this.running) return
    const closed = once(this.child, 'close')
    this.child.kill('SIGKILL')
    await closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}
