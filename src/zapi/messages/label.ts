// Label and table manager: requests of bgpd and zebra's answers under the same command (zebra/label_manager.c).
import { bool, u16, u32, u8, unlessEnd } from '../fields.js'
import { layout, struct } from '../message.js'
import { type Family, routeType } from './family.js'

const client = { proto: routeType(u8), instance: u16 }
const range = { start: u32, end: u32 }

//  | proto u8 | instance u16 |
/** ZEBRA_LABEL_MANAGER_CONNECT (_ASYNC), ZEBRA_TABLE_MANAGER_CONNECT: lm_label_manager_connect, tm_table_manager_connect. */
const CONNECT = layout(client)

//  | proto u8 | instance u16 | result u8 |
/** The label manager's answer. */
const CONNECTED = layout({ ...client, result: u8 })

//  | proto u8 | instance u16 | keep u8 | size u32 | base u32 |
/** ZEBRA_GET_LABEL_CHUNK, zclient_send_get_label_chunk. */
const GET_LABEL_CHUNK = layout({ ...client, keep: bool, size: u32, base: u32 })

//  | proto u8 | instance u16 | keep u8, start u32, end u32 (nothing: refused) |
/** zebra's answer to ZEBRA_GET_LABEL_CHUNK, zsend_assign_label_chunk_response. */
const LABEL_CHUNK = layout({ ...client, chunk: unlessEnd(struct({ keep: bool, ...range })) })

//  | proto u8 | instance u16 | start u32 | end u32 |
/** ZEBRA_RELEASE_LABEL_CHUNK, lm_release_label_chunk. */
const RELEASE_LABEL_CHUNK = layout({ ...client, ...range })

export const LABEL: Family = {
  name: 'label',
  toZebra: {
    ZEBRA_LABEL_MANAGER_CONNECT: CONNECT,
    ZEBRA_LABEL_MANAGER_CONNECT_ASYNC: CONNECT,
    ZEBRA_GET_LABEL_CHUNK: GET_LABEL_CHUNK,
    ZEBRA_RELEASE_LABEL_CHUNK: RELEASE_LABEL_CHUNK,
  },
  toBgpd: {
    ZEBRA_LABEL_MANAGER_CONNECT: CONNECTED,
    ZEBRA_LABEL_MANAGER_CONNECT_ASYNC: CONNECTED,
    ZEBRA_GET_LABEL_CHUNK: LABEL_CHUNK,
  },
  nameOnly: [
    'ZEBRA_FEC_REGISTER',
    'ZEBRA_FEC_UNREGISTER',
    'ZEBRA_FEC_UPDATE',
    'ZEBRA_MPLS_LABELS_ADD',
    'ZEBRA_MPLS_LABELS_DELETE',
    'ZEBRA_MPLS_LABELS_REPLACE',
  ],
}

//  | size u32 |
/** ZEBRA_GET_TABLE_CHUNK, tm_get_table_chunk. */
const GET_TABLE_CHUNK = layout({ size: u32 })

//  | start u32 | end u32 |
/** zebra's answer to ZEBRA_GET_TABLE_CHUNK, zsend_assign_table_chunk_response. */
const TABLE_CHUNK = layout(range)

export const TABLE: Family = {
  name: 'table',
  toZebra: { ZEBRA_TABLE_MANAGER_CONNECT: CONNECT, ZEBRA_GET_TABLE_CHUNK: GET_TABLE_CHUNK },
  toBgpd: { ZEBRA_TABLE_MANAGER_CONNECT: layout({ result: u8 }), ZEBRA_GET_TABLE_CHUNK: TABLE_CHUNK },
  nameOnly: ['ZEBRA_RELEASE_TABLE_CHUNK'],
}
