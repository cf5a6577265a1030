// The snooper's control socket: status and bindings, for macipctl.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { parseIp, parseMac } from '../address.js'
import { type ControlClient, ControlServer } from '../daemon/control-server.js'
import type { Logger } from '../daemon/log.js'
import type { Binding } from '../evpn/binding.js'
import { reasonOf, REASONS } from '../evpn/state.js'
import type { Table } from '../evpn/table.js'
import { snoop as proto } from '../gen/snoop.js'
import { toEpoch } from './clock.js'

/** Bindings in one message. */
const PART = 500

type Client = ControlClient<proto.FromSnoop.$Properties>
export type SnoopControl = ControlServer<proto.ToSnoop, proto.FromSnoop.$Properties>

/** `status` is undefined while the snooper starts. Throws FatalError as ControlServer.listen does. */
export function listenSnoopControl(
  path: string,
  table: Table,
  status: () => proto.SnoopStatus.$Properties | undefined,
  log: Logger,
): Promise<SnoopControl> {
  const onClient = (client: Client) => {
    let busy = false
    return {
      onMessage: (message: proto.ToSnoop) => {
        if (busy) {
          refuse(client, 'one question at a time')
        } else if (message.getStatus != null) {
          answerStatus(client, status())
        } else if (message.getBindings != null) {
          busy = true
          void sendBindings(client, table).finally(() => (busy = false))
        } else {
          refuse(client, 'the message asks nothing that is known here')
        }
      },
      onClose: () => undefined,
    }
  }
  return ControlServer.listen<proto.ToSnoop, proto.FromSnoop.$Properties>({
    path,
    decode: (bytes) => proto.ToSnoop.decode(bytes),
    encode: (message) => proto.FromSnoop.encode(message).finish(),
    onClient,
    log,
  })
}

function answerStatus(client: Client, status: proto.SnoopStatus.$Properties | undefined): void {
  if (status === undefined) refuse(client, 'the snooper is just starting')
  else client.send({ status })
}

function refuse(client: Client, error: string): void {
  client.send({ error })
  client.close()
}

/** In parts, as fast as the client reads; between them everything else has its turn. */
async function sendBindings(client: Client, table: Table): Promise<void> {
  let part: proto.Binding.$Properties[] = []
  for (const binding of table.bindings()) {
    part.push(bindingToProto(binding, table))
    if (part.length < PART) continue
    client.send({ bindings: { bindings: part } })
    part = []
    await nextTurn()
    if (!(await client.writable())) return
  }
  client.send({ bindings: { bindings: part } })
  client.send({ end: {} })
}

function bindingToProto(binding: Binding, table: Table): proto.Binding.$Properties {
  const reason = reasonOf(binding, table)
  return {
    vni: binding.vni,
    mac: parseMac(binding.mac) ?? Buffer.alloc(0),
    ip: parseIp(binding.ip) ?? Buffer.alloc(0),
    port: binding.place.port,
    vlan: binding.place.vlan,
    state: REASONS[reason].state,
    reason,
    evidence: binding.evidence,
    router: binding.router,
    firstSeen: toEpoch(binding.firstSeen),
    lastSeen: toEpoch(binding.lastSeen),
    expires: toEpoch(table.timers.at(binding) ?? 0),
    seq: binding.report?.seq ?? 0,
  }
}
