// Gives back what a start leaves behind. A daemon that allocates little afterwards would keep it, because nothing makes V8
// collect it.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** By then the start is over, and what it brought about, too. */
const SETTLED_MS = 5000
const PAUSE_MS = 500
/** V8 drops compiled code that has not run for several collections. */
const COLLECTIONS = 8

/** Collects garbage some seconds from now, in several steps of about 10 ms in which nothing else happens. */
export function collectAfterStart(): void {
  setTimeout(() => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as (options: object) => void
    let left = COLLECTIONS
    const steps = setInterval(() => {
      collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
      if (--left === 0) clearInterval(steps)
    }, PAUSE_MS)
    steps.unref()
  }, SETTLED_MS).unref()
}
