// What a frame of ZAPI costs: finding it in the stream, decoding it, showing it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { dissect } from '../src/zapi/dissect.js'
import { frameLength, HEADER_SIZE, writeHeader } from '../src/zapi/frame.js'
import { type FrrRelease, frrRelease } from '../src/zapi/releases.js'
import { MACIP_ADD, REMOTE_MACIP_ADD } from '../src/zapi/messages/macip.js'
import { ROUTE } from '../src/zapi/messages/route.js'
import { FrameScanner } from '../src/zapi/scanner.js'
import type { Measurement, Target } from './measurement.js'

const ATTEMPTS = 7
const MESSAGES = 500_000
const GIGABYTE = 1e9
const DECODE_TARGET: Target = '>= 1000000'
const STREAM_SIZE = 65_536
const FRAME_SIZE = 100

/** vni 100, bc:24:11:00:00:01, 10.2.1.11, no flags, seq 3, no ESI. */
const MACIP_PAYLOAD = Buffer.from('00000064bc2411000001000000040a02010b0000000003' + '00'.repeat(10), 'hex')
/** vni 100, bc:24:11:00:00:01, 10.2.1.11, vtep 192.0.2.2, no flags, seq 3, no ESI; the layout until 10.5. */
const REMOTE_MACIP_PAYLOAD = Buffer.from('00000064bc241100000100040a02010bc00002020000000003' + '00'.repeat(10), 'hex')
/** bgp, 198.51.100.0/24, one IPv4 nexthop with ifindex, distance 20, metric 0. */
const ROUTE_PAYLOAD = Buffer.from(
  '0a0000' +
    '00000000' +
    '00000007' +
    '01' +
    '0218c63364' +
    '0001' +
    '000000000300c0000202' +
    '00000002' +
    '1400000000',
  'hex',
)

/** Frame scanning in GB/s, decoding in messages per second; the best of several attempts. */
export function benchZapi(): Promise<Measurement[]> {
  const release = frrRelease('10.3')
  if (release === undefined) throw new Error('there is no release 10.3')
  const { features } = release
  return Promise.resolve([
    { name: 'ZAPI frame scanning, 100-byte messages', value: scanning(), unit: 'GB/s', target: '>= 2' },
    rate('ZAPI decode MACIP_ADD', () => MACIP_ADD.decode(MACIP_PAYLOAD, features), DECODE_TARGET),
    rate('ZAPI decode REMOTE_MACIP_ADD', () => REMOTE_MACIP_ADD.decode(REMOTE_MACIP_PAYLOAD, features), DECODE_TARGET),
    rate('ZAPI decode ROUTE_ADD', () => ROUTE.decode(ROUTE_PAYLOAD, features), DECODE_TARGET),
    dissecting(release),
  ])
}

function rate(name: string, work: () => unknown, target: Target): Measurement {
  const seconds = best(() => {
    for (let i = 0; i < MESSAGES; i++) work()
  })
  return { name, value: Math.round(MESSAGES / seconds), unit: 'messages/s', target }
}

/** As the relay reads it: 64 KiB at a time, every frame visited. */
function scanning(): number {
  const stream = Buffer.alloc(STREAM_SIZE - (STREAM_SIZE % FRAME_SIZE))
  for (let offset = 0; offset < stream.length; offset += FRAME_SIZE) {
    writeHeader(stream.subarray(offset, offset + FRAME_SIZE), 0, 9)
  }
  const scanner = new FrameScanner(
    () => 'pass',
    () => false,
  )
  const rounds = 2000
  const seconds = best(() => {
    for (let i = 0; i < rounds; i++) scanner.scan(stream, stream.length)
  })
  return (rounds * stream.length) / seconds / GIGABYTE
}

/** A recorded conversation, with names for numbers and a summary: what the dump does. */
function dissecting(release: FrrRelease): Measurement {
  const stream = readFileSync(join(import.meta.dirname, '../../test/fixtures/zapi/10.3/1-to-zebra.bin'))
  const frames: Buffer[] = []
  for (let offset = 0; offset + HEADER_SIZE <= stream.length; offset += frameLength(stream, offset)) {
    frames.push(stream.subarray(offset, offset + frameLength(stream, offset)))
  }
  const rounds = Math.ceil(50_000 / frames.length)
  const seconds = best(() => {
    for (let i = 0; i < rounds; i++) for (const frame of frames) dissect(frame, release, 'to-zebra')
  })
  return {
    name: 'ZAPI dissect, recorded bgpd',
    value: Math.round((rounds * frames.length) / seconds),
    unit: 'messages/s',
  }
}

function best(work: () => void): number {
  const seconds = Array.from({ length: ATTEMPTS }, () => {
    const start = process.hrtime.bigint()
    work()
    return Number(process.hrtime.bigint() - start) / 1e9
  })
  return Math.min(...seconds)
}
