// Asks the relay's keeper, which answers when its worker does not.
import { connect } from 'node:net'
import { NoAnswerError } from '../../control/client.js'
import { type KeeperReport, parseKeeperReport } from '../../control/keeper-report.js'
import { peerOf } from '../../os/peercred.js'
import { answer } from '../queries.js'
import type { Answer } from '../report.js'

/** The report takes much less; what else answers there may send anything. */
const MAX_BYTES = 64 * 1024

export const askKeeper = (path: string, timeoutMs: number): Promise<Answer<KeeperReport>> =>
  answer(path, async () => parseKeeperReport(await readLine(path, timeoutMs)))

/** Everything that is sent to who connects, until the end. */
function readLine(path: string, timeoutMs: number): Promise<string> {
  return new Promise<string>((resolve, reject) => {
    const socket = connect(path)
    let pid: number | undefined
    let line = ''
    const timer = setTimeout(() => {
      reject(new NoAnswerError(timeoutMs, pid))
      socket.destroy()
    }, timeoutMs)
    socket
      .setEncoding('utf8')
      .on('connect', () => (pid = peerOf(socket)?.pid))
      .on('data', (chunk: string) => {
        line += chunk
        if (line.length > MAX_BYTES) socket.destroy(new Error('it is no keeper: it sends without end'))
      })
      .on('end', () => {
        if (line !== '') resolve(line)
      })
      .on('error', reject)
      .on('close', () => {
        clearTimeout(timer)
        reject(new NoAnswerError(undefined, pid))
      })
  })
}
