// Finds out whether the service manager still keeps what it is given. It does not say so: but it closes what it does not keep,
// and the other end of a pipe sees that.
import { closeDescriptor } from '../os/descriptors.js'
import { FdPoll } from '../os/fd-poll.js'
import { openPipe } from '../os/pipe.js'
import type { ServiceManager } from '../os/service-manager.js'
import { PROBE_NAME } from './stored-names.js'

export class StoreProbe {
  private waiting: FdPoll | undefined
  private isGiven = false

  constructor(
    private readonly manager: ServiceManager,
    private readonly onRefused: () => void,
  ) {}

  /** Makes room: call it before something is given. False if the service manager is busy. Throws SystemError. */
  takeBack(): boolean {
    this.close()
    if (!this.isGiven) return true
    this.isGiven = !this.manager.notify(['FDSTOREREMOVE=1', `FDNAME=${PROBE_NAME}`])
    return !this.isGiven
  }

  /** Asks whether everything fits that was given before. False if the service manager is busy. Throws SystemError. */
  give(): boolean {
    const { readEnd, writeEnd } = openPipe()
    try {
      this.isGiven = this.manager.notify(['FDSTORE=1', `FDNAME=${PROBE_NAME}`, 'FDPOLL=0'], [writeEnd])
    } finally {
      closeDescriptor(writeEnd)
      if (!this.isGiven) closeDescriptor(readEnd)
    }
    if (!this.isGiven) return false
    this.waiting = new FdPoll(readEnd)
    this.waiting.readable(() => {
      this.close()
      this.onRefused()
    })
    return true
  }

  close(): void {
    if (this.waiting === undefined) return
    const { fd } = this.waiting
    this.waiting.close()
    this.waiting = undefined
    closeDescriptor(fd)
  }
}
