// How soon the whole fabric agrees who has an address.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { Fabric } from '../../lab/fabric.js'
import type { JsonLines } from '../../lab/json-lines.js'
import type { Vm } from '../../lab/vm.js'
import { formatIp } from '../../src/base/address.js'

/** Whether an IPv4 host says that it has the address, in a request or a reply (RFC 5227 3). */
const isAnnouncement = (frame: Buffer, ip: string): boolean =>
  frame.readUInt16BE(12) === 0x0806 &&
  formatIp(frame.subarray(28, 32)) === ip &&
  formatIp(frame.subarray(38, 42)) === ip

/**
 * Waits until the node of this VM, and no other one, announces the address with `mac`, and tells how long that was after
 * the VM announced it. `change` makes the VM do so.
 */
export async function hasConverged(
  { lab }: Fabric,
  t: TestContext,
  { vm, ip, mac = vm.mac }: { vm: Vm; ip: string; mac?: string },
  change: () => unknown,
): Promise<void> {
  using wire = vm.capture()
  const changed = change()
  await wire.waitForFrame(`an announcement of ${ip}`, ({ bytes, outgoing }) => outgoing && isAnnouncement(bytes, ip))
  const begin = performance.now()
  const told = async (): Promise<void> => {
    await lab.advertisedBy(vm.router, mac, ip)
    t.diagnostic(`${vm.name} has ${ip} after ${Math.round(performance.now() - begin)} ms`)
  }
  await Promise.all([changed, told()])
}

type EventLine = { readonly event: string; readonly ip: string; readonly mac: string; readonly detail: string }

/** Whom macipd has punished since the watch began: frozen as a duplicate, or not believed for a while. */
export class Blame implements AsyncDisposable {
  private constructor(
    private readonly fabric: Fabric,
    private readonly followed: readonly JsonLines[],
  ) {}

  static async watch(fabric: Fabric): Promise<Blame> {
    const followed = fabric.lab.nodes.map((node) => node.follow('events', '--follow', '--last', 'all'))
    return new Blame(fabric, await Promise.all(followed))
  }

  /** What both nodes have told so far, each in its own order. */
  events(): EventLine[] {
    return this.followed.flatMap((it) => it.lines() as EventLine[])
  }

  /** Fails if there is anybody. */
  async none(): Promise<void> {
    const punished = this.events().filter(({ event }) => event === 'duplicate' || event === 'held-down')
    assert.deepEqual(punished, [])
    for (const node of this.fabric.lab.nodes) {
      const { duplicates, heldDowns } = await node.snoopStatus()
      assert.deepEqual({ duplicates, heldDowns }, { duplicates: 0, heldDowns: 0 }, node.name)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.followed.map((it) => it.stop()))
  }
}
