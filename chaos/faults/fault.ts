// What a fault is.
import type { Node } from '../node.js'
import type { Random } from '../random.js'
import type { Kind } from '../schedule.js'

/** Ends the fault, and starts again what it ended. */
export type Undo = () => Promise<void> | void

export interface Fault extends Kind {
  /** What it does, in a few words. */
  readonly about: string
  /** Id of what `macipctl status` has to find while it lasts; undefined: nothing, or it is over before anybody can ask. */
  readonly finding?: string
  /** One that lasts no longer need not be told, milliseconds; default 3000, because asking takes up to 2 s. */
  readonly toldAfter?: number
  /** bgpd's connections to zebra, and between the nodes, do not outlive it. */
  readonly endsSessions?: true
  /**
   * zebra keeps what an earlier bgpd has told it of remote hosts, and the kernel what an earlier zebra has written, although
   * nobody withdraws it any more.
   */
  readonly leavesRemote?: true
  /** Afterwards nobody knows the hosts of a node that lost its snooper, too. */
  readonly losesTruth?: true
  /** It makes sense without macipd. */
  readonly ofFrr?: true
  begin(node: Node, random: Random): Promise<Undo>
}

export const nothing: Undo = () => undefined
