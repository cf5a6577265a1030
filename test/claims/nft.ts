// Makes nftables chains without the nft command; shares no code with the decoder.
import assert from 'node:assert/strict'
import { closeSync } from 'node:fs'
import * as libc from '../../src/os/libc.js'
import { attr, message, text, u16, u32, u8 } from '../rtnetlink/writer.js'

/** NFPROTO_* */
const NUMBERS = { netdev: 5, bridge: 7 } as const
const [BATCH_BEGIN, BATCH_END, NEWTABLE, DELTABLE, NEWCHAIN] = [0x10, 0x11, 0xa00, 0xa02, 0xa03]
const REQUEST = 1
const ACK = 4
const CREATE = 0x400
const NESTED = 0x8000

const be32 = (value: number): Buffer => Buffer.from(u32(value)).reverse()
const nfgenmsg = (family: number, subsystem: number): Buffer =>
  Buffer.concat([u8(family), u8(0), u16(subsystem).reverse()])

type Chain = { family: 'bridge' | 'netdev'; table: string; name: string; hook: number; device?: string; drop: boolean }

/** Makes a table with one base chain without rules, in the network namespace of this thread. */
export function addChain({ family, table, name, hook, device, drop }: Chain): void {
  const at = [attr(1, be32(hook)), attr(2, be32(0)), ...(device === undefined ? [] : [attr(3, text(device))])]
  const flags = REQUEST | CREATE
  const chain = [
    attr(1, text(table)),
    attr(3, text(name)),
    attr(NESTED | 4, ...at),
    attr(5, be32(drop ? 0 : 1)),
    attr(7, text('filter')),
  ]
  change(`chain ${name}`, [
    message(NEWTABLE, [nfgenmsg(NUMBERS[family], 0), attr(1, text(table))], { flags, seq: 2 }),
    message(NEWCHAIN, [nfgenmsg(NUMBERS[family], 0), ...chain], { flags: flags | ACK, seq: 3 }),
  ])
}

export function removeTable(family: Chain['family'], table: string): void {
  const body = [nfgenmsg(NUMBERS[family], 0), attr(1, text(table))]
  change(`table ${table}`, [message(DELTABLE, body, { flags: REQUEST | ACK, seq: 2 })])
}

/** Sends messages, the last of which asks for an answer, as one transaction. */
function change(what: string, messages: readonly Buffer[]): void {
  const batch = Buffer.concat([
    message(BATCH_BEGIN, [nfgenmsg(0, 10)], { flags: REQUEST, seq: 1 }),
    ...messages,
    message(BATCH_END, [nfgenmsg(0, 10)], { flags: REQUEST, seq: 4 }),
  ])
  const fd = libc.rawSocket(libc.AF_NETLINK, 12)
  assert.notEqual(fd, -1, 'NETLINK_NETFILTER')
  try {
    assert.equal(libc.send(fd, batch, batch.length, 0), batch.length)
    const answer = Buffer.alloc(4096)
    const length = libc.recv(fd, answer, answer.length, 0)
    assert.ok(length >= 20, 'an answer')
    assert.equal(answer.readInt32LE(16), 0, `errno of nftables: ${what}`)
  } finally {
    closeSync(fd)
  }
}
