// Sends probes through the device of one port (AF_PACKET), past the bridge, so that they never enter the tunnel.
import { closeSync } from 'node:fs'
import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { isIPv4 } from 'node:net'
import { ExitCode, FatalError } from '../../base/exit.js'
import type { Logger } from '../../base/log.js'
import * as libc from '../../os/libc.js'
import type { ProbeForm } from '../../bindings/model.js'
import { arpRequest, MAX_PROBE_BYTES, neighborSolicitation } from '../../arp-nd/question.js'
import { type ProbeSource, solicitedNode } from '../../arp-nd/source.js'
import { senderIn } from './source.js'

const AF_PACKET = 17
/** The protocol of a socket that receives nothing. */
const NO_PROTOCOL = 0
const SIZEOF_SOCKADDR_LL = 20

const { EPERM, EACCES, EAFNOSUPPORT } = constants.errno

export type Probe = {
  /** The port, which is the only one that the probe leaves through. */
  ifindex: number
  /** 0 means no tag. */
  vlan: number
  /** Ethertype of the tag, 802.1Q by default. */
  vlanProtocol?: number | undefined
  /** MAC of the host. */
  mac: string
  /** The address whose owner is asked. */
  ip: string
  source: ProbeSource
  /** `poll` by default. */
  form?: ProbeForm
}

export class ProbeSender {
  /** Probes that were `sent`, and those that failed, by the name of the error (ENETDOWN, ENXIO, ENOBUFS, …). */
  readonly counters: Record<string, number> = { sent: 0 }
  private readonly frame = Buffer.alloc(MAX_PROBE_BYTES)
  private readonly address = Buffer.alloc(SIZEOF_SOCKADDR_LL)
  private closed = false

  private constructor(
    private readonly fd: number,
    private readonly log: Logger,
  ) {
    this.address.writeUInt16LE(AF_PACKET)
  }

  /** Opens the socket in the network namespace of the calling thread. Throws FatalError if that is not allowed. */
  static open({ log }: { log: Logger }): ProbeSender {
    const fd = libc.rawSocket(AF_PACKET, NO_PROTOCOL)
    if (fd === -1) throw openError()
    return new ProbeSender(fd, log)
  }

  /** Asks the host whether it has the address. Failures are only counted, since a port may go at any time. */
  send({ ifindex, vlan, vlanProtocol, mac, ip, source, form = 'poll' }: Probe): void {
    if (this.closed) return
    const fields = {
      dstMac: mac,
      srcMac: source.mac,
      srcIp: senderIn(form, source, ip),
      targetIp: ip,
      vlan,
      vlanProtocol,
    }
    const dstIp = form === 'poll' ? ip : solicitedNode(ip)
    const frame = isIPv4(ip) ? arpRequest(fields, this.frame) : neighborSolicitation({ dstIp, ...fields }, this.frame)
    // in struct sockaddr_ll only sll_ifindex matters; the kernel reads the rest from the frame
    this.address.writeInt32LE(ifindex, 4)
    const sent = libc.sendto(this.fd, frame, frame.length, 0, this.address, SIZEOF_SOCKADDR_LL)
    if (sent === -1) this.failed(ifindex, ip)
    else this.count('sent')
  }

  close(): void {
    if (!this.closed) closeSync(this.fd)
    this.closed = true
  }

  private failed(ifindex: number, ip: string): void {
    const errno = getSystemErrorName(-libc.errno())
    this.count(errno)
    this.log.debug({ ifindex, ip, errno }, 'probe not sent')
  }

  private count(name: string): void {
    this.counters[name] = (this.counters[name] ?? 0) + 1
  }
}

/** Explains why the socket cannot be opened, from errno of the call just made. */
function openError(): FatalError {
  const errno = libc.errno()
  const failed = `probes: socket(AF_PACKET): ${getSystemErrorName(-errno)}`
  if (errno === EPERM || errno === EACCES)
    return new FatalError(ExitCode.privilege, `${failed}: run as root or with CAP_NET_RAW`)
  if (errno === EAFNOSUPPORT)
    return new FatalError(
      ExitCode.kernel,
      `${failed}: allow AF_PACKET (systemd: RestrictAddressFamilies=) on a kernel that has CONFIG_PACKET`,
    )
  return new FatalError(ExitCode.internal, failed)
}
