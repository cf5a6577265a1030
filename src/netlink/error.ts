/** The bytes are not the netlink message that they claim to be; `offset` counts from the start of the datagram. */
export class NetlinkDecodeError extends Error {
  override readonly name = 'NetlinkDecodeError'
  constructor(
    readonly offset: number,
    what: string,
  ) {
    super(`at offset ${offset}: ${what}`)
  }
}
