// The first message of every connection.
import type { Reader, Writer } from '../cursor.js'
import { type Field, u16, u32, u8 } from '../fields.js'
import type { Features } from '../lines.js'
import { type PayloadOf, layout } from '../message.js'

/** receive_notify, which HELLO has lost with 10.0. */
const receiveNotify: Field<number | undefined> = {
  read: (reader: Reader, name: string, features: Features) =>
    features.helloReceiveNotify ? reader.u8(name) : undefined,
  write(writer: Writer, value: number | undefined, features: Features) {
    if (features.helloReceiveNotify) writer.u8(value ?? 0)
  },
}

//  | proto u8 | instance u16 | session u32 | receive_notify u8 (until 9.1) | synchronous u8 |
const helloFields = { proto: u8, instance: u16, sessionId: u32, receiveNotify, synchronous: u8 }
/** ZEBRA_HELLO, zclient_send_hello. */
export const HELLO = layout(helloFields)
export type Hello = PayloadOf<typeof helloFields>

/** What a connection is for; only the main one carries EVPN. */
export type SessionKind = 'main' | 'synchronous' | 'vnc' | 'other'

/** The kind of a connection that begins with this HELLO. */
export function sessionKind(hello: Hello, features: Features): SessionKind {
  if (hello.synchronous !== 0) return 'synchronous'
  if (hello.proto === features.protoVnc) return 'vnc'
  return hello.proto === features.protoBgp && hello.instance === 0 && hello.sessionId === 0 ? 'main' : 'other'
}
