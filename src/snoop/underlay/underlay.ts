// VXLAN packets of the underlay, for the one proxy of static VTEPs that watches; nothing is loaded while none does.
import { reason } from '../../base/exit.js'
import type { Logger } from '../../base/log.js'
import { QuestionError } from '../../control/snoop-codec.js'
import type { WatchVxlan } from '../../control/vxlan-codec.js'
import type { VxlanSource } from '../sources.js'
import type { ProxyClient } from './outbox.js'
import { type LinkSource, Watcher } from './watcher.js'

export class Underlay {
  private watching: { readonly client: ProxyClient; readonly watcher: Watcher } | undefined

  /** @param open loads the eBPF program */
  constructor(
    private readonly links: LinkSource,
    private readonly open: () => VxlanSource,
    private readonly log: Logger,
  ) {}

  /** Takes what a proxy wants to hear. Throws QuestionError if another one watches, or if the kernel refuses. */
  watch(client: ProxyClient, request: WatchVxlan): void {
    if (this.watching?.client.closed === true) this.end(this.watching.client)
    if (this.watching !== undefined && this.watching.client !== client)
      throw new QuestionError(`the process ${this.watching.client.peer.pid} watches VXLAN already; one can at a time`)
    try {
      this.watching ??= { client, watcher: new Watcher(client, this.links, this.open(), this.log) }
      this.watching.watcher.replace(request)
    } catch (error) {
      this.end(client)
      throw new QuestionError(`VXLAN cannot be watched: ${reason(error)}`, { cause: error })
    }
  }

  /** Detaches and unloads everything if this client is the one that watches. */
  end(client: ProxyClient): void {
    if (this.watching?.client !== client) return
    this.watching.watcher.close()
    this.watching = undefined
  }

  close(): void {
    if (this.watching !== undefined) this.end(this.watching.client)
  }
}
