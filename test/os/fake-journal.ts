// A datagram socket where the journal would listen. It reads only when it is told to.
import { rmSync } from 'node:fs'
import * as libc from '../../src/os/libc.js'
import { checked } from '../../src/os/libc.js'
import { unixAddress } from '../../src/os/service-manager.js'

const AF_UNIX = 1
const SOCK_DGRAM = 2
const MAX_BYTES = 1 << 18

export class FakeJournal {
  private readonly socket: number

  constructor(private readonly path: string) {
    this.socket = libc.socket(AF_UNIX, SOCK_DGRAM | libc.CLOEXEC | libc.NONBLOCK, 0)
    const address = unixAddress(path)
    checked('bind', () => libc.bind(this.socket, address, address.length))
  }

  /** Returns the datagrams that wait. */
  read(): Buffer[] {
    const datagrams: Buffer[] = []
    for (;;) {
      const bytes = Buffer.alloc(MAX_BYTES)
      const size = checked('recv', () => libc.recv(this.socket, bytes, bytes.length, 0))
      if (size === undefined) return datagrams
      datagrams.push(bytes.subarray(0, size))
    }
  }

  close(): void {
    libc.close(this.socket)
    rmSync(this.path)
  }
}
