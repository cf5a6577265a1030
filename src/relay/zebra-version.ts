// Asks zebra for its FRR version on its vty socket, as vtysh does.
import { dirname, join } from 'node:path'
import { dial } from './connections.js'

const TIMEOUT_MS = 1000
const MAX_ANSWER = 64 * 1024
/** vtysh sends a command as a string with its NUL; zebra's answer ends with three NULs and a status byte. */
const QUESTION = Buffer.from('show version\0')
const END = Buffer.alloc(3)

/**
 * The release, such as `10.3`, of the zebra whose ZAPI socket is at `zebraPath`; its vty socket is in the same directory.
 * Undefined if the socket does not exist, may not be used, or gives no answer in time.
 */
export async function zebraVersion(zebraPath: string): Promise<string | undefined> {
  try {
    return releaseOf(await ask(join(dirname(zebraPath), 'zebra.vty')))
  } catch {
    // the version is optional: without it the handshake alone determines the release
    return undefined
  }
}

/** `FRRouting 10.3 (node) on Linux(6.1)`, `FRRouting 8.4.4 (node)`. */
export const releaseOf = (answer: string): string | undefined => /^FRRouting (\d+\.\d+)/m.exec(answer)?.[1]

async function ask(path: string): Promise<string> {
  const socket = await dial(path)
  try {
    return await new Promise((resolve, reject) => {
      let answer = Buffer.alloc(0)
      socket.setTimeout(TIMEOUT_MS, () => {
        reject(new Error(`${path}: no answer within ${TIMEOUT_MS} ms`))
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
      socket.write(QUESTION)
    })
  } finally {
    socket.destroy()
  }
}
