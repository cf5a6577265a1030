// Asks zebra on its vty socket, as vtysh does.
import { dirname, join } from 'node:path'
import { dial } from './connections.js'

const MAX_ANSWER = 64 * 1024
/** zebra's answer ends with three NULs and a status byte; a command ends with its NUL. */
const END = Buffer.alloc(3)

/**
 * What the zebra whose ZAPI socket is at `zebraPath` prints; its vty socket is in the same directory. Rejects if the socket
 * does not exist, may not be used, or gives no answer in time.
 */
export async function askZebra(zebraPath: string, command: string, timeoutMs: number): Promise<string> {
  const path = join(dirname(zebraPath), 'zebra.vty')
  const socket = await dial(path)
  try {
    return await new Promise((resolve, reject) => {
      let answer = Buffer.alloc(0)
      socket.setTimeout(timeoutMs, () => {
        reject(new Error(`${path}: no answer within ${timeoutMs} ms`))
      })
      socket.on('error', reject)
      socket.on('end', () => {
        reject(new Error(`${path}: closed before it answered`))
      })
      socket.on('data', (chunk) => {
        answer = Buffer.concat([answer, chunk])
        if (answer.includes(END)) resolve(answer.toString('latin1'))
        else if (answer.length > MAX_ANSWER) reject(new Error(`${path}: an answer without end`))
      })
      socket.resume()
      socket.write(`${command}\0`)
    })
  } finally {
    socket.destroy()
  }
}
