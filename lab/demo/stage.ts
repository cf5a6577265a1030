// What the demo prints, for a terminal and for a file alike.
import type { Writable } from 'node:stream'
import { type Column, type Paint, paintFor, table } from '../../src/cli/text.js'

export class Stage {
  readonly paint: Paint
  private readonly started = performance.now()
  private scenes = 0
  private midLine = false
  private closed = false

  constructor(
    private readonly out: Writable & { isTTY?: boolean },
    env: NodeJS.ProcessEnv,
  ) {
    this.paint = paintFor({ stdout: out, env })
  }

  /** The heading of the next part, numbered. */
  scene(title: string): void {
    this.say('', this.paint('bold', `=== ${++this.scenes}. ${title}`))
  }

  /** A block of lines; without any it separates what follows. */
  say(...lines: readonly string[]): void {
    this.write(`\n${lines.map((line) => `${line}\n`).join('')}`)
  }

  /** A command as its user would type it, and what it printed. */
  command(typed: string, output: string): void {
    this.say(this.paint('bold', typed), output === '' ? this.paint('dim', '(nothing)') : output)
  }

  table(titles: readonly (string | Column)[], rows: readonly (readonly string[])[]): void {
    const columns = titles.map((title) => (typeof title === 'string' ? { title } : title))
    const lines = rows.map((cells) => ({ cells }))
    this.say(...table(columns, lines, this.paint))
  }

  /** Runs `work` as one step, with the time it took. */
  async step<T>(title: string, work: () => Promise<T>): Promise<T> {
    const started = performance.now()
    this.write(`${title} ... `)
    let done = false
    try {
      const result = await work()
      done = true
      return result
    } finally {
      const time = `${((performance.now() - started) / 1000).toFixed(1)} s`
      this.write(`${done ? this.paint('green', time) : this.paint('red', `failed after ${time}`)}\n`)
    }
  }

  /** Seconds since the demo began. */
  seconds(): string {
    return `${((performance.now() - this.started) / 1000).toFixed(1)} s`
  }

  /** Nothing is printed any more: the demo was interrupted, and its work does not know yet. */
  close(): void {
    if (this.midLine) this.write('\n')
    this.closed = true
  }

  private write(text: string): void {
    if (this.closed) return
    this.out.write(text)
    this.midLine = !text.endsWith('\n')
  }
}
