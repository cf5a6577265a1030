// A short question to the snooper, again and again: how long its event loop keeps others waiting.
import { setTimeout as sleep } from 'node:timers/promises'
import { connectControl } from '../src/control/client.js'
import type { ControlStream } from '../src/control/stream.js'
import { snoop as proto } from '../src/gen/snoop.js'

/** Between an answer and the next question. */
const PAUSE_MS = 1

type Stream = ControlStream<proto.FromSnoop, proto.ToSnoop.$Properties>

export class RoundTrips {
  private times: number[] = []
  private begin = 0
  private closed = false
  private stream: Stream | undefined

  static async start(path: string): Promise<RoundTrips> {
    const trips = new RoundTrips()
    trips.stream = await connectControl<proto.FromSnoop, proto.ToSnoop.$Properties>({
      path,
      decode: (bytes) => proto.FromSnoop.decode(bytes),
      encode: (message) => proto.ToSnoop.encode(message).finish(),
      onMessage: ({ end }) => {
        if (end != null) void trips.answered()
      },
      onClose: () => {
        trips.closed = true
      },
    })
    trips.ask()
    return trips
  }

  /** Milliseconds of each since the last call; one that still waits counts with its time so far. */
  take(): number[] {
    const times = [...this.times, performance.now() - this.begin]
    this.times = []
    return times
  }

  close(): void {
    this.closed = true
    this.stream?.close()
  }

  private ask(): void {
    this.begin = performance.now()
    this.stream?.send({ getEvents: { last: 0 } })
  }

  private async answered(): Promise<void> {
    this.times.push(performance.now() - this.begin)
    await sleep(PAUSE_MS)
    this.begin = performance.now()
    if (!this.closed) this.ask()
  }
}
