// Who answers a VM's questions for an address, and whether they reach the VM that has it.
import { formatIp, formatMac } from '../../src/base/address.js'
import type { Fabric } from '../fabric.js'
import { arpRequest, neighborSolicitation } from '../frames.js'
import type { CapturedFrame, PacketSocket } from '../packet-socket.js'
import { waitFor } from '../wait.js'

type Protocol = 'ARP' | 'ND'

/** An ARP packet or an ND message with its target: the question, or the answer with the MAC it gives. */
interface Message {
  readonly protocol: Protocol
  readonly ip: string
  readonly answer: string | undefined
}

const ETHERTYPE = { arp: 0x0806, ipv6: 0x86dd } as const
const ICMPV6 = 58

/** The question or answer in a frame as lab/frames.ts and the kernel's suppression make them, without IP options. */
export function parseMessage(bytes: Buffer): Message | undefined {
  switch (bytes.readUInt16BE(12)) {
    case ETHERTYPE.arp: {
      const reply = bytes.readUInt16BE(20) === 2
      const ip = reply ? bytes.subarray(28, 32) : bytes.subarray(38, 42)
      const answer = reply ? formatMac(bytes.subarray(22, 28)) : undefined
      return { protocol: 'ARP', ip: formatIp(ip), answer }
    }
    case ETHERTYPE.ipv6: {
      const type = bytes[20] === ICMPV6 ? bytes[54] : undefined
      if (type !== 135 && type !== 136) return undefined
      // the target link-layer address is the only option
      const answer = type === 136 ? formatMac(bytes.subarray(80, 86)) : undefined
      return { protocol: 'ND', ip: formatIp(bytes.subarray(62, 78)), answer }
    }
    default:
      return undefined
  }
}

export interface Outcome {
  readonly protocol: Protocol
  readonly ip: string
  /** The MAC the asker was told, if anyone answered. */
  readonly answer: string | undefined
  /** Frames with the question that arrived at the near VM. */
  readonly crossed: number
}

const received = (socket: PacketSocket): Message[] =>
  socket
    .frames()
    .filter((frame: CapturedFrame) => !frame.outgoing)
    .flatMap(({ bytes }) => parseMessage(bytes) ?? [])

/**
 * The far VM asks for the near VM's addresses and then, as the control experiment, for addresses that no host has:
 * those must cross, and what was asked before them has crossed by then if it ever does.
 */
export async function askAcross(fabric: Fabric, unknown: { ipv4: string; ipv6: string }): Promise<Outcome[]> {
  const { vm, farVm } = fabric
  using nearWire = vm.capture('eth0')
  using farWire = farVm.capture('eth0')
  const answerTo = (ip: string): string | undefined =>
    received(farWire).find((message) => message.ip === ip && message.answer !== undefined)?.answer
  const crossed = (ip: string): number =>
    received(nearWire).filter((message) => message.ip === ip && message.answer === undefined).length

  farVm.sendFrames([arpRequest(farVm, vm.ipv4), neighborSolicitation(farVm, vm.ipv6)])
  await waitFor(
    `answers to ${farVm.name}`,
    () => [vm.ipv4, vm.ipv6].map(answerTo),
    (answers) => answers.every((answer) => answer !== undefined),
  )
  farVm.sendFrames([arpRequest(farVm, unknown.ipv4), neighborSolicitation(farVm, unknown.ipv6)])
  await waitFor(
    `questions for addresses that nobody has to arrive at ${vm.name}`,
    () => Object.values(unknown).map(crossed),
    (counts) => counts.every((count) => count > 0),
  )
  const outcome = (protocol: Protocol, ip: string): Outcome => {
    return { protocol, ip, answer: answerTo(ip), crossed: crossed(ip) }
  }
  return [vm, unknown].flatMap(({ ipv4, ipv6 }) => [outcome('ARP', ipv4), outcome('ND', ipv6)])
}
