// Identifies the peer of a Unix socket, as the kernel recorded it when the peer connected (unix(7)).
import type { Socket } from 'node:net'
import { descriptorOf } from './handle.js'
import { getsockopt } from './libc.js'

// asm-generic/socket.h
const SOL_SOCKET = 1
const SO_PEERCRED = 17
const SO_PEERGROUPS = 59
/** Maximum number of supplementary groups; a peer in more of them counts as being in none. */
const MAX_GROUPS = 1024

export type Peer = { pid: number; uid: number; gid: number; groups: readonly number[] }

/** Reads SO_PEERCRED and SO_PEERGROUPS of a connected Unix socket; undefined if the kernel does not give them. */
export function peerOf(socket: Socket): Peer | undefined {
  const fd = descriptorOf(socket)
  if (fd === undefined) return undefined
  const credentials = option(fd, SO_PEERCRED, 12)
  if (credentials?.length !== 12) return undefined
  const groups = option(fd, SO_PEERGROUPS, 4 * MAX_GROUPS) ?? Buffer.alloc(0)
  return {
    pid: word(credentials, 0),
    uid: word(credentials, 4),
    gid: word(credentials, 8),
    groups: Array.from({ length: Math.floor(groups.length / 4) }, (_, index) => word(groups, 4 * index)),
  }
}

/** Whether a peer may use a control socket: root, the process's own user and members of the socket's `group` may. */
export function mayControl(peer: Peer, ownUid: number, group: number): boolean {
  return peer.uid === 0 || peer.uid === ownUid || peer.gid === group || peer.groups.includes(group)
}

function option(fd: number, name: number, size: number): Buffer | undefined {
  const value = Buffer.alloc(size)
  const length = Buffer.from(Uint32Array.of(size).buffer)
  if (getsockopt(fd, SOL_SOCKET, name, value, length) !== 0) return undefined
  return value.subarray(0, word(length, 0))
}

/** Reads a number, which the kernel writes in the machine's byte order. */
function word(bytes: Buffer, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(offset, LITTLE_ENDIAN)
}
const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1
