// Messages between zebra's clients, which zebra only passes on (lib/zclient.c).
import { bit, bool, flags, inReleases, rest, u16, u32, when } from '../fields.js'
import { layout, struct } from '../message.js'
import { type Family, clientFields } from './family.js'

const UNICAST = 0x01

//  | type u32 | flags u16 | source: proto u8, instance u16, session u32 (from 9.1) |
//  | destination: proto u8, instance u16, session u32 (UNICAST) | data |
/** ZEBRA_OPAQUE_MESSAGE, zclient_send_opaque. */
const OPAQUE_MESSAGE = layout({
  type: u32,
  flags: flags(u16, { UNICAST }),
  source: inReleases(({ opaqueSource }) => opaqueSource, struct(clientFields)),
  destination: when(bit('flags', UNICAST), struct(clientFields)),
  data: rest,
})

//  | type u32 | proto u8 | instance u16 | session u32 |
/** ZEBRA_OPAQUE_REGISTER and _UNREGISTER, zclient_opaque_…register. */
const OPAQUE_REGISTER = layout({ type: u32, ...clientFields })

//  | request u8 | register u8 | type u32 | proto u8 | instance u16 | session u32 |
/** ZEBRA_OPAQUE_NOTIFY (from 9.1), zclient_opaque_…notify. */
const OPAQUE_NOTIFY = layout({ request: bool, register: bool, type: u32, ...clientFields })

export const OPAQUE: Family = {
  name: 'opaque',
  toZebra: {
    ZEBRA_OPAQUE_MESSAGE: OPAQUE_MESSAGE,
    ZEBRA_OPAQUE_REGISTER: OPAQUE_REGISTER,
    ZEBRA_OPAQUE_UNREGISTER: OPAQUE_REGISTER,
    ZEBRA_OPAQUE_NOTIFY: OPAQUE_NOTIFY,
  },
  toBgpd: { ZEBRA_OPAQUE_MESSAGE: OPAQUE_MESSAGE, ZEBRA_OPAQUE_NOTIFY: OPAQUE_NOTIFY },
}
