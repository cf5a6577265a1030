// Hosts answer who asks for them, as real ones do: the snooper, before it announces an address that it only remembers.
import { closeSync } from 'node:fs'
import { formatMac } from '../src/base/address.js'
import { pollReadable } from '../src/os/fd-poll.js'
import * as libc from '../src/os/libc.js'
import { arpReply, neighborAdvertisement, question } from '../lab/frames.js'
import { openPacketSocket } from '../lab/packet-socket.js'
import type { Vm } from '../lab/vm.js'
import type { WorldHost } from './world.js'

const SOL_PACKET = 263
const PACKET_IGNORE_OUTGOING = 23
const MSG_DONTWAIT = 0x40
const BATCH = 64
const ARP_BYTES = 42
const SOLICITATION_BYTES = 78

export class Responder implements Disposable {
  private readonly bytes = Buffer.alloc(2048)
  private readonly address = Buffer.alloc(20)
  private readonly addressLength = Buffer.of(20, 0, 0, 0)
  private readonly fd: number
  private readonly poller: { close(): void }

  /** @param hostOf the host with this MAC behind the VM's port now, if there is one */
  constructor(
    vm: Vm,
    private readonly hostOf: (mac: string) => WorldHost | undefined,
  ) {
    this.fd = openPacketSocket(vm.namespaces, 'eth0', { receive: true })
    libc.setsockopt(this.fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, Buffer.of(1, 0, 0, 0), 4)
    this.poller = pollReadable(this.fd, () => {
      for (let frames = 0; frames < BATCH && this.receive(); frames++);
    })
  }

  [Symbol.dispose](): void {
    this.poller.close()
    closeSync(this.fd)
  }

  private receive(): boolean {
    const { fd, bytes } = this
    const length = libc.recvfrom(fd, bytes, bytes.length, MSG_DONTWAIT, this.address, this.addressLength)
    if (length < 0) return false
    const answer = this.answerTo(bytes.subarray(0, length))
    if (answer !== undefined) libc.send(fd, answer, answer.length, 0)
    return true
  }

  private answerTo(frame: Buffer): Buffer | undefined {
    // a broadcast is another host's announcement, or a question that its bridge will ask again
    const host = this.hostOf(formatMac(frame))
    if (host === undefined || frame.length < ARP_BYTES) return undefined
    if (frame.readUInt16BE(12) === 0x86dd && frame.length < SOLICITATION_BYTES) return undefined
    const asked = question(frame)
    if (asked?.ip === host.ipv4) return arpReply(host, { mac: asked.who.mac, ipv4: asked.who.ip, ipv6: '::' })
    if (asked?.ip === host.ipv6) return neighborAdvertisement(host, { asker: asked.who })
    return undefined
  }
}
