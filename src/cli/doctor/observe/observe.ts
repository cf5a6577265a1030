// Looks at the node: everything at once, each thing within its time. It changes nothing.
import { dirname } from 'node:path'
import { errnoName, reason } from '../../../base/exit.js'
import { version } from '../../../base/version.js'
import { DEFAULT_CONFIG, loadConfig } from '../../../config/file.js'
import { DEFAULTS } from '../../../config/defaults.js'
import { defaultPaths } from '../../../config/settings.js'
import { survey, type Survey } from '../../../rtnetlink/survey.js'
import { placeOf } from '../../hook/place.js'
import { type Common, keeperSocket, sockets } from '../../options.js'
import { askRelay, askSnooper } from '../../queries.js'
import { askKeeper } from '../../status/keeper.js'
import type { Status } from '../../status/health.js'
import { unitOf } from '../commands.js'
import type { Observation } from '../observation.js'
import type { Seen } from '../seen.js'
import { attemptLater, PATIENCE_MS } from './attempt.js'
import { observeAnnounced, observeFrr } from './frr.js'
import { addonError, observeKernel, observeNeighbourLimits, roomOf, withoutIpv6 } from './machine.js'
import { capabilitiesOf, observeRivals } from './processes.js'
import { observeUnits } from './systemd.js'

export type Given = Common & { runDir?: string; daemons?: string }

/** A configuration file that says nothing. */
const NO_CONFIG = '/dev/null'

async function mistakeIn(file: string | undefined): Promise<Seen<string | undefined>> {
  try {
    await loadConfig(file)
    return { value: undefined }
  } catch (error) {
    const isDenied = error instanceof Error && errnoName(error.cause) === 'EACCES'
    return isDenied ? { unknown: `${file ?? DEFAULT_CONFIG}: no permission: run as root` } : { value: reason(error) }
  }
}

export async function observe(asked: Given): Promise<Observation> {
  const mistake = await mistakeIn(asked.config)
  const isUsable = 'value' in mistake && mistake.value === undefined
  const given = isUsable ? asked : { ...asked, config: NO_CONFIG }
  const place = await placeOf(given)
  const config = await loadConfig(given.config)
  const { pathspace } = place
  const { relay, snoop } = await sockets(given)
  const keeper = await keeperSocket(given)
  const paths = defaultPaths(pathspace)
  const frrRunDir = dirname(config.relay?.zebra ?? paths.zebra)
  const runDir = given.runDir ?? config.relay?.runDir ?? paths.runDir
  const state = config.snoop?.state ?? paths.state
  const units = (['macipd-relay', 'macipd-snoop', 'frr'] as const).map((name) => {
    return unitOf({ pathspace, systemd: { unknown: '' } }, name)
  })
  const [status, systemd, frr, network, announced] = await Promise.all([
    askBoth(keeper, relay, snoop),
    observeUnits(units),
    observeFrr(place, frrRunDir),
    attemptLater('rtnetlink', () => survey(PATIENCE_MS)),
    observeAnnounced(snoop, frrRunDir),
  ])
  return {
    now: Date.now(),
    program: { version, node: process.versions.node },
    pathspace,
    configured: {
      file: asked.config ?? DEFAULT_CONFIG,
      mistake,
      heedsFilters: (config.snoop?.filters ?? DEFAULTS.filters) === 'heed',
      probes: config.snoop?.probes !== 'off',
    },
    paths: {
      listen: place.listen,
      daemons: place.daemons,
      runDir,
    },
    kernel: observeKernel(),
    addonError: addonError(),
    ...{ systemd, status, frr, announced, network },
    snooperCapabilities: snooperCapabilities(status),
    bridgesWithoutIpv6: 'unknown' in network ? network : withoutIpv6(bridgesOf(network.value)),
    neighbourLimits: observeNeighbourLimits(),
    rivals: observeRivals(),
    rooms: [
      ...roomOf(runDir, 'journal and sockets of the relay'),
      ...(state === 'none' ? [] : roomOf(dirname(state), 'what the snooper has learned')),
    ],
  }
}

async function askBoth(keeper: string, relay: string, snoop: string): Promise<Status> {
  const [ofKeeper, ofRelay, ofSnooper] = await Promise.all([
    askKeeper(keeper, PATIENCE_MS),
    askRelay(relay, PATIENCE_MS),
    askSnooper(snoop, PATIENCE_MS),
  ])
  return { keeper: ofKeeper, relay: ofRelay, snooper: ofSnooper }
}

const snooperCapabilities = ({ snooper }: Status): Seen<bigint> =>
  snooper.running ? capabilitiesOf(snooper.pid) : { unknown: 'the snooper does not answer' }

const bridgesOf = ({ links }: Survey): string[] => links.filter(({ kind }) => kind === 'bridge').map(({ name }) => name)
