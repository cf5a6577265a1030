// IPv4 prefixes of UPDATE's own fields (RFC 4271 4.3): | length in bits u8 | as many bytes as the length needs |.
import type { Reader } from '../base/cursor.js'
import { type Prefix, networkOf } from '../base/prefix.js'

/** Reads prefixes to the reader's end; bits beyond a length are cleared. Throws DecodeError. */
export function readIpv4Prefixes(reader: Reader): Prefix[] {
  const prefixes: Prefix[] = []
  while (reader.remaining > 0) {
    const length = reader.u8('prefix length')
    if (length > 32) throw reader.fault('prefix length', 1, `${length} bits, expected at most 32`)
    prefixes.push(networkOf({ ip: reader.ip('prefix', 4, Math.ceil(length / 8)), length }))
  }
  return prefixes
}
