// A fabric whose near node has all that the doctor looks at: FRR's file with the hook, watchfrr, zebra's FPM connection.
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { Fabric } from '../../lab/fabric.js'
import { findTree, type Release } from '../../lab/frr.js'
import { MACIPCTL } from '../../lab/programs.js'
import { exec } from '../../lab/process.js'
import type { Router } from '../../lab/router.js'
import { ExitCode } from '../../src/base/exit.js'
import type { Result, Status } from '../../src/cli/doctor/result.js'

export type Report = { healthy: boolean; checks: Result[] } & Readonly<Record<Status, number>>
export type Diagnosis = Report & { code: number }

/** How long after a fault, or its cure, everything knows of it. */
const TIMEOUT_MS = 60_000
export const RELAY = '/run/macipd/zserv.api'

export const isWrong = ({ status }: Result): boolean => status === 'fail' || status === 'warn'

export class DoctoredNode implements AsyncDisposable {
  private constructor(
    readonly fabric: Fabric,
    readonly frr: Release,
  ) {}

  static async start(frr: Release): Promise<DoctoredNode> {
    const fabric = await Fabric.start({ frr, near: { relayInView: true } })
    const node = new DoctoredNode(fabric, frr)
    try {
      copyFileSync(join(findTree(frr).path, 'etc/frr/daemons'), node.daemons)
      await node.hook('install')
      await node.near.startWatchfrr()
      await node.near.configure('fpm address 127.0.0.1', 'no fpm use-next-hop-groups')
      await fabric.learn()
      return node
    } catch (error) {
      await fabric[Symbol.asyncDispose]()
      throw error
    }
  }

  get near(): Router {
    return this.fabric.near
  }

  get daemons(): string {
    return this.near.path('/etc/frr/daemons')
  }

  /** `macipctl hook`, which changes FRR's file alone. */
  hook(action: 'install' | 'remove'): Promise<string> {
    return this.macipctl(['hook', action, '--daemons', this.daemons])
  }

  private macipctl(args: readonly string[], done: readonly number[] = [0]): Promise<string> {
    return exec(this.near.namespaces, this.near.inView([process.execPath, MACIPCTL, ...args]), '', done)
  }

  /** What the doctor prints for people. */
  text(...args: readonly string[]): Promise<string> {
    return this.macipctl(
      ['doctor', '--daemons', this.daemons, ...args],
      [ExitCode.ok, ExitCode.unhealthy, ExitCode.warnings],
    )
  }

  async diagnosis(): Promise<Diagnosis> {
    const script = '"$@"; echo " $?"'
    const argv = [process.execPath, MACIPCTL, 'doctor', '--daemons', this.daemons, '--json']
    const text = await exec(this.near.namespaces, this.near.inView(['sh', '-c', script, 'sh', ...argv]))
    const end = text.lastIndexOf(' ')
    return { ...(JSON.parse(text.slice(0, end)) as Report), code: Number(text.slice(end)) }
  }

  /** Waits until exactly these checks say that something is wrong; resolves to what they say. */
  async finds(...ids: readonly string[]): Promise<Diagnosis> {
    return this.fabric.lab.waitFor(
      `the doctor to find ${ids.join(', ') || 'nothing'}`,
      () => this.diagnosis(),
      ({ checks }) =>
        isDeepStrictEqual(
          checks.filter(isWrong).map(({ id }) => id),
          ids,
        ),
      { timeoutMs: TIMEOUT_MS },
    )
  }

  /** Types lines as they are, as root on the node. */
  async type(lines: readonly string[]): Promise<void> {
    await this.near.exec(this.near.inRoot(['bash', '-ec', lines.join('\n')]))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fabric[Symbol.asyncDispose]()
  }
}
