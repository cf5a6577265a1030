// Readiness of a file descriptor that Node does not own, on Node's own event loop.
import koffi from 'koffi'

// koffi's types omit the status; libuv reports an error condition (ENOBUFS on netlink) as a negative one
type Callback = (status: number) => void
type Handle = { start(options: { readable: true }, callback: Callback): void; close(): void }
type Poll = (fd: number, options: { readable: true }, callback: Callback) => Handle

const poll = koffi.node.poll as unknown as Poll
// A handle that nobody refers to is garbage-collected, and polling ends without a word.
const active = new Set<Handle>()

/**
 * Calls `onReadable` whenever `fd` has something to read or an error to report, until closed; close before the
 * descriptor. Not for descriptors of Node's own streams.
 */
export function pollReadable(fd: number, onReadable: () => void): { close(): void } {
  const options = { readable: true } as const
  const callback = (status: number): void => {
    try {
      onReadable()
    } catch (error) {
      // thrown from here koffi would swallow it
      queueMicrotask(() => {
        throw error
      })
    }
    // libuv has stopped the handle
    if (status < 0 && active.has(handle)) handle.start(options, callback)
  }
  const handle = poll(fd, options, callback)
  active.add(handle)
  return {
    close() {
      if (active.delete(handle)) handle.close()
    },
  }
}
