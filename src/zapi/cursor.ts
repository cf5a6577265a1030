// The cursors of ZAPI payloads. zebra copies some ints as they are in memory; it runs on this machine, so these are in host
// order here too.
import { endianness } from 'node:os'
import { Reader as BigEndianReader, Writer as BigEndianWriter, DecodeError } from '../base/cursor.js'

export { DecodeError }

const LITTLE_ENDIAN = endianness() === 'LE'

/**
 * An address of no family: zebra 10.6 and 10.7 write it for a VXLAN device without a local address. bgpd drops such a
 * message, so it is no sign of another release.
 */
export class AbsentAddressError extends DecodeError {}

/** Integers are big endian unless they say host. */
export class Reader extends BigEndianReader {
  hostU16(field: string): number {
    const offset = this.take(field, 2)
    return LITTLE_ENDIAN ? this.payload.readUInt16LE(offset) : this.payload.readUInt16BE(offset)
  }

  hostU32(field: string): number {
    const offset = this.take(field, 4)
    return LITTLE_ENDIAN ? this.payload.readUInt32LE(offset) : this.payload.readUInt32BE(offset)
  }
}

/** Integers are big endian unless they say host. */
export class Writer extends BigEndianWriter {
  hostU16(value: number): void {
    if (LITTLE_ENDIAN) this.buffer.writeUInt16LE(value)
    else this.buffer.writeUInt16BE(value)
  }

  hostU32(value: number): void {
    if (LITTLE_ENDIAN) this.buffer.writeUInt32LE(value)
    else this.buffer.writeUInt32BE(value)
  }
}
