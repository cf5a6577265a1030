// A passive BGP neighbour that says what is needed to be told everything, and keeps every byte.
import { once } from 'node:events'
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net'
import { EVPN, IPV4_UNICAST } from '../src/bgp/family.js'
import { KEEPALIVE, messageType } from '../src/bgp/header.js'
import { encodeOpen } from '../src/bgp/open.js'
import { MessageScanner } from '../src/bgp/scanner.js'
import { inNamespaces } from './namespaces.js'
import type { Space } from './space.js'

const KEEPALIVE_MS = 1000
const FAMILIES = [EVPN, IPV4_UNICAST]

export type BgpPeerOptions = {
  readonly as: number
  readonly routerId: string
  /** 0: whichever is free. */
  readonly port: number
  /** It listens there, on all its addresses; else in this process's namespace. */
  readonly space?: Space
  /** Said to whoever connects, after OPEN and KEEPALIVE. */
  readonly routes?: readonly Buffer[]
}

export class BgpPeer implements Disposable {
  /** All that the neighbour has said. */
  private readonly received: Buffer[] = []
  /** Its whole messages. */
  messages: Buffer[] = []
  private readonly sockets = new Set<Socket>()

  private constructor(
    private readonly server: Server,
    private readonly options: BgpPeerOptions,
  ) {}

  static async listen(options: BgpPeerOptions): Promise<BgpPeer> {
    const server = createServer()
    const peer = new BgpPeer(server, options)
    server.on('connection', (socket) => {
      peer.speak(socket)
    })
    const { space, port } = options
    // without a host, the socket is made before this returns
    if (space === undefined) server.listen(port)
    else inNamespaces(space.namespaces, () => server.listen(port))
    if (!server.listening) await once(server, 'listening')
    return peer
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  get bytes(): Buffer {
    return Buffer.concat(this.received)
  }

  /** How many messages of a type have come. */
  count(type: number): number {
    return this.messages.filter((message) => messageType(message) === type).length
  }

  /** Says something to all that are connected. */
  send(message: Buffer): void {
    for (const socket of this.sockets) socket.write(message)
  }

  /** Ends all connections. */
  disconnect(): void {
    for (const socket of this.sockets) socket.destroy()
  }

  private speak(socket: Socket): void {
    const { as, routerId, routes = [] } = this.options
    const scanner = new MessageScanner()
    this.sockets.add(socket)
    socket.write(
      encodeOpen({
        as,
        holdTime: 60,
        routerId,
        capabilities: [
          ...FAMILIES.map((family) => ({ kind: 'multiprotocol', ...family }) as const),
          { kind: 'route-refresh' },
          { kind: 'four-octet-as', as },
          // bgpd sends End-of-RIB only to those who have this
          { kind: 'graceful-restart', restarting: false, notification: false, restartTime: 120, families: [] },
        ],
      }),
    )
    const timer = setInterval(() => socket.write(KEEPALIVE), KEEPALIVE_MS)
    socket.on('data', (bytes) => {
      this.received.push(bytes)
      for (const message of scanner.push(bytes)) this.messages.push(Buffer.from(message))
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.sockets.delete(socket)
      clearInterval(timer)
    })
    for (const message of [KEEPALIVE, ...routes]) socket.write(message)
  }

  [Symbol.dispose](): void {
    this.disconnect()
    this.server.close()
  }
}
