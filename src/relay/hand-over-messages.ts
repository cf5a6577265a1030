// What two relays say to each other when one takes over from the other, in lines on a Unix socket: the holder JSON, with
// descriptors, the successor words.
//
//   holder → successor   holder      who it is
//   successor → holder   give
//   holder → successor   listener    with 1 descriptor, if it has bgpd's listening socket
//                        connection  with the descriptors of one connection, in the order of DESCRIPTORS; one for each
//                        all
//   successor → holder   taken       until then nothing has changed for the holder; now it stops moving bytes
//   holder → successor   connection  those that have begun meanwhile
//                        stopped     from here on only the successor moves bytes
//   successor → holder   moving      the holder's copies are needed no more: it ends
//
// A holder whose successor ends before it has said `moving` goes on.
import { DESCRIPTORS, type SessionOffer } from './ipc.js'

/** Changes when a successor of another version would not understand. */
export const PROTOCOL = 2

export type FromHolder =
  /** A worker is a holder when its keeper has gone. */
  | { type: 'holder'; protocol: number; role: 'keeper' | 'worker'; pid: number }
  /** The inode of the path at which the socket is bound. */
  | { type: 'listener'; inode: number }
  | { type: 'connection'; offer: SessionOffer }
  | { type: 'all' }
  | { type: 'stopped' }

/** How many descriptors come with a message. */
export const descriptorCount = ({ type }: FromHolder): number =>
  type === 'listener' ? 1 : type === 'connection' ? DESCRIPTORS.length : 0

export const encodeLine = (message: FromHolder): Buffer => Buffer.from(`${JSON.stringify(message)}\n`)

/** The socket in the run directory at which a holder waits for its successor. */
export const HAND_OVER_SOCKET = 'handover.sock'
