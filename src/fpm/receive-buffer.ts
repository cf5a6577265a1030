// Enlarges the kernel's buffer for a listener that is busy for a moment. zebra's module has room for a megabyte; when
// that is full, it stops sending for a whole second.
import type { Server } from 'node:net'
import { setsockopt } from '../os/libc.js'

// asm-generic/socket.h
const SOL_SOCKET = 1
const SO_RCVBUF = 8
const SO_RCVBUFFORCE = 33

/** Room for 200,000 routes; memory is used only while data waits. The kernel doubles the value for its own needs. */
const RECEIVE_BYTES = 16 << 20

/** Sets the buffer of future connections as far as the process may; without CAP_NET_ADMIN that is little. */
export function enlargeReceiveBuffer(server: Server): void {
  const handle: unknown = '_handle' in server ? server._handle : undefined
  // Node has no public way to get a server's descriptor
  if (typeof handle !== 'object' || handle === null || !('fd' in handle)) return
  const { fd } = handle
  if (typeof fd !== 'number' || fd < 0) return
  const value = Buffer.from(Uint32Array.of(RECEIVE_BYTES).buffer)
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, value, value.length) === 0) return
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, value, value.length)
}
