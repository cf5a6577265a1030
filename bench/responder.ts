// Hosts that answer: whoever is asked by ARP or neighbour solicitation behind a VM's port has the address it is asked for.
import { closeSync } from 'node:fs'
import { formatIp, formatMac } from '../src/base/address.js'
import { pollReadable } from '../src/os/fd-poll.js'
import * as libc from '../src/os/libc.js'
import { arpReply, neighborAdvertisement } from '../lab/frames.js'
import { openPacketSocket } from '../lab/packet-socket.js'
import type { Vm } from '../lab/vm.js'

const ETH_P_ARP = 0x0806
const ETH_P_IPV6 = 0x86dd
const ARPOP_REQUEST = 1
const NEIGHBOR_SOLICITATION = 135
const SOL_PACKET = 263
const PACKET_IGNORE_OUTGOING = 23
const MSG_DONTWAIT = 0x40
const BATCH = 64

export class Responder implements Disposable {
  answered = 0
  private readonly bytes = Buffer.alloc(2048)
  private readonly address = Buffer.alloc(20)
  private readonly addressLength = Buffer.of(20, 0, 0, 0)
  private readonly fd: number
  private readonly poller: { close(): void }

  constructor(vm: Vm) {
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
    const answer = answerTo(bytes.subarray(0, length))
    if (answer !== undefined && libc.send(fd, answer, answer.length, 0) === answer.length) this.answered += 1
    return true
  }
}

/** Undefined for what is no question to a single host. */
function answerTo(frame: Buffer): Buffer | undefined {
  const isUnicast = (frame[0] ?? 1) % 2 === 0
  if (!isUnicast) return undefined
  const [mac, asker] = [formatMac(frame), formatMac(frame, 6)]
  const type = frame.readUInt16BE(12)
  if (type === ETH_P_ARP && frame.readUInt16BE(20) === ARPOP_REQUEST) {
    const [ipv4, askerIp] = [formatIp(frame.subarray(38, 42)), formatIp(frame.subarray(28, 32))]
    return arpReply({ mac, ipv4, ipv6: '::' }, { mac: asker, ipv4: askerIp, ipv6: '::' })
  }
  if (type === ETH_P_IPV6 && frame[54] === NEIGHBOR_SOLICITATION) {
    const [ipv6, askerIp] = [formatIp(frame.subarray(62, 78)), formatIp(frame.subarray(22, 38))]
    return neighborAdvertisement({ mac, ipv4: '0.0.0.0', ipv6 }, { asker: { mac: asker, ip: askerIp } })
  }
  return undefined
}
