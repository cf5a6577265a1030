// Reports on Node's own event loop when a file descriptor that Node does not read is ready: koffi's uv_poll.
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

// a handle without a reference is garbage-collected, and then polling ends silently
const active = new Set<FdPoll>()

/**
 * Calls the handlers again and again as long as the descriptor is ready (level-triggered). An error condition of the
 * descriptor counts as ready, so that using it reports the error. An exception in a handler is not caught. There may be
 * one FdPoll per descriptor; close it before the descriptor.
 */
export class FdPoll {
  private readonly handle: PollHandle
  private onReadable: Handler | undefined
  private onWritable: Handler | undefined

  constructor(readonly fd: number) {
    this.handle = poll(fd, { readable: true }, () => undefined)
    this.handle.stop()
    active.add(this)
  }

  /** Calls the handler when there are bytes to read, or the end of the stream; undefined stops waiting. */
  readable(handler: Handler | undefined): void {
    if (this.onReadable === handler) return
    this.onReadable = handler
    this.update()
  }

  /** Calls the handler when there is room to write; undefined stops waiting. */
  writable(handler: Handler | undefined): void {
    if (this.onWritable === handler) return
    this.onWritable = handler
    this.update()
  }

  close(): void {
    if (active.delete(this)) this.handle.close()
  }

  private update(): void {
    if (!active.has(this)) return
    const readable = this.onReadable !== undefined
    const writable = this.onWritable !== undefined
    if (readable || writable) this.handle.start({ readable, writable }, this.ready)
    else this.handle.stop()
  }

  private readonly ready = (status: number): void => {
    try {
      this.onWritable?.()
      this.onReadable?.()
    } catch (error) {
      // koffi would swallow an exception thrown from here
      queueMicrotask(() => {
        throw error
      })
    }
    // libuv stops polling on an error condition (POLLERR, for example of an overrun netlink socket)
    if (status < 0) this.update()
  }
}

/** Calls `onReadable` whenever `fd` has something to read or an error to report, until closed. */
export function pollReadable(fd: number, onReadable: Handler): { close(): void } {
  const poll = new FdPoll(fd)
  poll.readable(onReadable)
  return poll
}
