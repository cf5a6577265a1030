import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type Socket, connect, createServer } from 'node:net'
import { isRawHandle } from '../../src/relay/ipc.js'

/** A connected pair of which one end is read by nobody but the session. */
export async function pair(path: string): Promise<{ outer: Socket; inner: Socket; fd: number }> {
  const server = createServer({ pauseOnConnect: true }).listen(path)
  await once(server, 'listening')
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const outer = connect(path)
  const [inner] = await accepted
  server.close()
  const handle: unknown = '_handle' in inner ? inner._handle : undefined
  assert.ok(isRawHandle(handle))
  return { outer, inner, fd: handle.fd }
}
