// What the hook commands work on: FRR's file, its daemons, and the relay's socket.
import { lstatSync } from 'node:fs'
import { dirname } from 'node:path'
import { ExitCode, FatalError } from '../../base/exit.js'
import { loadConfig } from '../../config/file.js'
import { defaultPaths } from '../../config/settings.js'
import { DEFAULT_ADDRESSES } from '../../fpm/listener.js'
import type { FpmServer } from '../../vty/fpm-config.js'
import { type Io, print } from '../io.js'
import { sockets } from '../options.js'
import { askRelay } from '../queries.js'
import { paintFor } from '../text.js'
import { changesOf, DamagedBlockError, hookIn } from './block.js'
import { daemonsPath, readDaemons, writeDaemons } from './daemons-file.js'
import { daemonIn } from './processes.js'
import type { Facts } from './state.js'

/** The options that name it. */
export type Given = { relay?: string; config?: string; pathspace?: string; daemons?: string }

export type Place = {
  pathspace: string | undefined
  /** Path of the file that FRR's scripts source. */
  daemons: string
  /** Where bgpd is to connect. */
  listen: string
  isUsualPath: boolean
  /** Path of zebra's own socket; FRR's pid files are beside it. */
  zebra: string
  relaySocket: string
  /** Where the snooper listens for FPM; nothing if it does not. */
  fpmListening: readonly FpmServer[]
}

export async function placeOf(given: Given): Promise<Place> {
  const config = await loadConfig(given.config)
  const pathspace = given.pathspace ?? config.pathspace
  const paths = defaultPaths(pathspace)
  const listen = config.relay?.listen ?? paths.listen
  return {
    pathspace,
    daemons: given.daemons ?? daemonsPath(pathspace),
    listen,
    isUsualPath: listen === paths.listen,
    zebra: config.relay?.zebra ?? paths.zebra,
    relaySocket: (await sockets(given)).relay,
    fpmListening: config.fpm?.listen === 'none' ? [] : (config.fpm?.listen ?? DEFAULT_ADDRESSES),
  }
}

export async function factsOf({ daemons, listen, zebra, relaySocket }: Place): Promise<Facts> {
  return {
    listen,
    zebra,
    hook: understood(daemons, () => hookIn(readDaemons(daemons))),
    bgpd: daemonIn(dirname(zebra), 'bgpd'),
    relay: await askRelay(relaySocket),
    path: kindOf(listen),
  }
}

/** What is at the path of the relay's socket. */
export function kindOf(path: string): Facts['path'] {
  try {
    return lstatSync(path).isSymbolicLink() ? 'link' : 'socket'
  } catch {
    return 'nothing'
  }
}

function understood<T>(daemons: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof DamagedBlockError)) throw error
    throw new FatalError(
      ExitCode.usage,
      `${daemons}:${error.line}: ${error.message}: take the block of macipd out by hand, and try again`,
    )
  }
}

/** Writes the file if it is to change, and shows how; returns whether it did, or would have. */
export function change(io: Io, { daemons }: Place, dryRun: boolean, to: (text: string) => string): boolean {
  const before = readDaemons(daemons)
  const after = understood(daemons, () => to(before))
  if (after === before) return false
  if (!dryRun) writeDaemons(daemons, after)
  const paint = paintFor(io)
  const lines = changesOf(before, after).map(({ sign, line }) =>
    paint(sign === '+' ? 'green' : 'red', `${sign} ${line}`),
  )
  print(io, [`${daemons}${dryRun ? ' would be changed' : ' is changed'}:`, ...lines, ''].join('\n'))
  return true
}
