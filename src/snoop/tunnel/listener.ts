// Hears what hosts behind other VTEPs answer. A VXLAN device is listened to only while somebody behind it is asked, and
// for its own MAC alone, which is the source of the questions: no other frame reaches this process.
import { closeSync } from 'node:fs'
import { getSystemErrorName } from 'node:util'
import type { Logger } from '../../base/log.js'
import type { Key } from '../../bindings/model.js'
import { pollReadable } from '../../os/fd-poll.js'
import * as libc from '../../os/libc.js'
import { answerIn } from '../../arp-nd/answer.js'

const AF_PACKET = 17
const SOL_SOCKET = 1
const SO_ATTACH_FILTER = 26
const SOL_PACKET = 263
/** Since Linux 4.20; without it every frame that leaves through the device would be copied to be refused. */
const PACKET_IGNORE_OUTGOING = 23
const ETH_P_ALL = 0x0003
const SIZEOF_SOCKADDR_LL = 20
/** Longer than an ARP reply, or an advertisement with any option that matters. */
const MAX_FRAME_BYTES = 256
/** In one turn of the event loop. */
const MAX_FRAMES = 64
/** How long an answer is waited for after the last question. */
const PATIENCE_MS = 10_000
/** Questions that may wait for their answers, for each device. */
const MAX_QUESTIONS = 4096

/**
 * Classic BPF: takes 256 bytes of a frame that is for this host (PACKET_HOST: its destination is the MAC of the device
 * itself), and nothing of any other one. struct sock_filter: u16 code, u8 jt, u8 jf, u32 k, in the machine's byte order.
 */
const FILTER: readonly (readonly [code: number, jt: number, jf: number, k: number])[] = [
  [0x28, 0, 0, 0xfffff004], // ldh [SKF_AD_OFF + SKF_AD_PKTTYPE]
  [0x15, 0, 1, 0], // jeq #PACKET_HOST, next, drop
  [0x06, 0, 0, MAX_FRAME_BYTES], // ret
  [0x06, 0, 0, 0], // drop: ret 0
]

type Ear = { readonly fd: number; readonly close: () => void; readonly asked: Map<string, Key>; timer: NodeJS.Timeout }

export class TunnelListener {
  /**
   * `questions` that were asked, and `answers` to them; `unasked`: other frames for the device's own MAC. Questions that
   * could not be asked, or not heard: the VNI is `unreachable` from here, `too-many` wait already, or the socket `failed`.
   */
  readonly counters = { questions: 0, answers: 0, unasked: 0, unreachable: 0, 'too-many': 0, failed: 0 }
  private readonly ears = new Map<number, Ear>()
  private readonly frame = Buffer.alloc(MAX_FRAME_BYTES)

  /** @param onAnswer is called with the key of a question whose host has answered */
  constructor(
    private readonly onAnswer: (key: Key) => void,
    private readonly log: Logger,
  ) {}

  /** Waits for the answer of a host behind a VXLAN device, which is about to be asked. Failures are only counted. */
  expect(device: number, { vni, mac, ip }: Key): void {
    const ear = this.ears.get(device) ?? this.listen(device)
    if (ear === undefined) return
    this.counters.questions += 1
    const name = `${mac} ${ip}`
    if (ear.asked.size < MAX_QUESTIONS || ear.asked.has(name)) ear.asked.set(name, { vni, mac, ip })
    else this.counters['too-many'] += 1
    ear.timer.refresh()
  }

  close(): void {
    for (const device of [...this.ears.keys()]) this.end(device)
  }

  private listen(device: number): Ear | undefined {
    const fd = libc.rawSocket(AF_PACKET, 0)
    if (fd === -1) {
      this.failed('socket(AF_PACKET)', device)
      return undefined
    }
    const failed = attach(fd, device)
    if (failed !== undefined) {
      this.failed(failed, device)
      closeSync(fd)
      return undefined
    }
    const poll = pollReadable(fd, () => {
      this.hear(device, fd)
    })
    const timer = setTimeout(() => {
      this.end(device)
    }, PATIENCE_MS)
    const close = (): void => {
      clearTimeout(timer)
      poll.close()
      closeSync(fd)
    }
    const ear = { fd, close, asked: new Map<string, Key>(), timer }
    this.ears.set(device, ear)
    return ear
  }

  private hear(device: number, fd: number): void {
    for (let count = 0; count < MAX_FRAMES; count++) {
      const length = libc.recv(fd, this.frame, this.frame.length, 0)
      // nothing more has come, or the device is gone
      if (length <= 0) return
      const answer = answerIn(this.frame.subarray(0, length))
      const name = answer && `${answer.mac} ${answer.ip}`
      const ear = this.ears.get(device)
      const key = name === undefined ? undefined : ear?.asked.get(name)
      if (name === undefined || key === undefined) {
        this.counters.unasked += 1
        continue
      }
      ear?.asked.delete(name)
      this.counters.answers += 1
      this.onAnswer(key)
    }
  }

  private end(device: number): void {
    this.ears.get(device)?.close()
    this.ears.delete(device)
  }

  private failed(call: string, device: number): void {
    this.counters.failed += 1
    this.log.debug({ device, call, errno: getSystemErrorName(-libc.errno()) }, 'tunnel not listened to')
  }
}

/** Makes a packet socket hear what comes to the device for its own MAC; returns the name of the call that failed. */
function attach(fd: number, device: number): string | undefined {
  const filter = Buffer.alloc(FILTER.length * 8)
  for (const [index, [code, jt, jf, k]] of FILTER.entries()) {
    filter.writeUInt16LE(code, index * 8)
    filter.writeUInt8(jt, index * 8 + 2)
    filter.writeUInt8(jf, index * 8 + 3)
    filter.writeUInt32LE(k, index * 8 + 4)
  }
  if (libc.attachFilter(fd, SOL_SOCKET, SO_ATTACH_FILTER, { length: FILTER.length, filter }) === -1)
    return 'SO_ATTACH_FILTER'
  const yes = Buffer.from([1, 0, 0, 0])
  if (libc.setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, yes, yes.length) === -1) return 'PACKET_IGNORE_OUTGOING'
  const address = Buffer.alloc(SIZEOF_SOCKADDR_LL)
  address.writeUInt16LE(AF_PACKET)
  address.writeUInt16BE(ETH_P_ALL, 2)
  address.writeInt32LE(device, 4)
  return libc.bind(fd, address, address.length) === -1 ? 'bind' : undefined
}
