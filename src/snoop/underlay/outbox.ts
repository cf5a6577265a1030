// What waits for a proxy to read it: claims up to a number, and whether it is to hear how things are.
import { reason } from '../../base/exit.js'
import type { Logger } from '../../base/log.js'
import type { ControlClient } from '../../control/server.js'
import { type VxlanClaim, vxlanClaimToProto } from '../../control/vxlan-codec.js'
import type { snoop as proto } from '../../gen/snoop.js'

export type ProxyClient = ControlClient<proto.FromSnoop.$Properties>

/** Claims that wait at most; the rate limits of the kernel keep a proxy that reads far from it. */
const MAX_WAITING = 10_000
/** Claims in one message. */
const PART = 500

export class Outbox {
  /** Claims that came while the outbox was full. */
  dropped = 0
  private waiting: VxlanClaim[] = []
  private statusIsDue = false
  private sending = false

  /** @param status returns the status at the time when it is sent */
  constructor(
    private readonly client: ProxyClient,
    private readonly status: () => proto.VxlanStatus.$Properties,
    private readonly log: Logger,
  ) {}

  putClaim(claim: VxlanClaim): void {
    if (this.waiting.length < MAX_WAITING) this.waiting.push(claim)
    else this.dropped += 1
    this.wake()
  }

  putStatus(): void {
    this.statusIsDue = true
    this.wake()
  }

  private wake(): void {
    if (this.sending) return
    this.sending = true
    void this.send()
  }

  /** Sends until nothing waits, as fast as the client reads. What comes in one turn of the event loop is sent together. */
  private async send(): Promise<void> {
    try {
      while ((this.statusIsDue || this.waiting.length > 0) && (await this.client.writable())) this.sendPart()
    } catch (error) {
      this.log.error({ error: reason(error) }, 'claims could not be sent to a proxy')
    } finally {
      this.sending = false
    }
  }

  private sendPart(): void {
    if (this.statusIsDue) {
      this.statusIsDue = false
      this.client.send({ vxlanStatus: this.status() })
    }
    const part = this.waiting.splice(0, PART)
    if (part.length > 0) this.client.send({ vxlanClaims: { claims: part.map(vxlanClaimToProto) } })
  }
}
