// The eBPF program on the ports: attaches it, clears its memory of claims, and records why it could not be attached.
import { reason } from '../../base/exit.js'
import type { Logger } from '../../base/log.js'
import type { Port } from '../ports/ports.js'
import type { BpfSnooper } from './snooper.js'

export type Attachment = { readonly mode: string } | { readonly error: string }

export class Attachments {
  private readonly attached = new Map<number, Attachment>()

  constructor(
    private readonly source: Pick<BpfSnooper, 'attach' | 'detach' | 'forget' | 'forgetAll'>,
    private readonly log: Logger,
  ) {}

  get size(): number {
    return this.attached.size
  }

  of(ifindex: number): Attachment | undefined {
    return this.attached.get(ifindex)
  }

  add({ ifindex, name, bridge }: Port): void {
    try {
      const mode = this.source.attach(ifindex)
      this.attached.set(ifindex, { mode })
      this.log.info({ port: name, bridge, mode }, 'port snooped')
    } catch (error) {
      this.attached.set(ifindex, { error: reason(error) })
      this.log.error({ port: name, bridge, error: reason(error) }, 'port cannot be snooped')
    }
  }

  /** Attaches anew, which puts the program first again. */
  renew(port: Port): void {
    this.remove(port.ifindex)
    this.add(port)
  }

  remove(ifindex: number): void {
    this.attached.delete(ifindex)
    this.attempt('detach', () => {
      this.source.detach(ifindex)
    })
  }

  /** Makes the next frame with this claim pass at once. */
  forget(ifindex: number, vlan: number, mac: string, ip: string): void {
    this.attempt('forget', () => {
      this.source.forget(ifindex, vlan, mac, ip)
    })
  }

  /** Makes the next frame with any claim on any port pass at once. */
  forgetAll(): void {
    this.attempt('forget', () => {
      this.source.forgetAll()
    })
  }

  /** Logs failures instead of throwing them: they are harmless on a port that is just going away. */
  private attempt(what: string, action: () => void): void {
    try {
      action()
    } catch (error) {
      this.log.debug({ what, error: reason(error) }, 'eBPF')
    }
  }
}
