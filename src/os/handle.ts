// The descriptor below one of Node's sockets or servers.
import type { Server, Socket } from 'node:net'

/** Reads an internal property, because Node has no public way; undefined if it is closed. */
export function descriptorOf(endpoint: Server | Socket): number | undefined {
  const handle: unknown = '_handle' in endpoint ? endpoint._handle : undefined
  if (typeof handle !== 'object' || handle === null || !('fd' in handle)) return undefined
  return typeof handle.fd === 'number' && handle.fd >= 0 ? handle.fd : undefined
}
