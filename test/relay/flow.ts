// Numbered frames in one direction, as fast as they are taken, and the check at the other end that each comes exactly once
// and in order.
import type { Socket } from 'node:net'
import { NUMBERS, frame } from '../zapi/build.js'
import { Awaited } from '../support.js'

const BATCH = 32
const FILLER = Buffer.alloc(400, 0x5a)
const COMMAND = NUMBERS['8.4'].ROUTE_ADD

export class Flow {
  sent = 0
  received = 0
  private stopped = false
  private fault: Error | undefined
  private rest = Buffer.alloc(0)
  private readonly progress = new Awaited()

  /** The sockets are the flow's until it has stopped; other listeners to their bytes are removed. */
  constructor(
    private readonly from: Socket,
    to: Socket,
  ) {
    to.removeAllListeners('data')
      .on('data', (chunk: Buffer) => {
        this.check(chunk)
      })
      .on('close', () => {
        this.fail(`the stream ended after frame ${this.received}`)
      })
    this.pump()
  }

  /** Resolves when so many more frames have come. */
  async more(count: number): Promise<void> {
    const wanted = this.received + count
    await this.progress.until(() => this.received >= wanted || this.fault !== undefined)
    if (this.fault !== undefined) throw this.fault
  }

  /** Sends no more; resolves when everything has come. */
  async stop(): Promise<void> {
    this.stopped = true
    await this.progress.until(() => this.received === this.sent || this.fault !== undefined)
    if (this.fault !== undefined) throw this.fault
  }

  private readonly pump = (): void => {
    while (!this.stopped) {
      const frames = Array.from({ length: BATCH }, () => numbered(this.sent++))
      if (this.from.write(Buffer.concat(frames))) continue
      this.from.once('drain', this.pump)
      return
    }
  }

  private check(chunk: Buffer): void {
    let bytes = Buffer.concat([this.rest, chunk])
    const expected = numbered(this.received)
    while (bytes.length >= expected.length && this.fault === undefined) {
      const next = bytes.subarray(0, expected.length)
      if (!next.equals(numbered(this.received))) this.fail(`frame ${this.received} is not what came: ${name(next)}`)
      bytes = bytes.subarray(expected.length)
      this.received++
    }
    this.rest = bytes
    this.progress.changed()
  }

  private fail(why: string): void {
    if (!this.stopped || this.received < this.sent) this.fault ??= new Error(why)
    this.progress.changed()
  }
}

function numbered(number: number): Buffer {
  const body = Buffer.from(FILLER)
  body.writeUInt32BE(number)
  return frame(COMMAND, body)
}

const name = (bytes: Buffer): string => bytes.toString('hex', 0, 20)
