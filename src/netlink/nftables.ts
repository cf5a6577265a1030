// NFT_MSG_NEWCHAIN (linux/netfilter/nf_tables.h): chains of nftables. Integers are in network byte order.
//
// struct nfgenmsg
//   0  nfgen_family  u8  NFPROTO_*
//   1  version       u8
//   2  res_id        be16
import { Attributes } from './attributes.js'
import { afterFamilyHeader, type NetlinkMessage } from './message.js'

export const NETLINK_NETFILTER = 12
const NFNL_SUBSYS_NFTABLES = 10
const NFT_MSG_NEWCHAIN = 3
const NFT_MSG_GETCHAIN = 4

export const NFPROTO_NETDEV = 5
export const NFPROTO_BRIDGE = 7

const NFTA_CHAIN_TABLE = 1
const NFTA_CHAIN_NAME = 3
const NFTA_CHAIN_HOOK = 4
const NFTA_CHAIN_POLICY = 5
const NFTA_CHAIN_USE = 6
const NFTA_HOOK_HOOKNUM = 1
const NFTA_HOOK_DEV = 3
const NFTA_HOOK_DEVS = 4
const NFTA_DEVICE_NAME = 1

const NF_DROP = 0
const SIZEOF_NFGENMSG = 4

/** NF_BR_* of linux/netfilter_bridge.h; NF_NETDEV_INGRESS is 0 as well. */
const BRIDGE_HOOKS = ['prerouting', 'input', 'forward', 'output', 'postrouting'] as const

/** A base chain, through which frames go because it is at a hook. */
export type BaseChain = {
  family: number
  table: string
  name: string
  /** `prerouting`, …; of the family netdev: `ingress`, `egress`. */
  hook: string
  /** The devices of a chain of the family netdev. */
  devices: readonly string[]
  /** Whether it may drop anything: it has a rule, or drops by policy. */
  isFilter: boolean
}

/** For all families. */
export const GET_CHAINS = {
  type: (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETCHAIN,
  body: Buffer.alloc(SIZEOF_NFGENMSG),
}

/** Returns a base chain; undefined for other chains and messages. Throws NetlinkDecodeError. */
export function decodeBaseChain(message: NetlinkMessage): BaseChain | undefined {
  if (message.type !== ((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWCHAIN)) return undefined
  const attributes = new Attributes(message.bytes, afterFamilyHeader(message, 'nfgenmsg', SIZEOF_NFGENMSG), message.end)
  const hook = attributes.nested(NFTA_CHAIN_HOOK)
  if (hook === undefined) return undefined
  const family = message.bytes.readUInt8(message.start)
  const number = be32(hook, NFTA_HOOK_HOOKNUM) ?? 0
  return {
    family,
    table: attributes.string(NFTA_CHAIN_TABLE) ?? '',
    name: attributes.string(NFTA_CHAIN_NAME) ?? '',
    hook:
      family === NFPROTO_NETDEV ? (number === 0 ? 'ingress' : 'egress') : (BRIDGE_HOOKS[number] ?? `hook ${number}`),
    devices: devicesOf(message.bytes, hook),
    isFilter: (be32(attributes, NFTA_CHAIN_USE) ?? 0) > 0 || be32(attributes, NFTA_CHAIN_POLICY) === NF_DROP,
  }
}

function devicesOf(bytes: Buffer, hook: Attributes): string[] {
  const one = hook.string(NFTA_HOOK_DEV)
  if (one !== undefined) return [one]
  const several = hook.nested(NFTA_HOOK_DEVS)?.all.filter(({ type }) => type === NFTA_DEVICE_NAME) ?? []
  // each ends with a NUL
  return several.map(({ start, end }) => bytes.toString('utf8', start, end - 1))
}

function be32(attributes: Attributes, type: number): number | undefined {
  const bytes = attributes.raw(type)
  return bytes?.length === 4 ? bytes.readUInt32BE() : undefined
}
