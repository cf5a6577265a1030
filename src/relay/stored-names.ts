// The names under which the keeper's descriptors are kept by the service manager. A successor of any version reads from
// them what it has to know, so that no file is needed: `listen-INODE`, and for each connection `ID-SINCE-ROLE` with one
// role for each descriptor, and `ID-SINCE-seen[-RELEASE]` while every byte of it has passed through workers.
import type { KeptDescriptor } from '../os/service-manager.js'
import { DESCRIPTORS, type DescriptorName, type SessionOffer } from './ipc.js'

export type Descriptors = Readonly<Record<DescriptorName, number>>

export type KeptConnection = {
  offer: SessionOffer
  descriptors: Descriptors
  /** The descriptor that says that the connection has been seen. */
  marker: number | undefined
}

/** bgpd's listening socket, with the inode of the path at which it was bound. */
export type KeptListener = { fd: number; inode: number }

export type Kept = {
  listener: KeptListener | undefined
  connections: readonly KeptConnection[]
  /** Connections of which a part is missing. */
  incomplete: readonly { id: number; descriptors: readonly KeptDescriptor[] }[]
  /** The names are not of our making. */
  unknown: readonly KeptDescriptor[]
}

export const listenerName = (inode: number): string => `listen-${inode}`

export const descriptorName = ({ id, since }: SessionOffer, role: DescriptorName): string => `${id}-${since}-${role}`

export const markerName = ({ id, since, zebraVersion }: SessionOffer): string =>
  `${id}-${since}-seen${zebraVersion === undefined ? '' : `-${zebraVersion}`}`

type Parts = Partial<Record<DescriptorName, number>> & { marker?: KeptDescriptor }

/** Puts together what belongs together. */
export function parseKept(descriptors: readonly KeptDescriptor[]): Kept {
  const unknown: KeptDescriptor[] = []
  const byConnection = new Map<string, { parts: Parts; members: KeptDescriptor[] }>()
  let listener: KeptListener | undefined
  for (const kept of descriptors) {
    const { name, fd } = kept
    const listen = /^listen-(\d+)$/.exec(name)
    const [, connection = '', role = ''] = /^(\d+-\d+)-([\w.-]+)$/.exec(name) ?? []
    if (listen !== null && listener === undefined) listener = { fd, inode: Number(listen[1]) }
    else if (connection === '') unknown.push(kept)
    else {
      const found = byConnection.get(connection) ?? { parts: {}, members: [] }
      byConnection.set(connection, found)
      if (assign(found.parts, role, kept)) found.members.push(kept)
      else unknown.push(kept)
    }
  }
  const connections: KeptConnection[] = []
  const incomplete: { id: number; descriptors: readonly KeptDescriptor[] }[] = []
  for (const [name, { parts, members }] of byConnection) {
    const { marker, ...some } = parts
    if (isComplete(some)) connections.push({ offer: offerOf(name, marker), descriptors: some, marker: marker?.fd })
    else incomplete.push({ id: offerOf(name, marker).id, descriptors: members })
  }
  return { listener, connections, incomplete, unknown }
}

function assign(parts: Parts, role: string, kept: KeptDescriptor): boolean {
  const name = DESCRIPTORS.find((known) => known === role)
  if (name !== undefined) {
    if (parts[name] !== undefined) return false
    parts[name] = kept.fd
    return true
  }
  if (!/^seen(-|$)/.test(role) || parts.marker !== undefined) return false
  parts.marker = kept
  return true
}

const isComplete = (some: Partial<Descriptors>): some is Descriptors =>
  DESCRIPTORS.every((name) => some[name] !== undefined)

function offerOf(connection: string, marker: KeptDescriptor | undefined): SessionOffer {
  const [id, since] = connection.split('-').map(Number)
  const zebraVersion = /-seen-([\d.]+)$/.exec(marker?.name ?? '')?.[1]
  return {
    ...{ id: id ?? 0, since: since ?? 0, zebraVersion, inherited: true, unseen: marker === undefined },
    opening: { hello: '', capabilities: '' },
  }
}
