import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Namespaces } from './namespaces.js'
import { launch } from './process.js'
import { waitFor } from './wait.js'

/** `ip -ts monitor`: what the kernel tells everyone about neighbours, links, routes or addresses. */
export class Monitor implements AsyncDisposable {
  /** Complete lines so far, oldest first, each with its time stamp. */
  readonly lines: string[] = []

  private constructor(private readonly child: ChildProcess) {
    let rest = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\n')
      rest = parts.pop() ?? ''
      this.lines.push(...parts.filter((line) => line !== ''))
    })
  }

  static async start(namespaces: Namespaces, object: string): Promise<Monitor> {
    const child = launch(namespaces, ['ip', '-ts', 'monitor', object], ['ignore', 'pipe', 'inherit'])
    await once(child, 'spawn')
    const monitor = new Monitor(child)
    await waitFor(
      `ip monitor ${object} to subscribe`,
      () => subscribed(child),
      (done) => done,
    )
    return monitor
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const closed = once(this.child, 'close')
    this.child.kill('SIGKILL')
    await closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

/** Whether a process has a netlink socket in some group: /proc/net/netlink, columns "Groups" (4th) and "Inode" (last). */
function subscribed({ pid }: ChildProcess): boolean {
  const own = new Set(readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`)))
  const sockets = readFileSync(`/proc/${pid}/net/netlink`, 'utf8').trim().split('\n').slice(1)
  return sockets
    .map((line) => line.trim().split(/\s+/))
    .some((columns) => columns[3] !== '00000000' && own.has(`socket:[${columns.at(-1)}]`))
}
