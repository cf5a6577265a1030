// Converts the relay's reports from protobuf; every field is checked.
import { formatIp, formatMac } from '../base/address.js'
import type { Status } from '../relay/overlay/entry.js'
import type { Announcer, ViewChange } from '../bindings/views.js'
import type { overlay as proto } from '../gen/overlay.js'
import { STATUS_TO_PROTO } from './relay-codec.js'

export const STATUS_FROM_PROTO: ReadonlyMap<proto.EntryStatus, Status> = new Map(
  Object.entries(STATUS_TO_PROTO).map(([status, number]) => [number, status as keyof typeof STATUS_TO_PROTO]),
)

/** Throws RangeError if a change is empty or has an address of the wrong length. */
export function viewChangeFromProto({ vni, mac, remote }: proto.ViewChange.$Properties): ViewChange {
  if (vni != null) {
    return { type: 'vni', vni: vni.vni ?? 0, gone: vni.gone ?? false, tenantVrf: vni.tenantVrf ?? 0 }
  }
  if (mac != null) return macIpChange('zebra', mac)
  if (remote != null) return macIpChange('bgpd', remote)
  throw new RangeError('a change of the views that says nothing')
}

function macIpChange(
  by: Announcer,
  { key, gone, flags, seq }: proto.MacView.$Properties | proto.RemoteView.$Properties,
): ViewChange {
  const { vni, mac, ip } = key ?? {}
  if (mac?.length !== 6) throw new RangeError(`a MAC address has 6 bytes, not ${mac?.length ?? 0}`)
  const length = ip?.length ?? 0
  return {
    type: 'macip',
    by,
    vni: vni ?? 0,
    mac: formatMac(Buffer.from(mac)),
    ip: ip == null || length === 0 ? undefined : ipText(ip),
    gone: gone ?? false,
    flags: flags ?? 0,
    seq: seq ?? 0,
  }
}

function ipText(ip: Uint8Array): string {
  if (ip.length !== 4 && ip.length !== 16) throw new RangeError(`an IP address has 4 or 16 bytes, not ${ip.length}`)
  return formatIp(ip)
}
