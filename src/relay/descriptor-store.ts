// Keeps the relay's descriptors with the service manager, which gives them to the next keeper however this one ends.
import { reason } from '../base/exit.js'
import type { Logger } from '../base/log.js'
import { closeDescriptor } from '../os/descriptors.js'
import { descriptorOf } from '../os/handle.js'
import { openMemoryFile } from '../os/memory-file.js'
import type { ServiceManager } from '../os/service-manager.js'
import { writeNote } from './connection-note.js'
import type { Connection } from './connections.js'
import { DESCRIPTORS } from './ipc.js'
import { StoreProbe } from './store-probe.js'
import { type KeptListener, descriptorName, listenerName, noteName } from './stored-names.js'

/** What the service manager could not take is offered again after this time. */
const RETRY_MS = 20
const RETRY_AFTER_ERROR_MS = 1000

/** What is to be kept by the service manager, and what it has been given. It takes both to the same when it can. */
export class DescriptorStore {
  private readonly wanted = new Map<string, number>()
  private readonly given = new Set<string>()
  /** Names under which something is kept that is not what is wanted. */
  private readonly outdated = new Set<string>()
  /** By the number of the connection. */
  private readonly notes = new Map<number, number>()
  private readonly probe: StoreProbe
  private listener: string | undefined
  private retry: NodeJS.Timeout | undefined
  private lastTrouble = ''
  private started = false
  /** Whether the probe was given after everything else. */
  private isProbed = false
  private hasWarned = false
  /** Whether a successor finds what is given, as far as is known. */
  isKept = true

  /** @param given the names of descriptors that the service manager has already */
  constructor(
    private readonly manager: ServiceManager,
    given: readonly string[],
    private readonly log: Logger,
  ) {
    for (const name of given) this.given.add(name)
    this.probe = new StoreProbe(manager, this.onRefused)
  }

  /** What was given before and is not wanted again by now is taken back. */
  start(): void {
    this.started = true
    this.reconcile()
  }

  /** @param note of a connection that was kept before */
  add(connection: Connection, note?: number): void {
    const { offer, ends } = connection
    for (const role of DESCRIPTORS) {
      const fd = descriptorOf(ends[role])
      if (fd !== undefined) this.wanted.set(descriptorName(offer, role), fd)
    }
    if (note !== undefined) this.notes.set(offer.id, note)
    else if (this.given.has(noteName(offer))) this.outdated.add(noteName(offer))
    this.update(connection)
  }

  /** More is known of the connection, or its bytes are about to pass unseen. */
  update({ offer }: Pick<Connection, 'offer'>): void {
    try {
      const note = this.notes.get(offer.id) ?? openMemoryFile('macipd-note')
      this.notes.set(offer.id, note)
      writeNote(note, offer)
      this.wanted.set(noteName(offer), note)
    } catch (error) {
      // one that says what is not true any more must not stay
      this.removeNote(offer)
      this.log.warn({ session: offer.id, error: reason(error) }, 'a restart would make the connection distrusted')
    }
    this.reconcile()
  }

  /** Call it before its descriptors are closed. */
  remove({ offer }: Connection): void {
    for (const role of DESCRIPTORS) this.wanted.delete(descriptorName(offer, role))
    this.removeNote(offer)
    this.reconcile()
  }

  /** What is kept is a successor's. */
  close(): void {
    this.started = false
    clearTimeout(this.retry)
    this.probe.close()
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
      if (this.wanted.has(name) && !this.outdated.has(name)) continue
      if (!this.manager.notify(['FDSTOREREMOVE=1', `FDNAME=${name}`])) return false
      this.given.delete(name)
      this.outdated.delete(name)
    }
    return true
  }

  /** Gives what is new, and finds out whether it is kept. */
  private give(): boolean {
    const missing = [...this.wanted].filter(([name]) => !this.given.has(name))
    if (missing.length === 0 && this.isProbed) return true
    this.isProbed = false
    if (!this.probe.takeBack()) return false
    for (const [name, fd] of missing) {
      // it would forget sockets whose peer has gone, and a successor would find a part of a connection
      if (!this.manager.notify(['FDSTORE=1', `FDNAME=${name}`, 'FDPOLL=0'], [fd])) return false
      this.given.add(name)
    }
    this.isKept = true
    this.isProbed = this.probe.give()
    return this.isProbed
  }

  private readonly onRefused = (): void => {
    this.isKept = false
    if (this.hasWarned) return
    this.hasWarned = true
    this.log.warn(
      { needed: this.wanted.size + 1 },
      'the service manager does not keep all descriptors: the end of the relay costs bgpd zebra; raise FileDescriptorStoreMax=',
    )
  }

  private removeNote(offer: Connection['offer']): void {
    this.wanted.delete(noteName(offer))
    const note = this.notes.get(offer.id)
    if (note === undefined) return
    this.notes.delete(offer.id)
    closeDescriptor(note)
  }
}
