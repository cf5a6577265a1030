// FRR release lines: what differs on the wire, as data. No codec compares versions; it asks for a feature.
import { TABLE_A } from './tables/a.js'
import { TABLE_B } from './tables/b.js'
import { TABLE_C } from './tables/c.js'
import { TABLE_D } from './tables/d.js'
import { TABLE_E } from './tables/e.js'
import { TABLE_F } from './tables/f.js'

const TABLES = { A: TABLE_A, B: TABLE_B, C: TABLE_C, D: TABLE_D, E: TABLE_E, F: TABLE_F }

type TableName = keyof typeof TABLES
/** Name of a command as `enum zebra_message_types_t` has it. */
export type CommandName = (typeof TABLES)[TableName][number]

/** Differences of layout between release lines. */
export type Features = {
  /** HELLO carries receive_notify before synchronous (until 9.1). */
  readonly helloReceiveNotify: boolean
  /** Length of the payload of CAPABILITIES, in bytes. */
  readonly capabilitiesLength: number
  /** VTEP and originator addresses: a bare in_addr (until 10.5) or u16 family and address. */
  readonly vtepAddress: 'in_addr' | 'ipaddr'
  /** ZEBRA_ROUTE_BGP of lib/route_types.txt. */
  readonly protoBgp: number
  /** ZEBRA_ROUTE_VNC of lib/route_types.txt. */
  readonly protoVnc: number
}

/** A release line: every patch release of it has the same numbers and layouts. */
export type ReleaseLine = {
  readonly name: string
  readonly features: Features
  /** The command's name, undefined for a number the line does not have. */
  commandName(number: number): CommandName | undefined
  /** The command's number, undefined when the line does not have it. */
  commandNumber(name: CommandName): number | undefined
}

const until91: Features = {
  helloReceiveNotify: true,
  capabilitiesLength: 10,
  vtepAddress: 'in_addr',
  protoBgp: 9,
  protoVnc: 17,
}
const from100: Features = {
  helloReceiveNotify: false,
  capabilitiesLength: 11,
  vtepAddress: 'in_addr',
  protoBgp: 10,
  protoVnc: 18,
}
const from102: Features = { ...from100, capabilitiesLength: 12 }
const from106: Features = { ...from100, capabilitiesLength: 9, vtepAddress: 'ipaddr' }

/** Every known line, oldest first. */
export const RELEASE_LINES: readonly ReleaseLine[] = [
  line('8.4', 'A', until91),
  line('8.5', 'B', until91),
  line('9.0', 'B', until91),
  line('9.1', 'C', { ...until91, capabilitiesLength: 11 }),
  line('10.0', 'D', from100),
  line('10.1', 'D', from100),
  line('10.2', 'E', from102),
  line('10.3', 'F', from102),
  line('10.4', 'F', from102),
  line('10.5', 'F', from102),
  line('10.6', 'F', from106),
  line('10.7', 'F', from106),
]

function line(name: string, table: TableName, features: Features): ReleaseLine {
  const names: readonly CommandName[] = TABLES[table]
  const numbers = new Map(names.map((command, number) => [command, number]))
  return {
    name,
    features,
    commandName: (number) => names[number],
    commandNumber: (command) => numbers.get(command),
  }
}

/** The line called `name` (`8.4`, `10.3`, …), undefined if there is none. */
export const releaseLine = (name: string): ReleaseLine | undefined => RELEASE_LINES.find((known) => known.name === name)

/** Length of HELLO's payload in a line, in bytes. */
export const helloLength = ({ helloReceiveNotify }: Features): number => (helloReceiveNotify ? 9 : 8)
