// What the overlay injects into zebra's stream to the main session.
import { encodeMessage } from '../zapi/evpn-codec.js'
import type { FrrRelease } from '../zapi/releases.js'
import type { InjectionQueue } from './channel.js'
import type { Overlay } from './overlay/overlay.js'

/** Frames injected at once. */
const BATCH = 256

/** What the owner records of a queue's frames. */
export type InjectionEvents = {
  /** That many frames are about to be written. */
  beforeWrite(count: number): void
  /** The frames are on their way, all of them. A batch that the connection's end cuts short is not reported. */
  onWritten(frames: readonly Buffer[]): void
}

export class OverlayInjections implements InjectionQueue {
  private writing: Buffer[] = []

  constructor(
    private readonly overlay: Overlay,
    private readonly release: FrrRelease,
    private readonly events: InjectionEvents,
  ) {}

  get pending(): boolean {
    return this.overlay.pending
  }

  next(): readonly Buffer[] | undefined {
    const injections = this.overlay.next(BATCH)
    if (injections.length === 0) return undefined
    this.writing = injections.map((message) => encodeMessage(this.release, message))
    this.events.beforeWrite(this.writing.length)
    return this.writing
  }

  done(): void {
    const { writing } = this
    this.writing = []
    this.events.onWritten(writing)
  }
}
