// The EVPN messages, in one codec per direction: which commands they are, and how they are decoded and encoded.
import { HEADER_SIZE, frameCommand, frameVrf } from './frame.js'
import type { CommandName } from './commands.js'
import type { FrrRelease } from './releases.js'
import { type Layout, encodeFrame } from './message.js'
import {
  MACIP_ADD,
  MACIP_DEL,
  type MacIpAdd,
  type MacIpDel,
  REMOTE_MACIP_ADD,
  REMOTE_MACIP_DEL,
  type RemoteMacIpAdd,
  type RemoteMacIpDel,
} from './messages/macip.js'
import { VNI_ADD, VNI_DEL, type VniAdd, type VniDel } from './messages/vni.js'
import { ADVERTISE_ALL_VNI, type AdvertiseAllVni } from './messages/evpn.js'
import { REMOTE_VTEP, type RemoteVtep } from './messages/vtep.js'

/** Layouts by command, zebra → bgpd. */
const FROM_ZEBRA = {
  ZEBRA_VNI_ADD: VNI_ADD,
  ZEBRA_VNI_DEL: VNI_DEL,
  ZEBRA_MACIP_ADD: MACIP_ADD,
  ZEBRA_MACIP_DEL: MACIP_DEL,
} satisfies Partial<Record<CommandName, unknown>>

/** Layouts by command, bgpd → zebra. */
const FROM_BGPD = {
  ZEBRA_ADVERTISE_ALL_VNI: ADVERTISE_ALL_VNI,
  ZEBRA_REMOTE_MACIP_ADD: REMOTE_MACIP_ADD,
  ZEBRA_REMOTE_MACIP_DEL: REMOTE_MACIP_DEL,
  ZEBRA_REMOTE_VTEP_ADD: REMOTE_VTEP,
  ZEBRA_REMOTE_VTEP_DEL: REMOTE_VTEP,
} satisfies Partial<Record<CommandName, unknown>>

const SHAPES: Readonly<Record<keyof typeof FROM_ZEBRA | keyof typeof FROM_BGPD, Layout<unknown>>> = {
  ...FROM_ZEBRA,
  ...FROM_BGPD,
}

/** A message of zebra; `vrf` is the header's vrf, which is that of the EVPN instance. */
export type ZebraMessage =
  | { command: 'ZEBRA_VNI_ADD'; vrf: number; body: VniAdd }
  | { command: 'ZEBRA_VNI_DEL'; vrf: number; body: VniDel }
  | { command: 'ZEBRA_MACIP_ADD'; vrf: number; body: MacIpAdd }
  | { command: 'ZEBRA_MACIP_DEL'; vrf: number; body: MacIpDel }

/** A message of bgpd. */
export type BgpMessage =
  | { command: 'ZEBRA_ADVERTISE_ALL_VNI'; vrf: number; body: AdvertiseAllVni }
  | { command: 'ZEBRA_REMOTE_MACIP_ADD'; vrf: number; body: RemoteMacIpAdd }
  | { command: 'ZEBRA_REMOTE_MACIP_DEL'; vrf: number; body: RemoteMacIpDel }
  | { command: 'ZEBRA_REMOTE_VTEP_ADD' | 'ZEBRA_REMOTE_VTEP_DEL'; vrf: number; body: RemoteVtep }

export const isFromBgpd = (message: ZebraMessage | BgpMessage): message is BgpMessage => message.command in FROM_BGPD

/** The frame of a watched message. */
export function encodeMessage(release: FrrRelease, message: ZebraMessage | BgpMessage): Buffer {
  return encodeFrame(release, message.command, message.vrf, SHAPES[message.command], message.body)
}

/** Decodes the EVPN commands of one direction, which are the watched ones; it does not know others. */
export class EvpnCodec<M extends { command: string; vrf: number; body: unknown }> {
  private readonly byNumber: ({ command: string; shape: Layout<unknown> } | undefined)[] = []

  private constructor(
    private readonly release: FrrRelease,
    shapes: Record<string, Layout<unknown>>,
  ) {
    for (const [command, shape] of Object.entries(shapes)) {
      const number = release.commandNumber(command as CommandName)
      if (number !== undefined) this.byNumber[number] = { command, shape }
    }
  }

  static zebra(release: FrrRelease): EvpnCodec<ZebraMessage> {
    return new EvpnCodec(release, FROM_ZEBRA)
  }

  static bgpd(release: FrrRelease): EvpnCodec<BgpMessage> {
    return new EvpnCodec(release, FROM_BGPD)
  }

  has(command: number): boolean {
    return this.byNumber[command] !== undefined
  }

  /** Decodes one frame whose command is watched; throws DecodeError when its layout is not this release's. */
  decode(frame: Buffer): M {
    const watched = this.byNumber[frameCommand(frame)]
    if (watched === undefined) throw new RangeError(`command ${frameCommand(frame)} is not watched`)
    const body = watched.shape.decode(frame.subarray(HEADER_SIZE), this.release.features)
    // the tables above pair each command with the layout that the union pairs it with
    return { command: watched.command, vrf: frameVrf(frame), body } as M
  }
}
