// What /proc says of processes.
import { readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { Seen } from '../seen.js'
import { attempt } from './attempt.js'

/** Programs that write kernel neighbours, or routes, of hosts that they have heard. */
const RIVALS = new Set(['neighsnoopd', 'neighmgrd', 'snoopy', 'rdnbrd'])

/** CapEff of a process. */
export const capabilitiesOf = (pid: number): Seen<bigint> => {
  const path = `/proc/${pid}/status`
  return attempt(path, () => {
    const [, mask] = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync(path, 'utf8')) ?? []
    if (mask === undefined) throw new Error('does not say its capabilities')
    return BigInt(`0x${mask}`)
  })
}

/** Running programs of this kind, by the name of the process or of the script that it runs. */
export const observeRivals = (): Seen<{ name: string; pid: number }[]> =>
  attempt('/proc', () =>
    readdirSync('/proc').flatMap((entry) => {
      const pid = Number(entry)
      const name = Number.isInteger(pid) ? namesOf(pid).find((it) => RIVALS.has(it)) : undefined
      return name === undefined ? [] : [{ name, pid }]
    }),
  )

function namesOf(pid: number): string[] {
  try {
    const [program = '', script = ''] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    // cmdline is that of another program's arguments, too: only the first two words can be names
    return [readFileSync(`/proc/${pid}/comm`, 'utf8').trim(), basename(program), basename(script)]
  } catch {
    // it has just ended
    return []
  }
}
