// Decodes the journal's native protocol, written from its specification and not from the encoder.

/** Throws if the bytes are no entry. */
export function decodeJournalEntry(bytes: Buffer): [name: string, value: string][] {
  const fields: [string, string][] = []
  let rest = bytes
  while (rest.length > 0) {
    const end = rest.indexOf('\n')
    if (end < 0) throw new Error('a field without end')
    const line = rest.subarray(0, end)
    const equals = line.indexOf('=')
    rest = rest.subarray(end + 1)
    if (equals >= 0) {
      fields.push([line.toString('utf8', 0, equals), line.toString('utf8', equals + 1)])
      continue
    }
    const length = Number(rest.readBigUInt64LE(0))
    const value = rest.subarray(8, 8 + length)
    if (value.length < length || rest[8 + length] !== 0x0a) throw new Error('a value of another length than it says')
    fields.push([line.toString(), value.toString()])
    rest = rest.subarray(8 + length + 1)
  }
  return fields
}
