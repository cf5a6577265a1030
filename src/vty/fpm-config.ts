// What zebra is told about FPM: of its module dplane_fpm_nl (dplane_fpm_nl.c) what macipd needs, of the older one (zebra_fpm.c)
// only whether it is in use.
import { showsL3Vni } from './evpn-show.js'
import { type Vty, VtyError } from './vty.js'

/** Where zebra's module connects. */
export type FpmServer = { readonly ip: string; readonly port: number }

export type FpmConfig = {
  /** undefined: the module does not connect. */
  readonly server: FpmServer | undefined
  /** Routes name nexthop groups, which say no VNI. Not known, and true, without a server. */
  readonly nexthopGroups: boolean
  /** Whether the older module has a server. */
  readonly isOldModule: boolean
}

/** SOUTHBOUND_DEFAULT_PORT, which zebra does not show. */
const DEFAULT_PORT = 2620
const MAX_CONFIG = 64 << 20

/** Parses what `show running-config` shows. */
export function fpmConfigOf(shown: string): FpmConfig {
  const [, ip, port = DEFAULT_PORT] = /^fpm address (\S+)(?: port (\d+))?\s*$/m.exec(shown) ?? []
  return {
    server: ip === undefined ? undefined : { ip, port: Number(port) },
    nexthopGroups: !/^no fpm use-next-hop-groups\s*$/m.test(shown),
    isOldModule: /^fpm connection ip /m.test(shown),
  }
}

/** Throws VtyError. */
export async function showFpmConfig(zebra: Vty): Promise<FpmConfig> {
  await zebra.askForText('enable')
  return fpmConfigOf(await zebra.askForText('show running-config', MAX_CONFIG))
}

/** The commands that give zebra a configuration in place of another: each makes zebra connect anew, so none is superfluous. */
export function fpmLines(now: FpmConfig, { ip, port }: FpmServer): string[] {
  // without a server the groups are not shown, and turning them off then costs no connection
  const groups = now.server === undefined || now.nexthopGroups ? ['no fpm use-next-hop-groups'] : []
  const hasServer = now.server?.ip === ip && now.server.port === port
  return hasServer ? groups : [...groups, `fpm address ${ip}${port === DEFAULT_PORT ? '' : ` port ${port}`}`]
}

/** CMD_ERR_NO_MATCH (lib/command.h): no module of zebra has the command. */
const NO_MATCH = 2

export class NoFpmModuleError extends Error {}

/** Configures zebra until its next start; after `showFpmConfig`. Throws NoFpmModuleError, or VtyError. */
export async function configureFpm(zebra: Vty, lines: readonly string[]): Promise<void> {
  await zebra.askForText('configure terminal')
  for (const line of lines) {
    try {
      await zebra.askForText(line)
    } catch (error) {
      if (error instanceof VtyError && error.status === NO_MATCH)
        throw new NoFpmModuleError(`zebra does not know "${line}"`, { cause: error })
      throw error
    }
  }
  await zebra.askForText('end')
}

/** Of each release the first version whose zebra survives that FPM connects while an L3VNI has router MACs. */
const SAFE_VERSIONS: Readonly<Record<string, number>> = { '8.4': 7, '8.5': 7, '9.0': 5, '9.1': 3, '10.0': 3, '10.1': 2 }

/** Whether a zebra with L3VNIs may crash when FPM connects; `shown`: its `show version`. */
export function mayCrash(shown: string): boolean {
  const [, release = '', patch = 0] = /^FRRouting (\d+\.\d+)(?:\.(\d+))?/m.exec(shown) ?? []
  return Number(patch) < (SAFE_VERSIONS[release] ?? 0)
}

/** Whether this zebra may crash when its FPM module connects. Throws VtyError. */
export const mayCrashNow = async (zebra: Vty): Promise<boolean> =>
  mayCrash(await zebra.askForText('show version')) && (await showsL3Vni(zebra))

/** What `mayCrashNow` found, in words. */
export const MAY_CRASH = 'this zebra may crash when FPM connects, as it has VNIs for routing (L3VNI)'
