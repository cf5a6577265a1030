// Writes and reads the protobuf wire format for tests, without protobufjs: fields by number, nothing else.

export function varint(value: number | bigint): Buffer {
  const bytes: number[] = []
  // a negative int32 has ten bytes
  let left = BigInt.asUintN(64, BigInt(value))
  do {
    bytes.push(Number(left & 0x7fn) | (left > 0x7fn ? 0x80 : 0))
    left >>= 7n
  } while (left > 0n)
  return Buffer.from(bytes)
}

export const number = (field: number, value: number): Buffer => Buffer.concat([varint(field << 3), varint(value)])

export function fixed32(field: number, value: number): Buffer {
  return Buffer.concat([varint((field << 3) | 5), Buffer.from(new Uint32Array([value]).buffer)])
}

export const bytes = (field: number, ...parts: Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts)
  return Buffer.concat([varint((field << 3) | 2), varint(body.length), body])
}

export type Field = { field: number; value: bigint | Buffer }

function readVarint(from: Buffer, at: number): { value: bigint; next: number } {
  let [value, shift] = [0n, 0n]
  for (let next = at; next < from.length; ) {
    const byte = from.readUInt8(next++)
    value |= BigInt(byte & 0x7f) << shift
    if (byte < 0x80) return { value, next }
    shift += 7n
  }
  throw new Error('an unfinished varint')
}

/** The fields of one message, in order. */
export function read(from: Uint8Array): Field[] {
  const message = Buffer.from(from)
  const fields: Field[] = []
  for (let at = 0; at < message.length; ) {
    const { value: tag, next } = readVarint(message, at)
    const field = Number(tag >> 3n)
    const wire = Number(tag & 7n)
    if (wire === 0) {
      const { value, next: end } = readVarint(message, next)
      fields.push({ field, value })
      at = end
    } else if (wire === 5) {
      fields.push({ field, value: BigInt(message.readUInt32LE(next)) })
      at = next + 4
    } else {
      const { value: length, next: start } = readVarint(message, next)
      at = start + Number(length)
      fields.push({ field, value: message.subarray(start, at) })
    }
  }
  return fields
}
