// Asks systemd for the units of macipd and FRR.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import type { Unit } from '../observation.js'
import type { Seen } from '../seen.js'
import { attemptLater, PATIENCE_MS } from './attempt.js'

const run = promisify(execFile)

const PROPERTIES = [
  'Id',
  'LoadState',
  'ActiveState',
  'UnitFileState',
  'MainPID',
  'Before',
  'NeedDaemonReload',
  'NFileDescriptorStore',
  'FileDescriptorStoreMax',
  'User',
  'AmbientCapabilities',
  'CapabilityBoundingSet',
]

/** As sd_booted(3) finds it out. */
const isBooted = (): boolean => existsSync('/run/systemd/system')

export async function observeUnits(names: readonly string[]): Promise<Seen<ReadonlyMap<string, Unit>>> {
  if (!isBooted()) return { unknown: 'systemd does not run here' }
  return attemptLater('systemctl show', async () => {
    const args = ['show', `--property=${PROPERTIES.join(',')}`, '--', ...names]
    const { stdout } = await run('systemctl', args, { timeout: PATIENCE_MS, killSignal: 'SIGKILL' })
    return parseUnits(stdout)
  })
}

/** Parses `systemctl show` of some units, with an empty line between. By name. */
export function parseUnits(text: string): ReadonlyMap<string, Unit> {
  return new Map(
    text
      .split(/\n\n+/)
      .map(propertiesOf)
      .filter((properties) => properties.has('Id'))
      .map((properties) => [properties.get('Id') ?? '', unitOf(properties)]),
  )
}

const propertiesOf = (block: string): Map<string, string> =>
  new Map(
    block.split('\n').flatMap((line): [string, string][] => {
      const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? []
      return name === undefined || value === undefined ? [] : [[name, value]]
    }),
  )

function unitOf(properties: ReadonlyMap<string, string>): Unit {
  const text = (name: string): string => properties.get(name) ?? ''
  const number = (name: string): number | undefined => (/^\d+$/.test(text(name)) ? Number(text(name)) : undefined)
  return {
    loadState: text('LoadState'),
    activeState: text('ActiveState'),
    unitFileState: text('UnitFileState'),
    mainPid: number('MainPID') ?? 0,
    before: text('Before').split(' '),
    needDaemonReload: text('NeedDaemonReload') === 'yes',
    capabilities: capabilitiesOf(text('User'), text('AmbientCapabilities'), text('CapabilityBoundingSet')),
    stored: number('NFileDescriptorStore'),
    storeMax: number('FileDescriptorStoreMax'),
  }
}

function capabilitiesOf(user: string, ambient: string, bounding: string): string[] | undefined {
  if (user === '' || user === 'root') return undefined
  const bound = new Set(bounding.split(' '))
  return ambient.split(' ').filter((name) => bound.has(name))
}
