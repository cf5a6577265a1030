// Compares a replay with the recording: each MAC-IP must have the same messages in the same order.
import type { Act, Done } from '../../../relay/replay.js'
import { macIpOf } from './macip.js'

/** What the recorded relay did about one (VNI, MAC, IP), and what this one would do. `ip` is null for the MAC alone. */
export type Difference = {
  vni: number
  mac: string
  ip: string | null
  recorded: string[]
  replayed: string[]
}

export class Comparison {
  private readonly byKey = new Map<string, Difference>()
  private counts = { inject: 0, drop: 0 }

  add(act: Act | Done): void {
    if (act.type === 'recorded') this.append('recorded', act.act)
    else if (act.type === 'inject' || act.type === 'drop') {
      this.counts[act.type]++
      this.append('replayed', act)
    }
  }

  /** How many messages the replay would have injected and dropped. */
  get replayed(): { inject: number; drop: number } {
    return this.counts
  }

  /** @param cut the recording may end before the relay did what it was about to do: one step of each MAC-IP */
  differences(cut: boolean): Difference[] {
    return [...this.byKey.values()].filter(({ recorded, replayed }) => {
      const same = recorded.join() === replayed.join()
      return !same && !(cut && recorded.join() === replayed.slice(0, -1).join())
    })
  }

  private append(side: 'recorded' | 'replayed', act: Extract<Act, { type: 'inject' | 'drop' }>): void {
    const { vni, mac, ip, what } = macIpOf(act.message)
    const key = `${vni} ${mac} ${ip ?? ''}`
    const sides = this.byKey.get(key) ?? { vni, mac, ip, recorded: [], replayed: [] }
    this.byKey.set(key, sides)
    const step = act.type === 'drop' ? `drop ${what}` : what
    // a journal that was written anew says again what it has said before
    if (sides[side].at(-1) !== step) sides[side].push(step)
  }
}
