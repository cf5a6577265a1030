import koffi from 'koffi'

/**
 * Calls `onReadable` whenever `fd` has something to read, until closed; the descriptor stays the caller's.
 *
 * Level-triggered: what one call leaves unread leads to another after other events had their turn. An error condition
 * of the descriptor counts as readable, so that reading reports it. What `onReadable` throws is an uncaught exception.
 * A descriptor may be polled once, and not if Node itself watches it.
 */
export function pollReadable(fd: number, onReadable: () => void): { close(): void } {
  let open = true
  let pending = false
  let stopped = false
  const onEvent = (status: number) => {
    // libuv stops polling on an error (POLLERR, as of an overrun netlink socket).
    stopped ||= status < 0
    if (pending) return
    pending = true
    // koffi swallows what its callback throws; an immediate runs right after it, before the next poll.
    setImmediate(() => {
      pending = false
      if (!open) return
      // This mention of the handle also saves it from the garbage collector, which would end the polling.
      if (stopped) handle.start({ readable: true }, callback)
      stopped = false
      onReadable()
    })
  }
  // koffi's declaration omits the status, which comes first.
  const callback = onEvent as unknown as (events: unknown) => void
  const handle = koffi.node.poll(fd, { readable: true }, callback)
  return {
    close: () => {
      open = false
      handle.close()
    },
  }
}
