import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ask, connectControl } from '../../src/control/client.js'
import { type ControlClient, ControlServer } from '../../src/control/server.js'
import { ExitCode, FatalError } from '../../src/base/exit.js'
import { frame } from '../../src/control/framing.js'
import { mayControl } from '../../src/os/peercred.js'
import { Awaited, silent, tempDir } from '../support.js'

/** Messages are texts; one that begins with `!` is not a message. */
const codec = {
  decode: (bytes: Buffer) => {
    const text = bytes.toString()
    if (text.startsWith('!')) throw new RangeError('not a message')
    return text
  },
  encode: (text: string) => Buffer.from(text),
}

type Echo = {
  server: ControlServer<string, string>
  path: string
  clients: ControlClient<string>[]
  events: Awaited
  open: number
}

/** Answers every text with itself, and fails at `fail`. */
async function echo(t: TestContext, path = join(tempDir(t), 'control.sock')): Promise<Echo> {
  const clients: ControlClient<string>[] = []
  const events = new Awaited()
  const state = { path, clients, events, open: 0 }
  const server = await ControlServer.listen<string, string>({
    path,
    ...codec,
    log: silent,
    onClient: (client) => {
      clients.push(client)
      state.open += 1
      events.changed()
      return {
        onMessage: (text) => {
          if (text === 'fail') throw new Error('cannot answer')
          client.send(text)
          if (text === 'end') client.close()
        },
        onClose: () => {
          state.open -= 1
          events.changed()
        },
      }
    },
  })
  t.after(() => server.close())
  return Object.assign(state, { server })
}

const question = (path: string, text: string): Promise<string> => {
  let answer = ''
  const onPart = (part: string): boolean => ((answer = part), true)
  return ask({ path, ask: text, ...codec, onPart, timeoutMs: 5000 }).then(() => answer)
}

const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    socket.on('error', () => undefined)
    socket.on('close', () => {
      resolve()
    })
    socket.resume()
  })

test('a client is answered; owner and group alone may connect', async (t) => {
  const { path, clients } = await echo(t)
  assert.equal(await question(path, 'hello'), 'hello')
  assert.equal(statSync(path).mode & 0o777, 0o660)
  assert.equal(clients[0]?.peer.pid, process.pid)
  assert.equal(clients[0].peer.uid, process.getuid?.())
})

test('root, the same user and members of the socket’s group may control, nobody else', () => {
  const peer = { pid: 1, uid: 1000, gid: 1000, groups: [1000, 44] }
  assert.equal(mayControl({ ...peer, uid: 0 }, 500, 501), true)
  assert.equal(mayControl(peer, 1000, 501), true)
  assert.equal(mayControl(peer, 500, 1000), true)
  assert.equal(mayControl(peer, 500, 44), true)
  assert.equal(mayControl(peer, 500, 501), false)
})

test('the directory is made, and the socket is gone after close', async (t) => {
  const path = join(tempDir(t), 'run', 'NAME', 'control.sock')
  const { server } = await echo(t, path)
  assert.ok(lstatSync(path).isSocket())
  await server.close()
  assert.equal(existsSync(path), false)
})

test('bytes that are no message close that connection only, and are counted', async (t) => {
  const { path, server } = await echo(t)
  const hostile = [Buffer.from('ffffffff', 'hex'), frame(Buffer.from('!')), frame(Buffer.from('fail'))]
  for (const bytes of hostile) {
    const socket = connect(path)
    socket.write(bytes)
    await closed(socket)
  }
  assert.equal(server.counters.malformed, hostile.length)
  assert.equal(await question(path, 'still here'), 'still here')
})

test('a client that does not read is disconnected before it costs much memory', async (t) => {
  const state = await echo(t)
  const { path, server, clients, events } = state
  const socket = connect(path).pause()
  socket.on('error', () => undefined)
  await events.until(() => clients.length === 1)
  const part = 'x'.repeat(1 << 20)
  let sent = 0
  while (clients[0]?.closed === false && sent < 200) {
    clients[0].send(part)
    sent += 1
  }
  assert.ok(sent < 100, `${sent} MiB were queued`)
  assert.equal(await clients[0]?.writable(), false)
  await events.until(() => state.open === 0)
  assert.equal(server.counters.slow, 1)
  socket.destroy()
})

test('writable() waits for a slow reader, so that a table of any size can be sent', async (t) => {
  const { path, clients, events } = await echo(t)
  const socket = connect(path)
  await events.until(() => clients.length === 1)
  const [client] = clients
  assert.ok(client)
  let received = 0
  socket.on('data', (chunk) => (received += chunk.length))
  const parts = 100
  for (let part = 0; part < parts; part++) {
    client.send('x'.repeat(1 << 20))
    assert.equal(await client.writable(), true)
  }
  client.close()
  await closed(socket)
  assert.equal(received, parts * (4 + (1 << 20)))
})

test('close() lets the last words arrive', async (t) => {
  const { path } = await echo(t)
  assert.equal(await question(path, 'end'), 'end')
})

test('the end of a client is told', async (t) => {
  const state = await echo(t)
  const stream = await connectControl({
    path: state.path,
    ...codec,
    onMessage: () => undefined,
    onClose: () => undefined,
  })
  await state.events.until(() => state.open === 1)
  stream.destroy()
  await state.events.until(() => state.open === 0)
})

const refused = async (path: string, exitCode: ExitCode, message: RegExp, t: TestContext): Promise<void> => {
  await assert.rejects(echo(t, path), (error: unknown) => {
    assert.ok(error instanceof FatalError)
    assert.equal(error.exitCode, exitCode)
    assert.match(error.message, message)
    return true
  })
}

test('a socket on which another process listens is left alone', async (t) => {
  const { path } = await echo(t)
  await refused(path, ExitCode.socketBusy, /another process is listening/, t)
  assert.equal(await question(path, 'undisturbed'), 'undisturbed')
})

test('a socket left by a process that was killed is replaced', async (t) => {
  const path = join(tempDir(t), 'control.sock')
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  assert.throws(() => execFileSync(process.execPath, ['-e', script]))
  assert.ok(lstatSync(path).isSocket())
  await echo(t, path)
  assert.equal(await question(path, 'new'), 'new')
})

test('a file that is no socket is left alone', async (t) => {
  const path = join(tempDir(t), 'control.sock')
  writeFileSync(path, 'precious')
  await refused(path, ExitCode.usage, /not a socket/, t)
  assert.ok(existsSync(path))
})

test('impossible paths are refused with a reason', async (t) => {
  await refused('control.sock', ExitCode.usage, /absolute/, t)
  await refused(`/tmp/${'x'.repeat(120)}`, ExitCode.usage, /at most 99 bytes, this one has 125/, t)
  const dir = tempDir(t)
  writeFileSync(join(dir, 'file'), '')
  await refused(join(dir, 'file', 'control.sock'), ExitCode.usage, /cannot listen/, t)
  mkdirSync(join(dir, 'control.sock'))
  await refused(join(dir, 'control.sock'), ExitCode.usage, /not a socket/, t)
})

test('a question nobody answers ends with an error', async (t) => {
  const path = join(tempDir(t), 'mute.sock')
  const mute = createServer((socket) => socket.resume())
  await new Promise<void>((resolve) => mute.listen(path, resolve))
  t.after(() => mute.close())
  const asked = ask({ path, ask: 'anyone?', ...codec, onPart: () => true, timeoutMs: 20 })
  await assert.rejects(asked, /no answer within 0.02 s/)
})

test('a server that hangs up in the middle of an answer is an error', async (t) => {
  const { path } = await echo(t)
  const asked = ask({ path, ask: 'end', ...codec, onPart: () => false, timeoutMs: 5000 })
  await assert.rejects(asked, /closed before the answer was complete/)
})
