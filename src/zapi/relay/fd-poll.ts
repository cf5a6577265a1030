// Readiness of a descriptor that Node does not read itself: koffi's uv_poll, once per descriptor.
import koffi from 'koffi'

type Handler = () => void
/** koffi's own declaration lacks the status, which comes first. */
type PollCallback = (status: number) => void
type PollHandle = {
  start(options: { readable: boolean; writable: boolean }, callback: PollCallback): void
  stop(): void
  close(): void
}
const poll = koffi.node.poll as unknown as (fd: number, options: object, callback: PollCallback) => PollHandle

/** Calls handlers as long as the descriptor is ready for what they wait for. */
export class FdPoll {
  // the handle must stay referenced: koffi stops polling when it is collected
  private readonly handle: PollHandle
  private onReadable: Handler | undefined
  private onWritable: Handler | undefined
  private closed = false

  constructor(readonly fd: number) {
    this.handle = poll(fd, { readable: true }, () => undefined)
    this.handle.stop()
  }

  /** Waits for bytes (or the end of the stream); undefined stops waiting. */
  readable(handler: Handler | undefined): void {
    if (this.onReadable === handler) return
    this.onReadable = handler
    this.update()
  }

  /** Waits for room; undefined stops waiting. */
  writable(handler: Handler | undefined): void {
    if (this.onWritable === handler) return
    this.onWritable = handler
    this.update()
  }

  close(): void {
    this.closed = true
    this.handle.close()
  }

  private update(): void {
    if (this.closed) return
    const readable = this.onReadable !== undefined
    const writable = this.onWritable !== undefined
    if (readable || writable) this.handle.start({ readable, writable }, this.ready)
    else this.handle.stop()
  }

  private readonly ready = (status: number): void => {
    // koffi swallows exceptions of this callback
    try {
      this.onWritable?.()
      this.onReadable?.()
      // libuv stops polling on errors; the handlers have met them by now
      if (status < 0) this.update()
    } catch (error) {
      queueMicrotask(() => {
        throw error
      })
    }
  }
}
