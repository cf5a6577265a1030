// Whether a process's output goes to systemd's journal. It loads no library, for commands that are to be fast.
import { fstatSync } from 'node:fs'

/**
 * Whether a descriptor is the connection to the journal that systemd made. `stream` is JOURNAL_STREAM, `DEVICE:INODE`
 * (systemd.exec(5)): a process inherits it even when its output was redirected.
 */
export function leadsToJournal(fd: number, stream: string | undefined): boolean {
  if (stream === undefined) return false
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true })
    return stream === `${dev}:${ino}`
  } catch {
    // the descriptor is closed, so it leads nowhere
    return false
  }
}
