// Finds out whether the service manager still keeps what it is given. It does not say so: but it closes what it does not keep,
// and the other end of a pipe sees that.
import { closeDescriptor } from '../os/descriptors.js'
import { FdPoll } from '../os/fd-poll.js'
import { openPipe } from '../os/pipe.js'
import type { ServiceManager } from '../os/service-manager.js'
import { PROBE_NAME } from './stored-names.js'

export class StoreProbe {
  private waiting: FdPoll | undefined

  constructor(
    private readonly manager: ServiceManager,
    private readonly onRefused: () => void,
  ) {}

  /** Asks again: call it after what must fit. False if the service manager is busy. Throws SystemError. */
  renew(): boolean {
    this.close()
    if (!this.manager.notify(['FDSTOREREMOVE=1', `FDNAME=${PROBE_NAME}`])) return false
    const { readEnd, writeEnd } = openPipe()
    let isGiven = false
    try {
      isGiven = this.manager.notify(['FDSTORE=1', `FDNAME=${PROBE_NAME}`, 'FDPOLL=0'], [writeEnd])
    } finally {
      closeDescriptor(writeEnd)
      if (!isGiven) closeDescriptor(readEnd)
    }
    if (!isGiven) return false
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
