// The relay as a process between a zebra and bgpds played by the test: FakeZebra and FakeBgpd move bytes, nothing more.
import assert from 'node:assert/strict'
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, rmSync, watch } from 'node:fs'
import { type Server, type Socket, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Deframer, frame } from '../../src/control/framing.js'
import { waitFor, woken } from '../../lab/wait.js'
import { MACIPD } from '../../lab/programs.js'
import type { FakeServiceManager } from '../../lab/fake-service-manager.js'
import { errnoName } from '../../src/base/exit.js'
import { overlay as proto } from '../../src/gen/overlay.js'

/** A stream's bytes as they came, and a way to wait for them. */
export class Inbox {
  private chunks: Buffer[] = []
  private length = 0
  ended: boolean
  private waiting: (() => void)[] = []

  constructor(readonly socket: Socket) {
    this.ended = socket.destroyed
    socket.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk)
      this.length += chunk.length
      this.wake()
    })
    socket.on('end', () => {
      this.ended = true
      this.wake()
    })
    // a reset is an end, too
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.ended = true
      this.wake()
    })
  }

  get bytes(): Buffer {
    const all = Buffer.concat(this.chunks)
    this.chunks = [all]
    return all
  }

  /** The first `count` bytes, taken out. */
  async take(count: number): Promise<Buffer> {
    await this.until(() => this.length >= count)
    const all = this.bytes
    this.chunks = [all.subarray(count)]
    this.length -= count
    return all.subarray(0, count)
  }

  /** One ZAPI frame, taken out. */
  async frame(): Promise<Buffer> {
    await this.until(() => this.length >= 2)
    return this.take(this.bytes.readUInt16BE(0))
  }

  async end(): Promise<void> {
    await this.until(() => this.ended)
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.ended) assert.ok(condition(), `the stream ended after ${this.length} bytes more`)
      if (condition()) return
      await woken(this.waiting, () => `the stream has ${this.length} bytes more`)
    }
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve()
  }
}

export type KeeperReport = {
  readonly pid: number
  readonly worker: { readonly state: string; readonly pid: number | null; readonly starts: number }
  readonly plain: string | null
  readonly connections: number
}

/** Accepts connections at zebra's path. */
export class FakeZebra {
  private readonly accepted: Inbox[] = []
  private waiting: (() => void)[] = []
  /** Connections so far. */
  connections = 0
  private constructor(readonly server: Server) {}

  static async listen(path: string): Promise<FakeZebra> {
    const server = createServer({ allowHalfOpen: true })
    const zebra = new FakeZebra(server)
    server.on('connection', (socket) => {
      zebra.connections++
      zebra.accepted.push(new Inbox(socket))
      for (const resolve of zebra.waiting.splice(0)) resolve()
    })
    server.listen(path)
    await once(server, 'listening')
    return zebra
  }

  /** The next connection. */
  async accept(): Promise<Inbox> {
    for (;;) {
      const inbox = this.accepted.shift()
      if (inbox !== undefined) return inbox
      await woken(this.waiting, () => 'nobody connected to zebra')
    }
  }
}

/** A client of the relay's control socket. */
export class ControlPeer {
  readonly messages: proto.FromRelay[] = []
  private waiting: (() => void)[] = []
  private constructor(readonly socket: Socket) {}

  static async connect(path: string): Promise<ControlPeer> {
    const socket = await connected(path)
    const peer = new ControlPeer(socket)
    const deframer = new Deframer()
    socket.on('data', (chunk) => {
      deframer.feed(chunk, (bytes) => peer.messages.push(proto.FromRelay.decode(bytes)))
      for (const resolve of peer.waiting.splice(0)) resolve()
    })
    socket.on('error', () => undefined)
    socket.on('end', () => socket.end())
    socket.on('close', () => {
      for (const resolve of peer.waiting.splice(0)) resolve()
    })
    return peer
  }

  say(message: proto.ToRelay.$Properties): this {
    this.socket.write(frame(proto.ToRelay.encode(message).finish()))
    return this
  }

  /** The first message that `pick` finds something in; it and those before are taken out. */
  async receive<T>(pick: (message: proto.FromRelay) => T | null | undefined): Promise<T> {
    for (;;) {
      for (let message = this.messages.shift(); message !== undefined; message = this.messages.shift()) {
        const found = pick(message)
        if (found !== null && found !== undefined) return found
      }
      if (this.socket.destroyed) throw new Error('the relay has closed the connection')
      await woken(this.waiting, () => 'the relay did not say what the test waits for')
    }
  }

  async status(): Promise<proto.RelayStatus.$Properties> {
    return this.say({ getStatus: {} }).receive((message) => message.status)
  }
}

function unlessRefused(error: unknown): undefined {
  if (errnoName(error) !== 'ECONNREFUSED') throw error
}

export class RelayRig {
  private readonly sockets: Socket[] = []
  private process: ChildProcess | undefined
  private zebraServer: FakeZebra | undefined
  log = ''

  /**
   * @param manager starts the relay, which otherwise runs by itself
   * @param program another copy of macipd than the one that is tested
   */
  constructor(
    readonly dir = mkdtempSync(join(tmpdir(), 'macipd-relay-')),
    private readonly manager?: FakeServiceManager,
    private readonly program = MACIPD,
  ) {}

  path(name: string): string {
    return join(this.dir, name)
  }

  async startZebra(): Promise<FakeZebra> {
    this.zebraServer = await FakeZebra.listen(this.path('zebra'))
    return this.zebraServer
  }

  /** Starts the relay; resolves when bgpd can connect. */
  async start(...args: string[]): Promise<void> {
    await this.startAs(undefined, ...args)
  }

  /** As `start`, as another user, who gets the run directory. */
  async startAs(user: number | undefined, ...args: string[]): Promise<void> {
    const ids = user === undefined ? {} : { uid: user, gid: user }
    if (user !== undefined) for (const path of [this.dir, this.path('zebra')]) chownSync(path, user, user)
    const failed = this.runAs(ids, ...args).then((code) => Promise.reject(new Error(`exit ${code ?? ''}: ${this.log}`)))
    await Promise.race([this.manager?.hears('READY=1') ?? this.appears('bgpd'), failed])
    failed.catch(() => undefined)
  }

  /** Starts the relay; resolves with its exit code. */
  run(...args: string[]): Promise<number | null> {
    return this.runAs({}, ...args)
  }

  /** As `run`, as another user or with another standard error. */
  runAs(options: SpawnOptions, ...args: string[]): Promise<number | null> {
    const paths = ['--listen', this.path('bgpd'), '--zebra', this.path('zebra'), '--control', this.path('control')]
    const command = [process.execPath, this.program, 'relay', ...paths, '--run-dir', this.dir, ...args]
    const { argv, descriptors } = this.manager?.unit(command) ?? { argv: command, descriptors: [] }
    const [file = '', ...rest] = argv
    const child = spawn(file, rest, { stdio: ['ignore', 'pipe', 'pipe', ...descriptors], ...options })
    this.process = child
    child.stderr?.on('data', (chunk: Buffer) => (this.log += chunk.toString()))
    return new Promise((resolve) => child.on('exit', resolve))
  }

  async bgpd(): Promise<Inbox> {
    const socket = await connected(this.path('bgpd'))
    this.sockets.push(socket)
    return new Inbox(socket)
  }

  async control(): Promise<ControlPeer> {
    await this.appears('control')
    const peer = await ControlPeer.connect(this.path('control'))
    this.sockets.push(peer.socket)
    return peer
  }

  /** Kills the worker; resolves when its successor answers. */
  async killWorker(): Promise<void> {
    const before = await this.workerPid()
    process.kill(before, 'SIGKILL')
    while ((await this.workerPid()) === before);
  }

  get keeperPid(): number {
    assert.ok(this.process?.pid !== undefined)
    return this.process.pid
  }

  /** What the keeper says of itself; it answers when the worker does not. */
  async keeper(): Promise<KeeperReport> {
    await this.appears('keeper.sock')
    const inbox = new Inbox(await connected(this.path('keeper.sock')))
    await inbox.end()
    return JSON.parse(inbox.bytes.toString()) as KeeperReport
  }

  /** Resolves when the keeper's report is as wanted. */
  async keeperUntil(what: string, isWanted: (report: KeeperReport) => boolean): Promise<KeeperReport> {
    const report = await waitFor(
      what,
      // the socket of one that was killed is still there when the next one begins
      () => this.keeper().catch(unlessRefused),
      (report) => report !== undefined && isWanted(report),
      { timeoutMs: 30_000, context: () => this.log },
    )
    assert.ok(report !== undefined)
    return report
  }

  /** Resolves when the log has a line with these words so many times. */
  async logs(words: string, times = 1): Promise<void> {
    await waitFor(
      `"${words}", ${times} times`,
      () => this.log.split(words).length - 1,
      (count) => count >= times,
      { timeoutMs: 30_000, context: () => this.log },
    )
  }

  /** Kills worker after worker, until the keeper does without. */
  async killUntilPlain(): Promise<void> {
    for (;;) {
      const { plain, worker } = await this.keeper()
      if (plain !== null) return
      if (worker.pid !== null && worker.state !== 'gone') kill(worker.pid)
    }
  }

  /** As the worker itself says: one that answers is at work. */
  async workerPid(): Promise<number> {
    for (;;) {
      const peer = await this.control()
      const answer = await peer.status().catch(() => undefined)
      peer.socket.destroy()
      if (answer?.workerPid !== undefined && answer.workerPid !== null) return answer.workerPid
    }
  }

  /** The relay's exit code, once it has ended. */
  async exited(): Promise<number | null> {
    if (this.process?.exitCode === null) await once(this.process, 'exit')
    return this.process?.exitCode ?? null
  }

  signal(signal: NodeJS.Signals): void {
    this.process?.kill(signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    if (this.process?.exitCode === null && this.process.signalCode === null) {
      this.process.kill('SIGTERM')
      await once(this.process, 'exit')
    }
    this.zebraServer?.server.close()
    rmSync(this.dir, { recursive: true, force: true })
  }

  private async appears(name: string): Promise<void> {
    const watcher = watch(this.dir)
    try {
      while (!existsSync(this.path(name))) await once(watcher, 'change')
    } finally {
      watcher.close()
    }
  }
}

/** A connection to a socket that exists, or is about to listen. */
async function connected(path: string): Promise<Socket> {
  for (;;) {
    const socket = connect({ path, allowHalfOpen: true })
    const ready = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'close').then(() => false),
    ]).catch(() => false)
    if (ready) return socket
  }
}

/** Kills a process that may have gone already. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (errnoName(error) !== 'ESRCH') throw error
  }
}
