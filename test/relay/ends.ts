// Both ends of a connection through a relay, and what tests of relays that end and begin ask of them.
import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { errnoName } from '../../src/base/exit.js'
import { waitFor } from '../../lab/wait.js'
import { NUMBERS, OPENINGS, frame } from '../zapi/build.js'
import { Flow } from './flow.js'
import type { FakeZebra, Inbox, RelayRig } from './rig.js'

const N = NUMBERS['8.4']
const { hello, capabilities } = OPENINGS['8.4']
/** Frames in each direction between two blows. */
const LOAD = 500

export type Ends = { readonly bgpd: Inbox; readonly zebra: Inbox }

export async function connected(rig: RelayRig, server: FakeZebra): Promise<Ends> {
  const bgpd = await rig.bgpd()
  bgpd.socket.write(hello)
  const zebra = await server.accept()
  assert.deepEqual(await zebra.take(hello.length), hello)
  zebra.socket.write(capabilities)
  assert.deepEqual(await bgpd.take(capabilities.length), capabilities)
  return { bgpd, zebra }
}

let marker = 0
export async function assertPasses({ bgpd, zebra }: Ends): Promise<void> {
  for (const [from, to] of [
    [bgpd, zebra],
    [zebra, bgpd],
  ] as const) {
    const sent = frame(N.ROUTE_ADD, Buffer.from(`frame ${marker++}`))
    from.socket.write(sent)
    assert.deepEqual(await to.frame(), sent)
  }
}

/** Load in both directions. */
export class Load {
  private readonly flows: readonly Flow[]
  constructor({ bgpd, zebra }: Ends) {
    this.flows = [new Flow(bgpd.socket, zebra.socket), new Flow(zebra.socket, bgpd.socket)]
  }

  async more(count = LOAD): Promise<void> {
    await Promise.all(this.flows.map((flow) => flow.more(count)))
  }

  async stop(): Promise<void> {
    await Promise.all(this.flows.map((flow) => flow.stop()))
  }
}

export const descriptors = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length
/** What is being closed takes a moment. */
export const descriptorsFall = (pid: number, most: number): Promise<number> =>
  waitFor(
    `process ${pid} to have at most ${most} descriptors`,
    () => descriptors(pid),
    (count) => count <= most,
  )

/** Kills a process that may have gone already. */
export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (errnoName(error) !== 'ESRCH') throw error
  }
}

/** Nobody may have asked for its exit code yet. */
export function hasEnded(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return true
  return /\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
}

export async function served(rig: RelayRig): Promise<number> {
  const { worker } = await rig.keeperUntil('a worker to serve', ({ worker }) => worker.state === 'serving')
  assert.ok(worker.pid !== null)
  return worker.pid
}

export const sessionIds = async (rig: RelayRig): Promise<number[]> =>
  ((await (await rig.control()).status()).sessions ?? []).map(({ id }) => id ?? 0)
