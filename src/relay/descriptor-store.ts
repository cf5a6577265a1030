// Keeps the relay's descriptors with the service manager, which gives them to the next keeper however this one ends.
import { reason } from '../base/exit.js'
import type { Logger } from '../base/log.js'
import { closeDescriptor, openMarker } from '../os/descriptors.js'
import { descriptorOf } from '../os/handle.js'
import type { ServiceManager } from '../os/service-manager.js'
import type { Connection } from './connections.js'
import { DESCRIPTORS } from './ipc.js'
import { type KeptListener, descriptorName, listenerName, markerName } from './stored-names.js'

/** What the service manager could not take is offered again after this time. */
const RETRY_MS = 20
const RETRY_AFTER_ERROR_MS = 1000

/** What is to be kept by the service manager, and what it has been given. It takes both to the same when it can. */
export class DescriptorStore {
  private readonly wanted = new Map<string, number>()
  private readonly given = new Set<string>()
  private readonly markers = new Map<number, { fd: number; name: string }>()
  private listener: string | undefined
  private retry: NodeJS.Timeout | undefined
  private lastTrouble = ''
  private started = false

  /** @param given the names of descriptors that the service manager has already */
  constructor(
    private readonly manager: ServiceManager,
    given: readonly string[],
    private readonly log: Logger,
  ) {
    for (const name of given) this.given.add(name)
  }

  /** What was given before and is not wanted again by now is taken back. */
  start(): void {
    this.started = true
    this.reconcile()
  }

  /** @param marker of a connection that was kept before; undefined makes one unless bytes have passed unseen */
  add({ offer, ends }: Connection, marker?: number): void {
    for (const role of DESCRIPTORS) {
      const fd = descriptorOf(ends[role])
      if (fd !== undefined) this.wanted.set(descriptorName(offer, role), fd)
    }
    if (marker !== undefined) this.markers.set(offer.id, { fd: marker, name: '' })
    this.update({ offer })
  }

  /** The connection's release is known now, or its bytes have passed unseen. */
  update({ offer }: Pick<Connection, 'offer'>): void {
    const marker = this.markers.get(offer.id)
    if (marker !== undefined) this.wanted.delete(marker.name)
    if (!offer.unseen) this.mark(offer, marker?.fd)
    else if (marker !== undefined) {
      this.markers.delete(offer.id)
      closeDescriptor(marker.fd)
    }
    this.reconcile()
  }

  /** Call it before its descriptors are closed. */
  remove({ offer }: Connection): void {
    for (const role of DESCRIPTORS) this.wanted.delete(descriptorName(offer, role))
    const marker = this.markers.get(offer.id)
    if (marker !== undefined) {
      this.wanted.delete(marker.name)
      this.markers.delete(offer.id)
      closeDescriptor(marker.fd)
    }
    this.reconcile()
  }

  setListener({ fd, inode }: KeptListener): void {
    if (this.listener !== undefined) this.wanted.delete(this.listener)
    this.listener = listenerName(inode)
    this.wanted.set(this.listener, fd)
    this.reconcile()
  }

  /** Gives and takes back what differs; goes on later if the service manager is busy. */
  private reconcile(): void {
    if (!this.started) return
    clearTimeout(this.retry)
    this.retry = undefined
    try {
      const isDone = this.takeBack() && this.give()
      this.lastTrouble = ''
      if (!isDone) this.tryAgain(RETRY_MS)
    } catch (error) {
      const trouble = reason(error)
      if (trouble !== this.lastTrouble)
        this.log.warn(
          { error: trouble },
          'the service manager takes no descriptors now: a restart would cost bgpd zebra',
        )
      this.lastTrouble = trouble
      this.tryAgain(RETRY_AFTER_ERROR_MS)
    }
  }

  private tryAgain(delayMs: number): void {
    this.retry = setTimeout(() => {
      this.reconcile()
    }, delayMs).unref()
  }

  private takeBack(): boolean {
    for (const name of this.given) {
      if (this.wanted.has(name)) continue
      if (!this.manager.notify(['FDSTOREREMOVE=1', `FDNAME=${name}`])) return false
      this.given.delete(name)
    }
    return true
  }

  private give(): boolean {
    for (const [name, fd] of this.wanted) {
      if (this.given.has(name)) continue
      // it would forget sockets whose peer has gone, and a successor would find a part of a connection
      if (!this.manager.notify(['FDSTORE=1', `FDNAME=${name}`, 'FDPOLL=0'], [fd])) return false
      this.given.add(name)
    }
    return true
  }

  /** Without a marker a successor distrusts the connection, so that a missing descriptor costs no truth. */
  private mark(offer: Connection['offer'], kept: number | undefined): void {
    const name = markerName(offer)
    try {
      const fd = kept ?? openMarker()
      this.markers.set(offer.id, { fd, name })
      this.wanted.set(name, fd)
    } catch (error) {
      this.log.warn({ session: offer.id, error: reason(error) }, 'a restart would make the connection distrusted')
    }
  }
}
