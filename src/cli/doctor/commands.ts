// What to type, as it is on this node: with the path space, and with systemd where it starts macipd.
import type { Observation } from './observation.js'

type Node = Pick<Observation, 'pathspace' | 'systemd'>

const suffix = ({ pathspace }: Node): string => (pathspace === undefined ? '' : ` -N ${pathspace}`)

/** A command of macipctl. */
export const macipctl = (node: Node, words: string): string => `macipctl ${words}${suffix(node)}`

/** Commands of vtysh, each a line of its own there. */
export const vtysh = (node: Node, ...lines: readonly string[]): string =>
  `vtysh${suffix(node)}${lines.map((line) => ` -c '${line}'`).join('')}`

export type UnitName = 'macipd-relay' | 'macipd-snoop' | 'frr'

/** The name of a unit on this node, with `.service`. */
export const unitOf = ({ pathspace }: Node, name: UnitName): string =>
  `${name}${pathspace === undefined ? '' : `@${pathspace}`}.service`

/** The unit as systemd knows it; undefined if there is none, or it cannot be seen. */
export function unitIn(node: Node, name: UnitName) {
  const unit = 'unknown' in node.systemd ? undefined : node.systemd.value.get(unitOf(node, name))
  return unit === undefined || unit.loadState === 'not-found' ? undefined : unit
}

const PROGRAMS = { 'macipd-relay': 'macipd relay', 'macipd-snoop': 'macipd snoop', frr: 'FRR' }

/** Starts or restarts a service, or says which program has to be started where none does. */
export function service(node: Node, action: 'start' | 'restart', name: UnitName): string {
  if (unitIn(node, name) !== undefined) return `systemctl ${action} ${unitOf(node, name)}`
  if (name === 'frr')
    return `/usr/lib/frr/frrinit.sh ${action}${node.pathspace === undefined ? '' : ` ${node.pathspace}`}`
  const takeOver = action === 'restart' && name === 'macipd-relay' ? ' --take-over' : ''
  return `${PROGRAMS[name]}${suffix(node)}${takeOver}`
}

/** Shows the last lines of a service's log. */
export const logOf = (node: Node, name: UnitName): string =>
  unitIn(node, name) === undefined ? `# see the log of ${PROGRAMS[name]}` : `journalctl -u ${unitOf(node, name)} -n 50`

/** bgpd connects to zebra anew, through the relay if that runs; about 3 s without BGP routes. */
export const restartBgpd = (node: Node): string => macipctl(node, 'hook install --restart-bgpd')

/** A line of the configuration file, and what makes it count. */
export const configure = (node: Node & Pick<Observation, 'configured'>, line: string): string[] => [
  `# in ${node.configured.file}: ${line}`,
  service(node, 'restart', 'macipd-snoop'),
]
