// The names under which the keeper's descriptors are kept by the service manager: `listen-INODE`, for each connection
// `ID-SINCE-ROLE` with one role for each descriptor, and `ID-SINCE-note` for what else a successor has to know of it.
import type { KeptDescriptor } from '../os/service-manager.js'
import { type Note, readNote } from './connection-note.js'
import { DESCRIPTORS, type DescriptorName, type SessionOffer } from './ipc.js'

export type Descriptors = Readonly<Record<DescriptorName, number>>

export type KeptConnection = {
  offer: SessionOffer
  descriptors: Descriptors
  /** The descriptor of its note; undefined if there is none that can be read, so that the connection is distrusted. */
  note: number | undefined
}

/** bgpd's listening socket, with the inode of the path at which it was bound. */
export type KeptListener = { fd: number; inode: number }

export type Kept = {
  listener: KeptListener | undefined
  connections: readonly KeptConnection[]
  /** Connections of which a part is missing. */
  incomplete: readonly { id: number; descriptors: readonly KeptDescriptor[] }[]
  /** Nothing that a successor needs. */
  spare: readonly KeptDescriptor[]
  /** The names are not of our making. */
  unknown: readonly KeptDescriptor[]
}

export const listenerName = (inode: number): string => `listen-${inode}`

export const descriptorName = ({ id, since }: SessionOffer, role: DescriptorName): string => `${id}-${since}-${role}`

export const noteName = ({ id, since }: SessionOffer): string => `${id}-${since}-note`

/** Of the pipe that shows whether descriptors are kept. */
export const PROBE_NAME = 'probe'

const ROLES = [...DESCRIPTORS, 'note'] as const
type Parts = Partial<Record<(typeof ROLES)[number], KeptDescriptor>>

/**
 * Puts together what belongs together.
 *
 * @param read reads a note; undefined if it cannot be understood
 */
export function parseKept(kept: readonly KeptDescriptor[], read: (fd: number) => Note | undefined = readNote): Kept {
  const spare: KeptDescriptor[] = []
  const unknown: KeptDescriptor[] = []
  const byConnection = new Map<string, Parts>()
  let listener: KeptListener | undefined
  for (const descriptor of kept) {
    const { name, fd } = descriptor
    const listen = /^listen-(\d+)$/.exec(name)
    const [, connection = '', role = ''] = /^(\d+-\d+)-(\w+)$/.exec(name) ?? []
    if (name === PROBE_NAME) spare.push(descriptor)
    else if (listen !== null && listener === undefined) listener = { fd, inode: Number(listen[1]) }
    else {
      const parts = byConnection.get(connection) ?? {}
      const known = ROLES.find((it) => it === role)
      if (known === undefined || parts[known] !== undefined) unknown.push(descriptor)
      else byConnection.set(connection, { ...parts, [known]: descriptor })
    }
  }
  const connections: KeptConnection[] = []
  const incomplete: Kept['incomplete'][number][] = []
  for (const [connection, { note, ...some }] of byConnection) {
    const [id = 0, since = 0] = connection.split('-').map(Number)
    const content = note && read(note.fd)
    if (note !== undefined && content === undefined) spare.push(note)
    if (isComplete(some)) {
      const offer = { id, since, inherited: true, ...(content ?? UNKNOWN) }
      connections.push({ offer, descriptors: descriptorsOf(some), note: content && note.fd })
    } else {
      const members = [...Object.values(some), ...(content === undefined || note === undefined ? [] : [note])]
      incomplete.push({ id, descriptors: members })
    }
  }
  return { listener, connections, incomplete, spare, unknown }
}

const UNKNOWN: Note = { zebraVersion: undefined, unseen: true, opening: { toZebra: '', toBgpd: '' } }

type Complete = Readonly<Record<DescriptorName, KeptDescriptor>>

const isComplete = (some: Partial<Complete>): some is Complete => DESCRIPTORS.every((name) => some[name] !== undefined)

const descriptorsOf = (parts: Complete): Descriptors =>
  Object.fromEntries(DESCRIPTORS.map((name) => [name, parts[name].fd])) as Descriptors
