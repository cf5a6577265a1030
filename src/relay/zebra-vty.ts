// Asks zebra on its vty socket, as vtysh does.
import { dirname, join } from 'node:path'
import { dial } from './connections.js'

const MAX_ANSWER = 64 * 1024
/** zebra's answer ends with three NULs and a status byte; a command ends with its NUL. */
const END = Buffer.alloc(3)
const END_BYTES = END.length + 1

/**
 * What the zebra whose ZAPI socket is at `zebraPath` prints for the last of the commands (`enable` goes before some of
 * them); its vty socket is in the same directory. Rejects if the socket does not exist, may not be used, or gives no answer
 * in time.
 */
export async function askZebra(zebraPath: string, commands: readonly string[], timeoutMs: number): Promise<string> {
  const path = join(dirname(zebraPath), 'zebra.vty')
  const socket = await dial(path)
  try {
    return await new Promise((resolve, reject) => {
      let answer: Buffer = Buffer.alloc(0)
      const waiting = [...commands]
      socket.setTimeout(timeoutMs, () => {
        reject(new Error(`${path}: no answer within ${timeoutMs} ms`))
      })
      socket.on('error', reject)
      socket.on('end', () => {
        reject(new Error(`${path}: closed before it answered`))
      })
      socket.on('data', (chunk) => {
        answer = Buffer.concat([answer, chunk])
        const end = answer.indexOf(END)
        if (end === -1 && answer.length > MAX_ANSWER) reject(new Error(`${path}: an answer without end`))
        if (end === -1 || answer.length < end + END_BYTES) return
        const next = waiting.shift()
        if (next === undefined) resolve(answer.toString('latin1', 0, end))
        else socket.write(`${next}\0`)
        answer = answer.subarray(end + END_BYTES)
      })
      socket.resume()
      socket.write(`${waiting.shift() ?? ''}\0`)
    })
  } finally {
    socket.destroy()
  }
}
