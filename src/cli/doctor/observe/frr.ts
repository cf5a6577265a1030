// How FRR was started, and what its daemons say of themselves.
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ExitCode, FatalError, reason } from '../../../base/exit.js'
import { DEFAULTS } from '../../../config/defaults.js'
import { showBgpVnis } from '../../../vty/evpn-show.js'
import {
  showAdvertisesAllVnis,
  showDuplicates,
  showsLocalRoute,
  showVersion,
  showWatched,
} from '../../../vty/node-show.js'
import { DamagedBlockError, hookIn } from '../../hook/block.js'
import { readDaemons } from '../../hook/daemons-file.js'
import { kindOf, type Place } from '../../hook/place.js'
import { daemonIn } from '../../hook/processes.js'
import { FRR_DAEMONS } from '../../hook/share.js'
import { askBindings } from '../../queries.js'
import type { BindingReport } from '../../report.js'
import type { Bgpd, HookFile, Observation, Zebra } from '../observation.js'
import type { Seen } from '../seen.js'
import { askVty, PATIENCE_MS } from './attempt.js'

/** `frrRunDir`: where FRR's pid files and vty sockets are. */
export async function observeFrr(
  { daemons, listen }: Pick<Place, 'daemons' | 'listen'>,
  frrRunDir: string,
): Promise<Observation['frr']> {
  const vty = (name: string): string => join(frrRunDir, `${name}.vty`)
  const bgpd = daemonIn(frrRunDir, 'bgpd')
  const zebra = daemonIn(frrRunDir, 'zebra')
  const watchfrr = daemonIn(frrRunDir, 'watchfrr')
  const absent = (name: string): { unknown: string } => ({ unknown: `${name} does not run` })
  const [watched, zebraSays, bgpdSays] = await Promise.all([
    watchfrr === undefined ? absent('watchfrr') : askVty(vty('watchfrr'), showWatched),
    zebra === undefined ? absent('zebra') : askVty(vty('zebra'), zebraShows),
    bgpd === undefined ? absent('bgpd') : askVty(vty('bgpd'), bgpdShows),
  ])
  const off = join(DEFAULTS.runDir, 'disabled')
  return {
    isInstalled: existsSync(dirname(daemons)),
    hook: observeHook(daemons, listen),
    hasHookScript: existsSync(FRR_DAEMONS),
    disabledBy: existsSync(off) ? off : undefined,
    path: kindOf(listen),
    ...{ bgpd, zebra, watchfrr, watched, zebraSays, bgpdSays },
  }
}

const zebraShows = async (zebra: Parameters<typeof showVersion>[0]): Promise<Zebra> => ({
  version: await showVersion(zebra),
  duplicates: await showDuplicates(zebra),
})

const bgpdShows = async (bgpd: Parameters<typeof showVersion>[0]): Promise<Bgpd> => ({
  advertisesAll: await showAdvertisesAllVnis(bgpd),
  vnis: [...(await showBgpVnis(bgpd)).keys()],
})

function observeHook(daemons: string, listen: string): Seen<HookFile> {
  let text: string
  try {
    text = readDaemons(daemons)
  } catch (error) {
    return {
      unknown:
        error instanceof FatalError && error.exitCode === ExitCode.notFound ? `${daemons} is not there` : reason(error),
    }
  }
  return { value: readHook(text, listen) }
}

/** What FRR's file says of bgpd. */
export function readHook(text: string, listen: string): HookFile {
  const options = /^[ \t]*bgpd_options=(.*)$/m.exec(text.replaceAll(/^[ \t]*#.*$/gm, ''))?.[1] ?? ''
  const common = {
    hasOwnOption: /(^|[\s"'(])(-z|--socket[ =])/.test(options) && options.includes(listen),
    startsBgpd: !/^[ \t]*bgpd=["']?no\b/m.test(text),
  }
  try {
    return { block: hookIn(text), damage: '', ...common }
  } catch (error) {
    if (!(error instanceof DamagedBlockError)) throw error
    return { block: undefined, damage: `line ${error.line}: ${error.message}`, ...common }
  }
}

/** So long a route may take from the relay to bgpd's table, or back. */
const AGAIN_MS = 500

/** Finds a MAC-IP that is announced, and looks for it in bgpd; a second time if it is not there, as it may just come or go. */
export async function observeAnnounced(snoop: string, frrRunDir: string): Promise<Observation['announced']> {
  const first = await lookFor(await announcedOf(snoop), frrRunDir)
  if ('unknown' in first || first.value?.isInBgpd !== false) return first
  await sleep(AGAIN_MS)
  const { binding } = first.value
  const still = (await announcedOf(snoop)).filter(({ vni, ip, mac }) => {
    return vni === binding.vni && ip === binding.ip && mac === binding.mac
  })
  return lookFor(still, frrRunDir)
}

async function announcedOf(snoop: string): Promise<BindingReport[]> {
  const bindings: BindingReport[] = []
  await askBindings(snoop, PATIENCE_MS, bindings)
  return bindings.filter(({ state, reason }) => state === 'active' && reason === 'announced')
}

async function lookFor(announced: readonly BindingReport[], frrRunDir: string): Promise<Observation['announced']> {
  const [binding] = announced
  if (binding === undefined) return { value: undefined }
  return askVty(join(frrRunDir, 'bgpd.vty'), async (bgpd) => {
    const rd = (await showBgpVnis(bgpd)).get(binding.vni)
    const isInBgpd = rd !== undefined && (await showsLocalRoute(bgpd, rd, binding.mac, binding.ip))
    return { binding, isInBgpd }
  })
}
