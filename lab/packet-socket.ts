// AF_PACKET from this process into any network namespace: a frame costs one system call, no helper process.
import { closeSync } from 'node:fs'
import koffi from 'koffi'
import { inNamespaces, type Namespaces } from './namespaces.js'
import { waitFor } from './wait.js'

const AF_PACKET = 17
const SOCK_RAW = 3
const SOCK_CLOEXEC = 0o2000000
const SOL_SOCKET = 1
const SO_RCVBUFFORCE = 33
const SOL_PACKET = 263
const PACKET_STATISTICS = 6
const PACKET_OUTGOING = 4
const MSG_DONTWAIT = 0x40
const EAGAIN = koffi.os.errno['EAGAIN']
const ETH_P_ALL = 3
const RECEIVE_BUFFER = 64 << 20
const MAX_FRAME = 65_536

const libc = koffi.load('libc.so.6')
const socket = libc.func('int socket(int, int, int)') as (domain: number, type: number, protocol: number) => number
const bind = libc.func('int bind(int, void *, uint32_t)') as (fd: number, address: Buffer, length: number) => number
const ifNameToIndex = libc.func('uint32_t if_nametoindex(str)') as (name: string) => number
const sendTo = libc.func('intptr_t send(int, void *, size_t, int)') as (
  fd: number,
  frame: Uint8Array,
  length: number,
  flags: number,
) => number
const recvFrom = libc.func('intptr_t recvfrom(int, void *, size_t, int, void *, void *)') as (
  fd: number,
  buffer: Buffer,
  size: number,
  flags: number,
  address: Buffer,
  addressLength: Buffer,
) => number
const setSockOpt = libc.func('int setsockopt(int, int, int, void *, uint32_t)') as (
  fd: number,
  level: number,
  name: number,
  value: Buffer,
  length: number,
) => number
const getSockOpt = libc.func('int getsockopt(int, int, int, void *, void *)') as (
  fd: number,
  level: number,
  name: number,
  value: Buffer,
  length: Buffer,
) => number

export interface CapturedFrame {
  /** The frame from its destination MAC on; a VLAN tag moved to the socket's metadata is missing here. */
  readonly bytes: Buffer
  /** Sent by the device's own side, not received from the wire. */
  readonly outgoing: boolean
}

/** struct sockaddr_ll of `linux/if_packet.h`: family and index in host order, protocol in network order. */
function linkAddress(ifindex: number, protocol: number): Buffer {
  const address = Buffer.alloc(20)
  address.writeUInt16LE(AF_PACKET, 0)
  address.writeUInt16BE(protocol, 2)
  address.writeInt32LE(ifindex, 4)
  return address
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

/** The descriptor of an AF_PACKET socket bound to `device`. */
export function openPacketSocket(namespaces: Namespaces, device: string, { receive }: { receive: boolean }): number {
  const protocol = receive ? ETH_P_ALL : 0
  return inNamespaces(namespaces, () => {
    const check = (result: number, call: string) => {
      if (result < 0) throw new Error(`${call} on ${device} failed with errno ${koffi.errno()}`)
      return result
    }
    const ifindex = ifNameToIndex(device)
    if (ifindex === 0) throw new Error(`there is no device ${device} in ${namespaces.net}`)
    // protocol 0 until bound: nothing of other devices is queued
    const fd = check(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), 'socket(AF_PACKET)')
    check(setSockOpt(fd, SOL_SOCKET, SO_RCVBUFFORCE, u32(RECEIVE_BUFFER), 4), 'setsockopt(SO_RCVBUFFORCE)')
    check(bind(fd, linkAddress(ifindex, protocol), 20), 'bind(AF_PACKET)')
    return fd
  })
}

export class PacketSocket implements Disposable {
  private readonly buffer = Buffer.alloc(MAX_FRAME)
  private readonly address = Buffer.alloc(20)
  private readonly captured: CapturedFrame[] = []
  private closed = false

  private constructor(
    private readonly fd: number,
    private readonly device: string,
  ) {}

  /** Opens a socket on `device`; with `receive` everything that passes is kept from the moment this returns. */
  static open(namespaces: Namespaces, device: string, options: { receive: boolean }): PacketSocket {
    return new PacketSocket(openPacketSocket(namespaces, device, options), device)
  }

  send(frame: Uint8Array): void {
    if (sendTo(this.fd, frame, frame.length, 0) === frame.length) return
    throw new Error(`sending ${frame.length} bytes on ${this.device} failed with errno ${koffi.errno()}`)
  }

  /** Everything that passed since the socket was opened, without waiting. Fails if the kernel had to drop any of it. */
  frames(): readonly CapturedFrame[] {
    for (;;) {
      const size = recvFrom(this.fd, this.buffer, MAX_FRAME, MSG_DONTWAIT, this.address, u32(this.address.length))
      if (size < 0) break
      // sll_pkttype
      this.captured.push({
        bytes: Buffer.from(this.buffer.subarray(0, size)),
        outgoing: this.address[10] === PACKET_OUTGOING,
      })
    }
    if (koffi.errno() !== EAGAIN) throw new Error(`recvfrom on ${this.device} failed with errno ${koffi.errno()}`)
    const statistics = Buffer.alloc(8)
    getSockOpt(this.fd, SOL_PACKET, PACKET_STATISTICS, statistics, u32(statistics.length))
    const drops = statistics.readUInt32LE(4)
    if (drops > 0) throw new Error(`the capture on ${this.device} lost ${drops} frames`)
    return this.captured
  }

  /** Resolves with the first frame since the socket was opened that is wanted. */
  async waitForFrame(description: string, wanted: (frame: CapturedFrame) => boolean): Promise<CapturedFrame> {
    let found: CapturedFrame | undefined
    await waitFor(
      `${description} on ${this.device}`,
      () => (found = this.frames().find(wanted)) !== undefined,
      (seen) => seen,
    )
    if (found === undefined) throw new Error('a frame was found and is missing')
    return found
  }

  close(): void {
    if (!this.closed) closeSync(this.fd)
    this.closed = true
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
