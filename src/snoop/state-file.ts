// How bindings are kept across restarts of the snooper and of the machine.
import { formatIp, formatMac, parseIp, parseMac } from '../base/address.js'
import { MAX_VNI } from '../base/vni.js'
import { isWhole, parseArray, type StateFormat } from '../os/state-file.js'

/** Times are milliseconds since the epoch, because no other clock survives a restart. */
export type SavedBinding = {
  readonly vni: number
  readonly mac: string
  readonly ip: string
  readonly router: boolean
  readonly port: string
  readonly vlan: number
  readonly firstSeen: number
  readonly lastSeen: number
}

export const BINDINGS_FORMAT: StateFormat<SavedBinding> = {
  header: 'macipd bindings 1',
  items: 'bindings',
  format: formatLine,
  parse: parseLine,
  nameOf: ({ vni, ip }) => `${vni} ${ip}`,
}

const MAX_VLAN = 4094
/** dev_valid_name() (net/core/dev.c) */
const PORT = /^(?!\.{1,2}$)[^\s/:\0]+$/
const MAX_PORT_BYTES = 15

/** `[vni, ip, mac, port, vlan, router, firstSeen, lastSeen]` */
function parseLine(line: string): SavedBinding | undefined {
  const values = parseArray(line)
  if (values?.length !== 8) return undefined
  const [vni, ipText, macText, port, vlan, router, firstSeen, lastSeen] = values
  const ip = typeof ipText === 'string' ? parseIp(ipText) : undefined
  const mac = typeof macText === 'string' ? parseMac(macText) : undefined
  if (ip === undefined || mac === undefined || !isPortName(port)) return undefined
  if (!isWhole(vni, 1, MAX_VNI) || !isWhole(vlan, 0, MAX_VLAN) || !isWhole(router, 0, 1)) return undefined
  if (!isWhole(lastSeen, 0, Number.MAX_SAFE_INTEGER) || !isWhole(firstSeen, 0, lastSeen)) return undefined
  return { vni, mac: formatMac(mac), ip: formatIp(ip), router: router === 1, port, vlan, firstSeen, lastSeen }
}

const isPortName = (value: unknown): value is string =>
  typeof value === 'string' && PORT.test(value) && Buffer.byteLength(value) <= MAX_PORT_BYTES

function formatLine({ vni, ip, mac, port, vlan, router, firstSeen, lastSeen }: SavedBinding): string {
  const last = Math.max(0, Math.round(lastSeen))
  const first = Math.min(last, Math.max(0, Math.round(firstSeen)))
  return JSON.stringify([vni, ip, mac, port, vlan, router ? 1 : 0, first, last])
}
