// A passive BGP neighbour that says what is needed to be told everything, and keeps every byte.
import { once } from 'node:events'
import { type Server, type Socket, createServer } from 'node:net'
import { encodeOpen } from '../src/bgp/open.js'
import { EVPN, IPV4_UNICAST } from '../src/bgp/family.js'
import { KEEPALIVE, messageType } from '../src/bgp/header.js'
import { MessageScanner } from '../src/bgp/scanner.js'
import { ASN } from './frr.js'
import { inNamespaces } from './namespaces.js'
import type { Space } from './space.js'

const KEEPALIVE_MS = 1000
const FAMILIES = [EVPN, IPV4_UNICAST]

export class BgpPeer implements Disposable {
  /** All that bgpd has said. */
  private readonly received: Buffer[] = []
  /** Its whole messages. */
  readonly messages: Buffer[] = []
  private readonly scanner = new MessageScanner()
  private readonly sockets = new Set<Socket>()
  /** The session is over. */
  ended = false

  private constructor(
    private readonly server: Server,
    private readonly routerId: string,
  ) {}

  /** Listens in a space, on all its addresses. */
  static async listen(space: Space, port: number, routerId: string): Promise<BgpPeer> {
    const server = createServer()
    const peer = new BgpPeer(server, routerId)
    server.on('connection', (socket) => {
      peer.speak(socket)
    })
    // without a host, the socket is made before this returns
    inNamespaces(space.namespaces, () => server.listen(port))
    if (!server.listening) await once(server, 'listening')
    return peer
  }

  get bytes(): Buffer {
    return Buffer.concat(this.received)
  }

  /** How many messages of a type have come. */
  count(type: number): number {
    return this.messages.filter((message) => messageType(message) === type).length
  }

  private speak(socket: Socket): void {
    this.sockets.add(socket)
    socket.write(
      encodeOpen({
        as: ASN,
        holdTime: 60,
        routerId: this.routerId,
        capabilities: [
          ...FAMILIES.map((family) => ({ kind: 'multiprotocol', ...family }) as const),
          { kind: 'route-refresh' },
          { kind: 'four-octet-as', as: ASN },
          // bgpd sends End-of-RIB only to those who have this
          { kind: 'graceful-restart', restarting: false, notification: false, restartTime: 120, families: [] },
        ],
      }),
    )
    const timer = setInterval(() => socket.write(KEEPALIVE), KEEPALIVE_MS)
    socket.on('data', (bytes) => {
      this.received.push(bytes)
      for (const message of this.scanner.push(bytes)) this.messages.push(Buffer.from(message))
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearInterval(timer)
      this.ended = true
    })
    socket.write(KEEPALIVE)
  }

  [Symbol.dispose](): void {
    for (const socket of this.sockets) socket.destroy()
    this.server.close()
  }
}
